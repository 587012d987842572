"""Tiny models with random weights, made in a fraction of a second: ordinary Hugging Face folders for the tests.

    bert(folder)        WordPiece over whole words and letters
    roberta(folder)     byte-level BPE
    distilbert(folder)  the tokenizer of `bert`

The weights are drawn wider than usual, so that a text's representation depends on each of its words.
"""

from __future__ import annotations

import string
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from graft.backbone.model import quiet

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
    tokenizer = _wordpiece()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=POSITIONS,
        initializer_range=STD,
        pad_token_id=tokenizer.pad_token_id,
    )
    return _save(folder, BertModel, config, tokenizer, seed)


def distilbert(folder: Path, layers: int = 3, width: int = 32, seed: int = 0) -> Path:
    """A DistilBERT of `layers` blocks with two heads, in safetensors, with its fast tokenizer. Returns the folder."""
    tokenizer = _wordpiece()
    config = DistilBertConfig(
        vocab_size=len(tokenizer),
        dim=width,
        n_layers=layers,
        n_heads=2,
        hidden_dim=2 * width,
        max_position_embeddings=POSITIONS,
        initializer_range=STD,
        pad_token_id=tokenizer.pad_token_id,
    )
    return _save(folder, DistilBertModel, config, tokenizer, seed)


def roberta(folder: Path, layers: int = 3, width: int = 32, seed: int = 0) -> Path:
    """A RoBERTa of `layers` blocks with two heads, in safetensors, with its fast tokenizer. Returns the folder."""
    tokenizer = _byte_level()
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=POSITIONS + 2,  # positions start after the padding index
        initializer_range=STD,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        type_vocab_size=1,
    )
    return _save(folder, RobertaModel, config, tokenizer, seed)


def _save(
    folder: Path, kind: type[PreTrainedModel], config: PreTrainedConfig, tokenizer: PreTrainedTokenizerFast, seed: int
) -> Path:
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        kind(config).save_pretrained(folder)
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
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator([" ".join(WORDS)], trainer)
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
