"""Ranking: one pass of each candidate over a sample of the train split, and the scores of every depth.

Only rows of train are read. A generator of events: `Progress` often, `Measured` or `Unranked` for each candidate.

    pilot      each model is loaded and reads a few rows, which tells its pace
    shares     who is too slow even for few rows is skipped; the others share the time so that all read about as many
    passes     each reads on as long as its share lasts, and its depths are scored

What a pass extracts goes through the cache of representations, so the run that follows does not extract it again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence

import numpy as np

from graft.cache.store import Store
from graft.choose.candidates import Named, located, reason
from graft.choose.entrant import FEWEST_ROWS, Entrant, Measured, NoTime
from graft.choose.sample import Sample
from graft.errors import GraftError, first_line
from graft.records import MachineRecord, Progress, Unranked
from graft.report import words

HELD = 0.25  # share of the free memory that models may hold between pilot and pass

Event = Progress | Unranked | Measured


def rank(wanted: Sequence[Named], sample: Sample, machine: MachineRecord, store: Store, free: int) -> Iterator[Event]:
    """Measure every candidate that can be. `free`: bytes of memory that may be used (0: not known)."""
    order = sample.order
    sampled = sample.train.take(order)
    entrants: list[Entrant] = []
    for found in located(wanted, free):
        if isinstance(found, Unranked):
            yield found
            continue
        entrant = Entrant(found, sample, machine, store)
        skipped = yield from _tried(entrant.pilot(sampled), found.named.name)
        if skipped is None:
            entrants.append(entrant)
            _release(entrants, free)
    for entrant, why in _too_slow(entrants, sample):
        entrants.remove(entrant)
        yield Unranked(entrant.name, why)
    answers = sample.answers(order)
    while entrants:
        whole = sum(entrant.seconds(len(order)) for entrant in entrants)
        entrant = entrants.pop(0)
        share = sample.left * entrant.seconds(len(order)) / whole  # so that all read about as many rows
        yield from _tried(entrant.measure(answers, time.perf_counter() + share), entrant.name)
        entrant.backbone = entrant.extractor = None


def _tried(work: Iterator[Event], name: str) -> Generator[Event, None, Unranked | None]:
    """The events of one candidate's work; whatever goes wrong with it must not stop the others."""
    try:
        yield from work
        return None
    except MemoryError:
        skipped = Unranked(name, "the memory did not suffice")
    except GraftError as error:
        skipped = Unranked(name, reason(error, name))
    except NoTime:
        skipped = Unranked(name, "the time was up before it was scored")
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, KeyError) as error:
        skipped = Unranked(name, f"it cannot be run: {first_line(error)}")
    yield skipped
    return skipped


def _release(entrants: Sequence[Entrant], free: int) -> None:
    """Let go of models until those that stay loaded leave most of the memory free."""
    held = [entrant for entrant in entrants if entrant.backbone is not None]
    sizes = [6 * entrant.backbone.record.parameters for entrant in held if entrant.backbone is not None]
    while free and sum(sizes) > HELD * free:
        largest = int(np.argmax(sizes))
        held[largest].backbone = held[largest].extractor = None
        sizes[largest] = 0


def _too_slow(entrants: Sequence[Entrant], sample: Sample) -> Iterator[tuple[Entrant, str]]:
    """The slowest candidates, until the others can read a small sample in the time."""
    left = list(entrants)
    fewest = min(FEWEST_ROWS, *(entrant.rows for entrant in left)) if left else 0
    while left and sum(entrant.seconds(fewest) for entrant in left) > sample.left:
        slowest = max(left, key=lambda entrant: entrant.seconds(fewest))
        need, whole = slowest.seconds(fewest), sum(entrant.seconds(fewest) for entrant in left)
        together = f", and the {len(left)} models together {words.duration(whole)}" if len(left) > 1 else ""
        there = f"there is time for {words.duration(max(0.0, sample.left))}"
        enough = words.duration(math.ceil(sample.budget + (whole - sample.left) / sample.share))
        takes = f"reading {fewest} rows takes it about {words.duration(need)}{together}"
        yield slowest, f"{takes}, but {there}; a budget of {enough} would do"
        left.remove(slowest)
