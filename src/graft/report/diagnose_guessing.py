"""Whether a training loss is one that is had without reading: the loss of guessing, task by task."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graft.records import Epoch, Loss, Manifest
from graft.report import words
from graft.report.blocks import Callout
from graft.report.diagnose_settings import sweep

_NEAR = 0.95  # share of the loss of guessing from which nothing is taken to be learnt


@dataclass(frozen=True, slots=True)
class _Guess:
    """The best that one answer for all rows can do, by the loss that trains."""

    loss: float
    title: str
    by: str  # what it answers
    what: str  # what the texts would have to tell


def hardly_learns(manifest: Manifest, epochs: Sequence[Epoch], loss: Loss) -> Callout | None:
    """A loss that stays at guessing. Of tags and answers the counts that guessing needs are not recorded, and what
    writes starts far below it."""
    losses, guess = [epoch.loss for epoch in epochs if epoch.loss is not None], _guess(manifest, loss)
    if not losses or guess is None or min(losses) < _NEAR * guess.loss:
        return None
    tried = "`--sweep` to try several rates for short; then " if sweep(manifest) else ""
    return Callout(
        "problem",
        guess.title,
        f"The lowest training loss is {words.decimal(min(losses))}; {guess.by} has {words.decimal(guess.loss)}. "
        f"Either the rate does not fit, or training is too short, or the texts do not tell the {guess.what}.",
        f"{tried}read some rows: is this the column of the {guess.what}?",
    )


def _guess(manifest: Manifest, loss: Loss) -> _Guess | None:
    train = manifest.data.split("train")
    counts = train.per_class if train else {}
    match manifest.data.task:
        case "regression":
            # The numbers are divided by their deviation on train, so a constant leaves their variance, which is 1.
            return _Guess(1.0, "The numbers are hardly learnt", "always answering with the mean", "numbers")
        case "classification":
            by = "guessing by class frequency"
            return _Guess(_of_classes(manifest, counts, loss), "The model hardly learns", by, "labels")
        case "multi-label" if train and train.rows and counts and loss.class_weights == "none":
            rate = _of_labels((count / train.rows for count in counts.values()), loss.label_smoothing)
            by = "giving every label by its frequency"
            return _Guess(rate, "The model hardly learns", by, "labels")
    return None


def _of_classes(manifest: Manifest, counts: dict[str, int], loss: Loss) -> float:
    """The loss (nats) of always giving the train split's class frequencies, or even ones where classes weigh alike."""
    classes, total = max(len(manifest.data.classes), 2), sum(counts.values())
    if not total or loss.class_weights == "balanced":
        return math.log(classes)
    kept, spread = 1 - loss.label_smoothing, loss.label_smoothing / classes
    return _entropy(kept * count / total + spread for count in counts.values())


def _of_labels(rates: Iterable[float], smoothing: float) -> float:
    """The mean over labels of the loss (nats) of always giving each by its frequency."""
    smooth = [rate * (1 - smoothing) + smoothing / 2 for rate in rates]
    return sum(_entropy((rate, 1 - rate)) for rate in smooth) / len(smooth)


def _entropy(shares: Iterable[float]) -> float:
    return -sum(share * math.log(share) for share in shares if share > 0)
