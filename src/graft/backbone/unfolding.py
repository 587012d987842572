"""Tokens to text as they come: whole characters only, and nothing of a stop string.

A byte-level token may end in the middle of a character; what it holds of it is kept back until the rest has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BROKEN = "\N{REPLACEMENT CHARACTER}"
BEFORE = 6  # tokens before a new one that are decoded with it, at least: spaces depend on their neighbours
FORGOTTEN = 24  # tokens from which on the earlier ones are no longer decoded


class Unfolding:
    """The text of one row. `prompt`: the tokens that it follows, whose text is not given again."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, prompt: Sequence[int]) -> None:
        self._tokenizer = tokenizer.backend_tokenizer
        self._ids = list(prompt[-BEFORE:])
        self._given = self._decoded()  # the text of these tokens that was given before

    def add(self, token: int) -> str:
        """The characters that are whole now."""
        self._ids.append(token)
        whole = self._decoded()
        if whole.endswith(BROKEN):
            return ""
        return self._new(whole).replace(BROKEN, "")  # bytes that no character has

    def rest(self) -> str:
        """What is still kept back, less the bytes of a character that did not come."""
        return self._new(self._decoded()).replace(BROKEN, "")

    def _new(self, whole: str) -> str:
        text = whole[len(self._given) :]
        self._given = whole
        if len(self._ids) > FORGOTTEN:
            self._ids = self._ids[-BEFORE:]
            self._given = self._decoded()
        return text

    def _decoded(self) -> str:
        text: str = self._tokenizer.decode(self._ids, skip_special_tokens=True)
        return text


class Stopping:
    """Text up to a stop string. What could be the beginning of one is held back."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = tuple(found for found in stop if found)
        self._held = ""
        self.met = False

    def add(self, text: str) -> str:
        """The text that may be shown; after `met`, nothing more."""
        if self.met:
            return ""
        self._held += text
        places = [place for found in self._stop if (place := self._held.find(found)) >= 0]
        if places:
            self.met = True
            return self._shown(min(places))
        longest = max((self._beginning(found) for found in self._stop), default=0)
        return self._shown(len(self._held) - longest)

    def rest(self) -> str:
        """What was held back, where the text ends without a stop string."""
        return "" if self.met else self._shown(len(self._held))

    def _shown(self, size: int) -> str:
        shown, self._held = self._held[:size], self._held[size:]
        return shown

    def _beginning(self, stop: str) -> int:
        """How many of the last characters are the beginning of this stop string."""
        sizes = range(min(len(stop) - 1, len(self._held)), 0, -1)
        return next((size for size in sizes if self._held.endswith(stop[:size])), 0)
