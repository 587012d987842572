"""Tiny causal models with random weights, made in a fraction of a second: ordinary Hugging Face folders for the tests.

gpt2, llama, qwen2, qwen3, gpt_neox; a byte-level BPE that reads everything, but for llama's, which has an unknown token
and opens every text with its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tiny import STD, WORDS
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from graft import quiet

FAMILIES = ("gpt2", "llama", "qwen2", "qwen3", "gpt_neox")
POSITIONS = 64
END = "<|endoftext|>"


def make(name: str, folder: Path, layers: int = 2, width: int = 32, seed: int = 0) -> Path:
    """A model of the family in safetensors, with its fast tokenizer. Returns the folder."""
    tokenizer = words_only() if name == "llama" else byte_level()
    kind, config = _configured(name, tokenizer, layers, width)
    with torch.random.fork_rng(devices=[]), quiet.MODELS:
        torch.manual_seed(seed)
        kind(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def _configured(
    name: str, tokenizer: PreTrainedTokenizerFast, layers: int, width: int
) -> tuple[type[PreTrainedModel], PreTrainedConfig]:
    tokens = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "initializer_range": STD,
    }
    shape = {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "intermediate_size": 2 * width,
        "max_position_embeddings": POSITIONS,
    }
    grouped = shape | {"num_key_value_heads": 2}
    if name == "gpt2":
        return GPT2LMHeadModel, GPT2Config(n_positions=POSITIONS, n_embd=width, n_layer=layers, n_head=4, **tokens)
    if name == "llama":
        return LlamaForCausalLM, LlamaConfig(tie_word_embeddings=True, **grouped, **tokens)
    if name == "qwen2":
        sliding = {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1}
        return Qwen2ForCausalLM, Qwen2Config(**sliding, **grouped, **tokens)
    if name == "qwen3":
        return Qwen3ForCausalLM, Qwen3Config(head_dim=width // 4, **grouped, **tokens)
    return GPTNeoXForCausalLM, GPTNeoXConfig(**shape, **tokens)


def byte_level(texts: Sequence[str] = (" ".join(WORDS),)) -> PreTrainedTokenizerFast:
    """A byte-level BPE trained on these texts: every text can be read and comes back as it was."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=POSITIONS, bos_token=END, eos_token=END, unk_token=END
    )


def words_only(texts: Sequence[str] = (" ".join(WORDS),)) -> PreTrainedTokenizerFast:
    """A lower-case BPE of letters as in sentencepiece: `<s>` opens a text, and what is in no text is `<unk>`."""
    backend = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False)
    backend.train_from_iterator([*texts, "0123456789.,!?'\"- \n"], trainer)
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=POSITIONS, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
