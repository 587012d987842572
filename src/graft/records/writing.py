"""What is asked of a language model that writes, and what it wrote."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

from graft.errors import RecipeError

Ending = Literal["", "end", "stop", "length"]
HOTTEST = 100.0  # beyond, all tokens are equally likely
COLDEST = 1e-4  # below, logits overflow; the likeliest token has all the share anyway


def _refuse_others(given: object, kinds: Mapping[type, Sequence[str]]) -> None:
    """Raises RecipeError for a field that is of another kind than it must be; numpy's numbers are numbers."""
    named: dict[type, str] = {Integral: "a whole number", Real: "a number", tuple: "a tuple of strings"}
    for kind, fields in kinds.items():
        for name in fields:
            value = getattr(given, name)
            if not isinstance(value, kind) or isinstance(value, bool):
                raise RecipeError(f"{name} cannot be {value!r}.", f"give {named[kind]}.")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. Raises RecipeError for a value out of its range.

    The filters work in this order, each on what the one before left: temperature, top-k, top-p (Holtzman et al. 2020),
    min-p (Nguyen et al. 2025). The penalty is that of CTRL (Keskar et al. 2019, section 4.1), on prompt and text.
    """

    temperature: float = 0.8  # 0: always the likeliest token
    top_k: int = 0  # the likeliest so many; 0: all
    top_p: float = 0.95  # the likeliest that have this share together; 1: all
    min_p: float = 0.0  # those at least this share as likely as the likeliest; 0: all
    repetition_penalty: float = 1.0  # what the logits of tokens that occurred are divided by; 1: nothing
    seed: int = 0

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return self.temperature < COLDEST

    def __post_init__(self) -> None:
        shares = ("temperature", "top_p", "min_p", "repetition_penalty")
        _refuse_others(self, {Integral: ("top_k", "seed"), Real: shares})
        within = {
            "temperature": (
                0 <= self.temperature <= HOTTEST,
                f"0 to {HOTTEST:g}; below {COLDEST:g} the likeliest token is taken",
            ),
            "top_k": (self.top_k >= 0, "0 or more"),
            "top_p": (0 < self.top_p <= 1, "above 0, at most 1"),
            "min_p": (0 <= self.min_p < 1, "0 or more, below 1"),
            "repetition_penalty": (0 < self.repetition_penalty < math.inf, "above 0"),
            "seed": (0 <= self.seed < 2**63, "a whole number of 0 to 2^63 - 1"),
        }
        for name, (is_right, rule) in within.items():
            if not is_right:
                raise RecipeError(f"{name} cannot be {getattr(self, name)}.", f"give {rule}.")


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a text as it is written: whole characters only."""

    prompt: int  # which prompt, counted from 0
    sample: int  # which of its texts, counted from 0
    text: str
    ending: Ending = ""  # of the last piece: the model ended the text, a stop string was met, or the length was reached


@dataclass(frozen=True, slots=True)
class Written:
    """A finished text."""

    prompt: str
    sample: int
    text: str  # without the prompt
    ending: Ending


@dataclass(frozen=True, slots=True)
class Generation:
    """What is to be written after each prompt. Raises RecipeError for a value out of its range."""

    samples: int = 1  # texts per prompt
    tokens: int = 200  # the most tokens of a text
    stop: tuple[str, ...] = ()  # strings that end a text; they are not shown
    sampling: Sampling = Sampling()

    def __post_init__(self) -> None:
        _refuse_others(self, {Integral: ("samples", "tokens"), tuple: ("stop",)})
        for text in self.stop:
            if not isinstance(text, str) or not text:
                raise RecipeError(f"A stop string cannot be {text!r}.", "give text of one character or more.")
        if self.samples < 1 or self.tokens < 1:
            raise RecipeError("A generation needs at least one text of at least one token.", "give 1 or more of each.")
