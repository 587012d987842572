"""What a decoder's tokenizer needs before its model can classify.

A decoder sees a whole text at its last token only, which the library finds as the last one that is not padding. So
padding must lie at the right, and be a token that no text ends in; and a text must have a token even when it is empty.
All of it is kept in the tokenizer and configuration that are saved, so that the library alone does the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer, processors

from graft.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def settle(tokenizer: PreTrainedTokenizerBase, config: Any, name: str) -> None:
    """Give a decoder's tokenizer a padding token and, where texts have no opening token, one of those; in place.

    `config`: the model's, which must name the same padding. Raises ModelError where no special token serves.
    """
    backend: Tokenizer = tokenizer.backend_tokenizer
    tokenizer.padding_side = tokenizer.truncation_side = "right"
    tokenizer.pad_token = _padding(tokenizer, backend, name)
    config.pad_token_id = tokenizer.pad_token_id
    if not backend.encode("").ids:
        start = tokenizer.bos_token or tokenizer.eos_token or tokenizer.pad_token
        backend.post_processor = _opened_by(start, tokenizer.eos_token or start, backend)


def _padding(tokenizer: PreTrainedTokenizerBase, backend: Tokenizer, name: str) -> str:
    """A special token that stands for nothing a text can hold: not the one for unknown characters, if there is one."""
    unknown = getattr(backend.model, "unk_token", None)
    named = (tokenizer.pad_token, tokenizer.eos_token, tokenizer.bos_token)
    tokens = [str(token) for token in named if token is not None]
    if not tokens:
        raise ModelError(
            f"{name} has no special token to pad texts with.",
            "add a pad_token to its tokenizer_config.json, or choose another model.",
        )
    return next((token for token in tokens if token != unknown), tokens[0])


def _opened_by(start: str, between: str, backend: Tokenizer) -> Any:
    """A template that opens a text with `start`, and puts `between` between the two texts of a pair."""
    special = [(token, backend.token_to_id(token)) for token in dict.fromkeys((start, between))]
    opened = processors.TemplateProcessing(f"{start} $A", f"{start} $A {between} $B:1", special)
    own = backend.post_processor
    return processors.Sequence([own, opened]) if isinstance(own, processors.ByteLevel) else opened
