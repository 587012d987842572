"""Numbers, names and foreign text as a reader meets them: formatted, and made harmless.

Knows nothing of pages or charts. Everything that came from outside goes through `escape` before it enters markup.
"""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from graft.records import LEAKY, SplitSummary
from graft.records.metrics import metric as known

Unit = Literal["share", "decimal", "number", "seconds"]  # number: in a unit of its own, of any size

MISSING = "–"
ANSWERED = {"mixed": "bf16, and in fp32 where it could change the label", "bf16": "bf16"}
_MINUS = "−"
_PLAIN = -6, 9  # powers of ten within which a number is written out

# Characters that can reorder, hide or break what a reader sees: controls, bidirectional overrides and isolates,
# invisible marks, line separators, lone surrogates. Joiners (U+200C, U+200D) stay: Persian and emoji need them.
_TRICKY = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)

_NAMES = (
    "Macro-F1",
    "Micro-F1",
    "Matthews",
    "Spearman",
    "Pearson",
    "R²",
    "BLEU",
    "ROUGE",
)  # keep their capital in a sentence

# The names of the yardsticks in the terminal, in the report and in the documents.
YARDSTICK_NAMES = {
    "majority": "Majority class",
    "common": "Commonest labels",
    "mean": "Mean of train",
    "tfidf": "TF-IDF + logistic",
    "ridge": "TF-IDF + ridge",
    "lookup": "Training names",
    "overlap": "Overlapping words",
    "never": "Never answer",
    "cosine": "Untrained cosine",
    "scratch": "Random start",
    "before": "Untuned model",
    "copy": "The source",
    "lead": "Its beginning",
    "words": "Word by word",
}

_DOING = {
    "majority": "Always answering with the majority class",
    "common": "Always giving the commonest labels",
    "mean": "Always answering with the mean of train",
    "tfidf": "TF-IDF + logistic",
    "ridge": "TF-IDF + ridge",
    "lookup": "Looking up the names of train",
    "overlap": "Looking where the question's words stand",
    "never": "Never answering",
    "cosine": "The cosine of untrained embeddings",
    "scratch": "A random start of the same architecture",
    "before": "The model before fine-tuning",
    "copy": "Copying the source",
    "lead": "Taking the source's beginning",
    "words": "Replacing each word by what it most often becomes",
}


def visible(text: str) -> str:
    """The text with every character that could hide or reorder others replaced by its code point, such as ⟨U+202E⟩."""
    return _TRICKY.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text.replace("\r\n", "\n"))


def escape(text: object) -> str:
    """Any text as safe HTML or SVG, for content and for quoted attributes."""
    return html.escape(visible(str(text)), quote=True)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, the last an ellipsis where something went."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"


def text_width(text: str, size: float = 12.0) -> float:
    """About how many pixels a sans-serif text takes, rather too many than too few."""
    return sum(map(_ems, text)) * size


def _ems(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF" or character in "WM@%…—":
        return 1.0
    if character in "iljtfr.,:;'|!()[] I":
        return 0.36
    return 0.74 if character.isupper() or character == "m" else 0.59


def fit_width(text: str, pixels: float, size: float = 12.0) -> str:
    """The text cut (with an ellipsis) so that it takes at most about `pixels`; "" where not even two characters fit."""
    if text_width(text, size) <= pixels:
        return text
    for length in range(len(text) - 1, 1, -1):
        short = text[:length].rstrip() + "…"
        if text_width(short, size) <= pixels:
            return short
    return ""


def count(value: int) -> str:
    """1821 → "1,821"."""
    return f"{value:,}"


def plural(value: int, noun: str) -> str:
    """(1, "text") → "1 text"; (1821, "text") → "1,821 texts"; nouns in -s and -ch get -es."""
    ending = "" if value == 1 else "es" if noun.endswith(("s", "ch")) else "s"
    return f"{value:,} {noun}{ending}"


def noun(task: str) -> str:
    """What a row is called, by task."""
    return "question" if task == "question-answering" else "text"


def percent(share: float | None, digits: int = 1) -> str:
    """0.884 → "88.4%"; what is not finite is a dash."""
    if share is None or not math.isfinite(share):
        return MISSING
    return f"{_fixed(100 * share, digits)}%"


def points(difference: float) -> str:
    """A difference of shares, without its sign: 0.072 → "7.2 points"."""
    amount = f"{abs(100 * difference):.1f}"
    return f"{amount} point" if amount == "1.0" else f"{amount} points"


def decimal(value: float | None, digits: int = 3) -> str:
    """A number whose size is known, with so many digits after the point: 0.0004 → "0.000"."""
    return MISSING if value is None or not math.isfinite(value) else _fixed(value, digits)


def number(value: float | None) -> str:
    """A number in a unit of its own, whatever its size, by three digits or more that count: 0.00005123 →
    "0.0000512"; 3.4 → "3.400"; 18204.3 → "18,204"."""
    if value is None or not math.isfinite(value):
        return MISSING
    power = math.floor(math.log10(abs(value))) if value else 0
    if not _PLAIN[0] <= power <= _PLAIN[1]:
        return f"{value:.2e}".replace("-", _MINUS)
    return _fixed(value, max(0, 3 - power) if power >= 0 else 2 - power)


def _fixed(value: float, digits: int) -> str:
    """So many digits after the point; what is rounded to nothing has no sign."""
    written = f"{value:,.{digits}f}"
    return written.replace("-", _MINUS if written.strip("-0.,") else "")


def amount(value: float | None, unit: Unit, digits: int = 1) -> str:
    """A value in its unit; `digits` are a percentage's after the point."""
    match unit:
        case "share":
            return percent(value, digits)
        case "seconds":
            return MISSING if value is None else duration(value)
        case "number":
            return number(value)
    return decimal(value)


def ticks(values: Sequence[float], unit: Unit) -> tuple[str, ...]:
    """What stands at an axis' ticks: as many digits as tell them apart."""
    if unit == "seconds":
        return tuple(map(duration, values))
    factor, mark = (100, "%") if unit == "share" else (1, "")
    step = factor * min((after - before for before, after in pairwise(values)), default=1.0)
    digits = max(0, math.ceil(-math.log10(step) - 1e-9))
    largest = math.floor(math.log10(factor * max(map(abs, values), default=1.0) or 1.0))
    if digits <= -_PLAIN[0] and largest <= _PLAIN[1]:
        return tuple(f"{_fixed(factor * value, digits)}{mark}" for value in values)
    return tuple(f"{factor * value:.{max(0, largest + digits)}e}".replace("-", _MINUS) for value in values)


def duration(seconds: float) -> str:
    """0.42 → "0.4 s"; 72 → "1 min 12 s"; 7500 → "2 h 5 min"."""
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def size(octets: int) -> str:
    """Bytes in powers of 1024, the one convention of terminal, report and documents: 1_234_000_000 → "1.1 GiB"."""
    value, unit = float(octets), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:,.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"


def yardstick(name: str) -> str:
    return YARDSTICK_NAMES.get(name, name)


def doing(name: str) -> str:
    """What a yardstick does, as the subject at the start of a sentence."""
    return _DOING.get(name, name)


def leaks(split: SplitSummary | None) -> str:
    """A sentence on a held-out split of which much was seen before; "" where it holds new texts."""
    if split is None or split.leaked < LEAKY:
        return ""
    share = percent(split.leaked, 0 if split.leaks == split.rows else 1)
    tells = "what the model remembers" if "train" in split.seen else "what it was chosen by"
    return f"{share} of these texts also stand in {split.seen}: these numbers tell {tells}."


def large(value: float) -> str:
    """22_713_216 → "22.7 million"; 12_345 → "12,345"."""
    if value >= 1e9:
        return f"{value / 1e9:.1f} billion"
    return f"{value / 1e6:.1f} million" if value >= 1e6 else f"{value:,.0f}"


def is_share(metric: str) -> bool:
    """Whether a metric is a share between 0 and 1 that reads best in percent."""
    return known(metric).unit == "share"


def is_loss(metric: str) -> bool:
    """Whether less of it is better."""
    return not known(metric).higher


def spoken(metric: str) -> str:
    """A metric's name within a sentence."""
    name = metric_name(metric)
    return name if name.startswith(_NAMES) else name[:1].lower() + name[1:]


def metric_name(metric: str) -> str:
    return known(metric).title


def metric_unit(metric: str) -> Unit:
    return known(metric).unit


def metric_value(metric: str, value: float | None) -> str:
    return amount(value, metric_unit(metric))


def difference(metric: str, first: float, second: float) -> str:
    """How far two values of a metric lie apart, as they are written: "7.2 points"; "" where they are written alike."""
    if metric_value(metric, first) == metric_value(metric, second):
        return ""
    match metric_unit(metric):
        case "share":
            return points(round(first, 3) - round(second, 3))
        case "number":
            return number(abs(first - second))
    return decimal(abs(round(first, 3) - round(second, 3)))


def interval(low: float, high: float, unit: Unit = "share") -> str:
    """(0.869, 0.898) → "86.9–89.8%"; the unit is said once."""
    first = amount(low, unit)
    return f"{first.removesuffix('%')}{' to ' if first.startswith(_MINUS) else '–'}{amount(high, unit)}"
