"""Tiny models with random weights, made in a fraction of a second: ordinary Hugging Face folders for the tests.

    make("bert", folder)     WordPiece over whole words and letters
    make("roberta", folder)  byte-level BPE
    make("gpt2", folder)     byte-level BPE that adds no special tokens and has none for padding

The weights are drawn wider than usual, so that a text's representation depends on each of its words.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM, PreTrainedConfig, PreTrainedTokenizerFast

from graft import quiet

PROSE = (
    "the a an and or but not no very too of in on at to for with from by is was are were be been it this that we i "
    "you they he she my our your their there here all some more most only just than then so as if when while after "
    "good bad great poor fine dull warm cold fresh stale kind rude quick slow clean dirty quiet loud cheap dear happy "
    "sad lovely awful tasty bland soup bread rice fish cake tea coffee wine table chair room bed door window street "
    "road park bus train bin bins waste light lights tree trees path bench river bridge market school library staff "
    "waiter service food meal price visit day night week morning evening hour minute time place people man woman "
    "child dog cat bird again never always ever once twice still came went made took gave left found waited worked "
    "broke closed open late early new old big small long short first last one two three four five red green blue"
)
WORDS = PROSE.split()
POSITIONS = 64
STD = 0.15  # of the random weights
AWKWARD = [
    "the bread was fresh and the waiter kind",
    "",
    "[SEP] a bad [CLS] soup </s> cold <pad> rice [PAD] <s> [MASK] <mask>",
    "good " * 200,
    "one",
    "we waited an hour for cold rice and the tea was not warm",
    "   ",
    "bad bad bad",
]


def bert(folder: Path, layers: int = 3, width: int = 32, seed: int = 0) -> Path:
    """A BERT of `layers` blocks with two heads, in safetensors, with its fast tokenizer. Returns the folder."""
    return make("bert", folder, layers, width, seed)


def distilbert(folder: Path, layers: int = 3, width: int = 32, seed: int = 0) -> Path:
    """A DistilBERT of `layers` blocks with two heads, in safetensors, with its fast tokenizer. Returns the folder."""
    return make("distilbert", folder, layers, width, seed)


def roberta(folder: Path, layers: int = 3, width: int = 32, seed: int = 0) -> Path:
    """A RoBERTa of `layers` blocks with two heads, in safetensors, with its fast tokenizer. Returns the folder."""
    return make("roberta", folder, layers, width, seed)


def make(family: str, folder: Path, layers: int = 3, width: int = 32, seed: int = 0) -> Path:
    """A model of a family (its `model_type`): `layers` blocks with two heads, in safetensors, with its fast tokenizer.

    Returns the folder.
    """
    return _save(folder, *_sized(family, layers, width), seed)


def rewriter(family: str, folder: Path, layers: int = 3, width: int = 32, seed: int = 0) -> Path:
    """The same of an encoder-decoder with the head of its language model."""
    config, tokenizer = _sized(family, layers, width)
    if tokenizer.bos_token_id is None:
        vars(config).pop("bos_token_id", None)  # as in T5's own files
    return _save(folder, config, tokenizer, seed, AutoModelForSeq2SeqLM)


def _sized(family: str, layers: int, width: int) -> tuple[PreTrainedConfig, PreTrainedTokenizerFast]:
    maker, own = (FAMILIES | UNKNOWN)[family]
    tokenizer = maker()
    sizes = {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 2 * width,
        "hidden_dim": 2 * width,  # DistilBERT's name for it
        "max_position_embeddings": POSITIONS,
        "initializer_range": STD,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    return AutoConfig.for_model(family, **(sizes | own)), tokenizer


def _save(
    folder: Path, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerFast, seed: int, auto: Any = AutoModel
) -> Path:
    with torch.random.fork_rng(devices=[]), quiet.MODELS:
        torch.manual_seed(seed)
        auto.from_config(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def _wordpiece() -> PreTrainedTokenizerFast:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = list(string.ascii_lowercase + string.digits + string.punctuation)
    pieces = [f"##{letter}" for letter in string.ascii_lowercase + string.digits]
    vocabulary = dict.fromkeys([*special, *letters, *pieces, *WORDS])
    codes = {piece: code for code, piece in enumerate(vocabulary)}
    backend = Tokenizer(models.WordPiece(codes, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.post_processor = processors.BertProcessing(("[SEP]", codes["[SEP]"]), ("[CLS]", codes["[CLS]"]))
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=POSITIONS,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def _byte_level() -> PreTrainedTokenizerFast:
    backend = _byte_pairs(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    ends = [(token, backend.token_to_id(token)) for token in ("</s>", "<s>")]
    backend.post_processor = processors.RobertaProcessing(*ends, trim_offsets=True, add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=POSITIONS,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
    )


def _endless() -> PreTrainedTokenizerFast:
    """GPT-2's way: one special token for everything, none of it added to texts, and none for padding."""
    backend = _byte_pairs(["<|endoftext|>"])
    backend.post_processor = processors.ByteLevel(trim_offsets=False)
    end = "<|endoftext|>"
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=POSITIONS, bos_token=end, eos_token=end, unk_token=end
    )


def _opened() -> PreTrainedTokenizerFast:
    """Llama's way: an opening token; here, as in some small ones, the padding is what unknown characters become."""
    backend = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False)
    backend.train_from_iterator([" ".join(WORDS)], trainer)
    backend.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B:1", [("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=POSITIONS,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<unk>",
    )


def _closed() -> PreTrainedTokenizerFast:
    """T5's way: a closing token."""
    backend = _byte_pairs(["<pad>", "</s>", "<unk>"])
    backend.post_processor = processors.TemplateProcessing("$A </s>", "$A </s> $B </s>", [("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=POSITIONS,
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
    )


def _byte_pairs(special: list[str]) -> Tokenizer:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator([" ".join(WORDS)], trainer)
    return backend


_OFFSET = {"max_position_embeddings": POSITIONS + 2, "type_vocab_size": 1}  # positions start after the padding index
_DEBERTA = {  # as v3: relative positions alone, in buckets, their embeddings normed and shared
    "relative_attention": True,
    "position_buckets": 8,
    "max_relative_positions": -1,
    "pos_att_type": ["p2c", "c2p"],
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "position_biased_input": False,
    "type_vocab_size": 0,
}
_QWEN = {"num_key_value_heads": 1, "use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1}
_T5 = {"d_kv": 8, "d_ff": 64, "num_decoder_layers": 2, "feed_forward_proj": "gated-gelu", "decoder_start_token_id": 0}
_BART = {"decoder_layers": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "decoder_attention_heads": 2}
FAMILIES: dict[str, tuple[Callable[[], PreTrainedTokenizerFast], dict[str, Any]]] = {
    "bert": (_wordpiece, {}),
    "roberta": (_byte_level, _OFFSET),
    "xlm-roberta": (_byte_level, _OFFSET),
    "distilbert": (_wordpiece, {}),
    "electra": (_wordpiece, {"embedding_size": 16}),  # narrower than the blocks, as in the small and the large one
    "mpnet": (_byte_level, _OFFSET),
    "deberta-v2": (_wordpiece, _DEBERTA),
    "modernbert": (_wordpiece, {"local_attention": 8, "cls_token_id": 2, "sep_token_id": 3}),  # a narrow window
    "albert": (_wordpiece, {"embedding_size": 16, "inner_group_num": 1}),
    "gpt2": (_endless, {"n_inner": 64}),
    "gpt_neox": (_endless, {}),
    "llama": (_opened, {"num_key_value_heads": 1}),
    "qwen2": (_endless, _QWEN),
    "qwen3": (_endless, _QWEN | {"head_dim": 8}),
    "t5": (_closed, _T5),
    "mt5": (_closed, _T5),
    "bart": (_byte_level, _BART),
}
_MARIAN = _BART | {"decoder_start_token_id": 0, "forced_eos_token_id": None}
UNKNOWN = {"marian": (_closed, _MARIAN)}  # to graft, by their names
