"""What is shown of a style that was learned: numbers on texts of several kinds, and texts that were written."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from graft.records.material import Interval


@dataclass(frozen=True, slots=True)
class Bits:
    """What a model pays for one body of text."""

    text: str  # "held out", "neutral", "contrast"
    model: str  # "before", "after", "scratch"
    bits: float  # per character
    interval: Interval
    perplexity: float
    characters: int


@dataclass(frozen=True, slots=True)
class StyleScore:
    """How much of one body of text a judge takes for the style."""

    judge: str  # what it tells the style from: "neutral" or "contrast"
    body: str  # "held out", "after", "before", "neutral", "contrast"
    share: float
    interval: Interval
    passages: int


@dataclass(frozen=True, slots=True)
class Copied:
    """A passage of a written text that stands in the training text."""

    text: str
    words: int
    source: str  # the title of the document that has it


@dataclass(frozen=True, slots=True)
class Novelty:
    """How much of one body of text stands in the training text, in runs of at least `run` words."""

    body: str  # "after", "before", "held out"
    share: float  # of words
    longest: int  # words
    words: int
    run: int


@dataclass(frozen=True, slots=True)
class Repetition:
    """How much one body of text repeats itself."""

    body: str
    distinct: tuple[float, float, float]  # share of different runs of 1, 2 and 3 words, within passages of 100
    looped: float  # share of characters in phrases said three times or more in a row
    example: str = ""  # the longest of these


@dataclass(frozen=True, slots=True)
class Sample:
    """The same prompt before and after, at one temperature."""

    prompt: str
    temperature: float
    before: str
    after: str


class WritingDetails(msgspec.Struct, frozen=True, tag_field="task", tag="write"):
    """What the report shows about a model that writes."""

    bits: tuple[Bits, ...] = ()
    gain: Interval = (0.0, 0.0)  # 95%, of bits per character before minus after on held-out text, paired by window
    style: tuple[StyleScore, ...] = ()
    judges: tuple[str, ...] = ()  # one sentence per judge: what it learned from
    novelty: tuple[Novelty, ...] = ()
    copied: tuple[Copied, ...] = ()  # the longest passages, longest first
    repetition: tuple[Repetition, ...] = ()
    samples: tuple[Sample, ...] = ()
    characters: int = 0  # of the training text
    lost: float = 0.0  # share of held-out characters that the tokenizer loses
