"""Numbers, names and foreign text as a reader meets them: formatted, and made harmless.

Knows nothing of pages or charts. Everything that came from outside goes through `escape` before it enters markup.
"""

from __future__ import annotations

import html
import math
import re
import unicodedata

from graft.records import LEAKY, SplitSummary
from graft.records.metrics import metric as known

MISSING = "–"
ANSWERED = {"mixed": "bf16, and in fp32 where it could change the label", "bf16": "bf16"}
_MINUS = "−"

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
    return f"{100 * share:.{digits}f}%".replace("-", _MINUS)


def points(difference: float) -> str:
    """A difference of shares, without its sign: 0.072 → "7.2 points"."""
    amount = f"{abs(100 * difference):.1f}"
    return f"{amount} point" if amount == "1.0" else f"{amount} points"


def decimal(value: float | None, digits: int = 3) -> str:
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.{digits}f}".replace("-", _MINUS)


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


def metric_value(metric: str, value: float | None) -> str:
    return percent(value) if is_share(metric) else decimal(value)


def interval(low: float, high: float, share: bool = True) -> str:
    """(0.869, 0.898) → "86.9–89.8%"; the unit is said once."""
    if share:
        return f"{100 * low:.1f}–{100 * high:.1f}%".replace("-", _MINUS)
    return f"{low:.3f} to {high:.3f}".replace("-", _MINUS) if low < 0 else f"{low:.3f}–{high:.3f}"
