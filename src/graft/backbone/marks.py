"""The tokens that open and close a text for a language model, and those that are no text at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Marks:
    """Token ids; None where a tokenizer has none."""

    start: int | None  # what a text begins after: the token that opens, else the one that ends the text before
    end: int | None  # what a text ends with
    ends: frozenset[int]  # any of these ends a text that is written
    unknown: int | None  # what stands for characters that the tokenizer does not have
    silent: tuple[int, ...]  # never written: they have no characters, and end nothing
    spelled: str  # the end token in characters, which models write that met it so in their texts


def marks_of(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Marks:
    """The marks of a model with its tokenizer."""
    opening, end = _id(tokenizer.bos_token_id), _id(tokenizer.eos_token_id)
    settings: Any = model.generation_config if model.can_generate() else None
    named = getattr(settings, "eos_token_id", None)
    ends = frozenset([*([end] if end is not None else []), *(named if isinstance(named, list) else [named])]) - {None}
    unknown = _id(tokenizer.unk_token_id)
    words = int(model.config.get_text_config().vocab_size)
    special: Iterable[int] = tokenizer.all_special_ids
    silent = sorted({token for token in (*special, *range(len(tokenizer), words)) if token not in ends})
    return Marks(
        start=opening if opening is not None else end,
        end=end,
        ends=frozenset(int(token) for token in ends if token is not None),
        unknown=unknown if unknown not in (opening, end) else None,
        silent=tuple(token for token in silent if token < words),
        spelled=str(tokenizer.eos_token or ""),
    )


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """A text's own tokens, without marks; what looks like a mark within it is read as characters."""
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = True
    ids: list[int] = backend.encode(text, add_special_tokens=False).ids
    return ids


def _id(found: Any) -> int | None:
    return None if found is None else int(found)
