"""The door to choosing a model that writes: which language model pays least for the person's texts as it is.

Bits per character of the same stretches of train for every candidate: they compare across tokenizers, and what a
tokenizer loses of a text is charged (`data/tokens/prose.py`). No candidate has learnt from these texts yet, so they are
held out for all of them, unless one met them when it was pretrained. A generator of events; validation and test stay
closed.

    pilot    each model is loaded and scores a little, which tells its pace
    scores   all score the same text, as much of it as the time allows for all
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graft.backbone.model import Backbone
from graft.backbone.model import load as load_model
from graft.backbone.models import at_hand
from graft.choose.candidates import Found, Named, located, reason
from graft.choose.cost import Effort, costs
from graft.choose.entrant import Measured, Pace, sizes
from graft.data.table import Splits
from graft.data.tokens.spelling import spell
from graft.errors import GraftError, first_line
from graft.evaluate import measure
from graft.evidence import scored
from graft.fit_options import FitOptions
from graft.records import Candidate, Forecast, MachineRecord, Progress, Unranked
from graft.report import spelling, words
from graft.tasks.writing import WRITING
from graft.tasks.writing_metrics import Counts, Scored
from graft.train.scale import Scale
from graft.train.writing_recipes import WINDOW

METRIC = "bits_per_character"
BASIS = (
    "What is expected here is what a model takes as it is, before any training, with the interval that so much text "
    "leaves; fine-tuning lowers it, and may change the order."
)
PILOT, MOST = 4_000, 200_000  # characters
PIECE = 2_000  # characters of a document in a row: a sample of many documents tells more than one of few
RESERVE = 0.8  # share of the time that is planned for
FAILURES = (MemoryError, RuntimeError, ValueError, TypeError, IndexError, AttributeError, KeyError)

Event = Progress | Unranked


@dataclass
class Writer:
    """A candidate on its way: what it has paid so far, and how fast."""

    found: Found
    backbone: Backbone
    loading: float
    counts: Counts
    seconds: float = 0.0

    @property
    def name(self) -> str:
        return self.found.named.name

    @property
    def window(self) -> int:
        return min(WINDOW, self.backbone.record.max_tokens)


def weighed(
    wanted: Sequence[Named], splits: Splits, fit: FitOptions, chosen: MachineRecord, deadline: float
) -> Generator[Event, None, tuple[list[Forecast], list[Unranked], int]]:
    """Every candidate's price for the same text, the lowest first; who was left out; how many characters were read."""
    texts = pieces(splits)
    writers: list[Writer] = []
    left_out: list[Unranked] = []
    for found in located(wanted, 0):
        outcome: Writer | Unranked
        if isinstance(found, Unranked):
            outcome = found
        elif time.perf_counter() > deadline:
            outcome = Unranked(found.named.name, "the time was up before it was scored")
        else:
            outcome = yield from _pilot(found, texts, chosen)
        if isinstance(outcome, Writer):
            writers.append(outcome)
        else:
            left_out.append(outcome)
            yield outcome
    per_character = sum(writer.seconds for writer in writers) / PILOT
    left = RESERVE * (deadline - time.perf_counter())
    more = min(MOST, int(left / max(per_character, 1e-9)))
    if more > PILOT:
        for writer in writers:
            yield from _score(writer, texts, more, chosen)
    read = min(max(more, PILOT), sum(map(len, texts)))
    made = [_forecast(writer, splits, fit) for writer in writers]
    return _ordered(made), left_out, read


def pieces(splits: Splits) -> list[str]:
    """Stretches of train's documents, one of each document after the other, then the second of each, and so on."""
    documents = list(splits.train.texts)
    longest = max(map(len, documents), default=0)
    starts = range(0, min(longest, MOST), PIECE)
    cut = (document[start : start + PIECE] for start in starts for document in documents)
    return [piece for piece in cut if piece.strip()]


def first(texts: Sequence[str], characters: int) -> list[str]:
    """The first so many characters."""
    ends = np.cumsum([len(text) for text in texts])
    whole = int(np.searchsorted(ends, characters, side="right"))
    rest = characters - (int(ends[whole - 1]) if whole else 0)
    return [*texts[:whole], *([texts[whole][:rest]] if whole < len(texts) and rest else [])]


def _pilot(found: Found, texts: Sequence[str], chosen: MachineRecord) -> Generator[Progress, None, Writer | Unranked]:
    """A candidate that has scored a little, or why it cannot be one."""
    began = time.perf_counter()
    try:
        backbone = load_model(found.located, (), head=WRITING.head)
        writer = Writer(found, backbone, time.perf_counter() - began, np.zeros((0, 4)))
        yield from _score(writer, texts, PILOT, chosen)
    except GraftError as error:
        return Unranked(found.named.name, reason(error, found.named.name))
    except FAILURES as error:
        return Unranked(found.named.name, f"it cannot be run: {first_line(error)}")
    return writer


def _score(writer: Writer, texts: Sequence[str], characters: int, chosen: MachineRecord) -> Iterator[Progress]:
    began = time.perf_counter()
    part = first(texts, characters)
    writer.counts = yield from scored(writer.backbone, chosen, writer.window, part, f"scored by {writer.name}")
    writer.seconds = time.perf_counter() - began


def _forecast(writer: Writer, splits: Splits, fit: FitOptions) -> Forecast:
    found = measure(Scored(writer.counts), level=0.8)
    tokens, characters = (float(writer.counts[:, place].sum()) for place in (1, 2))
    record, backbone = writer.backbone.record, writer.backbone
    model = Candidate(
        writer.name, record.family, record.blocks, record.blocks, record.width, record.parameters, record.max_tokens,
        writer.found.card.licence, writer.found.card.score(),
    )  # fmt: skip
    pace = Pace(writer.seconds / max(tokens, 1), writer.window, writer.loading)
    measured = Measured(model, sizes(backbone), (), 0, pace, (record.blocks,))
    value = found.metrics[METRIC]
    spelt = spell(
        splits.train.texts, backbone.tokenizer.backend_tokenizer, backbone.tokenizer.unk_token_id,
        at_hand.languages(writer.found.located),
    )  # fmt: skip
    paid = f"{words.decimal(value, 2)} bits per character over {round(characters):,} characters of train"
    why = (
        f"As it is, it takes {paid}.",
        f"In its vocabulary {spelling.cost(spelt)}.",
    )
    whole = sum(map(len, splits.train.texts)) * tokens / max(characters, 1)
    spent = costs(measured, record.blocks, _effort(writer, fit, round(whole)))
    return Forecast(model, value, found.intervals[METRIC], None, None, spent, why, spelling=spelt)


def _effort(writer: Writer, fit: FitOptions, tokens: int) -> Effort:
    """What the recipe asks for on all of train."""
    record = writer.backbone.record
    rows = max(1, -(-tokens // writer.window))
    scale = Scale(rows, tokens, 1, record.blocks, record.width, task=WRITING)
    return Effort.of(fit.recipe_at(scale), rows, tokens / rows)


def _ordered(made: Sequence[Forecast]) -> list[Forecast]:
    ordered = sorted(made, key=lambda one: (one.expected, one.costs.minutes))
    return [dataclasses.replace(one, efficient=not _beaten(one, ordered)) for one in ordered]


def _beaten(one: Forecast, others: Sequence[Forecast]) -> bool:
    return any(
        other.costs.minutes < one.costs.minutes and other.expected <= one.expected for other in others if other != one
    )


def picked(ordered: Sequence[Forecast], within: float) -> tuple[Forecast, str]:
    """The candidate to take, and why; `within`: the cheapest that takes at most such a share more than the best."""
    best = ordered[0]
    enough = [one for one in ordered if one.expected <= best.expected * (1 + within)]
    pick = min(enough, key=lambda one: one.costs.minutes) if within else best
    if len(ordered) == 1:
        return pick, "it is the only candidate that could be compared"
    if pick is best:
        return pick, f"it takes the fewest bits per character as it is, {words.decimal(best.expected)}"
    return pick, f"it is the cheapest that takes at most {words.percent(within)} more bits than the best"
