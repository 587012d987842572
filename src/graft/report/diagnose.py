"""A run's numbers in words: what stands out, and the setting to change.

Each check looks at one thing and answers with a callout or None. Checks of the data and of the numbers by themselves
are here, those beside the yardsticks in `diagnose_yardsticks.py`, those of the training curves in
`diagnose_training.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from graft.records import (
    LEAKY,
    ClassificationDetails,
    Epoch,
    Evaluation,
    Manifest,
    MultiLabelDetails,
    RewriteDetails,
    SplitSummary,
)
from graft.records.evidence import WritingDetails
from graft.report import words
from graft.report.blocks import Callout, Severity
from graft.report.diagnose_confidence import diagnose_confidence, sound
from graft.report.diagnose_labels import diagnose_labels
from graft.report.diagnose_rewriting import RULES, diagnose_rewriting
from graft.report.diagnose_settings import balanced, code, either, trains
from graft.report.diagnose_training import diagnose_training
from graft.report.diagnose_writing import diagnose_writing
from graft.report.diagnose_yardsticks import comparable, diagnose_yardsticks, main_metric
from graft.report.spelling import misfit

_ORDER: tuple[Severity, ...] = ("problem", "warning", "note", "good")
_MOST = 0.9  # share of leaked rows from which a split is taken for a part of train
_NORMAL = 1.96  # normal quantile of a 95% interval
_WIDE = 0.03  # half an interval of a share from which it is said; a correlation reaches twice as far, from −1 to 1


def diagnose(manifest: Manifest, epochs: Sequence[Epoch], evaluation: Evaluation | None) -> tuple[Callout, ...]:
    """What stands out in a run, gravest first; one good word where nothing does."""
    found = [*_data_findings(manifest), *diagnose_training(manifest, epochs)]
    if evaluation is not None:
        found += _number_findings(manifest, evaluation)
        if isinstance(evaluation.details, WritingDetails):
            found += diagnose_writing(manifest, evaluation.details)
        if isinstance(evaluation.details, RewriteDetails):
            found += diagnose_rewriting(manifest, evaluation, evaluation.details)
        if isinstance(evaluation.details, MultiLabelDetails):
            found += diagnose_labels(manifest, evaluation, evaluation.details)
    callouts = sorted((callout for callout in found if callout), key=lambda callout: _ORDER.index(callout.severity))
    return tuple(callouts) or (_nothing(epochs, evaluation),)


def _nothing(epochs: Sequence[Epoch], evaluation: Evaluation | None) -> Callout:
    """What was looked at and found sound: nothing is said of what no check has seen."""
    trained = any(epoch.number > 0 for epoch in epochs)
    known = "neither the data nor the curves show a known trouble" if trained else "the data show no known trouble"
    if evaluation is None:
        said = f"{known[:1].upper()}{known[1:]}. The test split has not been opened yet."
        return Callout("good", "Nothing stands out", said)
    good = ["the model beats its yardsticks"] if _compared(evaluation) else []
    good += ["its confidence can be trusted"] if sound(evaluation) else []
    said = f"{', '.join(good)}, and {known}." if good else f"{known}."
    alone = "" if _compared(evaluation) else " There was no yardstick to compare the model with."
    return Callout("good", "Nothing stands out", f"{said[:1].upper()}{said[1:]}{alone}")


def _compared(evaluation: Evaluation) -> bool:
    """Whether a check has put the model beside a yardstick."""
    match evaluation.details:
        case WritingDetails(bits=bits):
            return bool(bits)
        case RewriteDetails():
            return any(name in evaluation.baselines for name in RULES)
    return bool(comparable(evaluation))


def _data_findings(manifest: Manifest) -> list[Callout | None]:
    return [
        _leaks(manifest),
        misfit(manifest.truncation.spelling, manifest.backbone.name),
        _duplicates(manifest),
        _truncation(manifest),
        _empty(manifest),
        _few_validation(manifest),
    ]


def _number_findings(manifest: Manifest, evaluation: Evaluation) -> list[Callout | None]:
    return [
        *diagnose_yardsticks(manifest, evaluation),
        _small_classes(manifest, evaluation),
        _wide_interval(manifest, evaluation),
        diagnose_confidence(manifest, evaluation),
        _opened_often(manifest),
    ]


# ------------------------------------------------------------------------------------------------------- the data


def _rows(manifest: Manifest) -> int:
    return sum(split.rows for split in manifest.data.splits)


def _leaks(manifest: Manifest) -> Callout | None:
    leaky = [split for split in manifest.data.splits if split.leaks]
    if not leaky:
        return None
    worst = max(leaky, key=lambda split: split.leaked)
    named = " and ".join(
        f"{words.count(split.leaks)} of the {words.plural(split.rows, f'{split.name} text')} "
        f"({words.percent(split.leaked)})"
        for split in leaky
    )
    return Callout(
        "problem" if worst.leaked >= LEAKY else "warning" if worst.leaked >= 0.01 else "note",
        f"The {worst.name} texts stand in {worst.seen}"
        if worst.leaked >= _MOST
        else f"Some held-out texts also occur in {worst.seen}",
        f"{named[:1].upper()}{named[1:]} also occur in {worst.seen}. {_leak_says(worst, _chosen(manifest))}",
        "remove these rows, or give one file without splits: graft then keeps equal texts on one side.",
    )


def _chosen(manifest: Manifest) -> str:
    """What validation chooses among."""
    return "epoch" if trains(manifest) else "head"


def _leak_says(split: SplitSummary, chosen: str) -> str:
    if "train" not in split.seen:
        return f"The best {chosen} was chosen by these, so the numbers flatter it; how much cannot be told."
    if split.leaked < LEAKY:
        return "The model may know these by heart, so the numbers may flatter it, at most by that share."
    if split.name == "validation":
        return f"The best {chosen} was chosen by what the model remembers, not by how it answers new texts."
    return "The test numbers on this page tell what the model remembers; of new texts they say little or nothing."


def _duplicates(manifest: Manifest) -> Callout | None:
    share = manifest.data.duplicates / max(_rows(manifest), 1)
    if share < 0.02:
        return None
    made = any(split.made for split in manifest.data.splits)
    kept = " Where graft made the splits, equal texts stay on one side." if made else ""
    return Callout(
        "note",
        "Many texts occur more than once",
        f"{words.count(manifest.data.duplicates)} of {words.plural(_rows(manifest), 'row')} "
        f"({words.percent(share)}) have a text "
        f"that another row has too. They count more than once in training and in every number.{kept}",
        "remove repeated rows unless they are meant as weights.",
    )


def _truncation(manifest: Manifest) -> Callout | None:
    cut = manifest.truncation
    share = cut.texts_cut / cut.texts if cut.texts else 0.0
    if share < 0.02:
        return None
    lost = cut.tokens_cut / cut.tokens if cut.tokens else 0.0
    part = "middles" if manifest.recipe.long == "head-tail" else "ends"
    within = min(cut.longest, manifest.backbone.max_tokens)
    setting = (
        f"`--max-tokens {within}` (the longest text has {words.count(cut.longest)} tokens); it costs time."
        if within > cut.limit
        else f"this backbone reads at most {manifest.backbone.max_tokens} tokens: choose one with a longer window."
    )
    return Callout(
        "warning" if share >= 0.1 else "note",
        "Long texts are cut",
        f"{words.percent(share)} of the texts are longer than {cut.limit} tokens and lose their {part}: "
        f"{words.percent(lost)} of all tokens are never read.",
        setting,
    )


def _empty(manifest: Manifest) -> Callout | None:
    empty = sum(split.empty for split in manifest.data.splits)
    share = empty / max(_rows(manifest), 1)
    if share < 0.005:
        return None
    return Callout(
        "note",
        "Some texts are empty",
        f"{words.plural(empty, 'row')} ({words.percent(share)}) hold nothing but white space, so only "
        "their label can be learnt.",
        "remove them, unless empty texts will come in use too.",
    )


def _few_validation(manifest: Manifest) -> Callout | None:
    split, best = manifest.data.split("validation"), manifest.outcome.best_value
    if split is None or split.rows == 0 or best is None or not words.is_share(manifest.recipe.metric):
        return None
    chosen = _chosen(manifest)
    half = _NORMAL * math.sqrt(max(best * (1 - best), 0.01) / split.rows)
    if half < 0.03:
        return None
    return Callout(
        "warning" if half >= 0.06 else "note",
        "Little validation data",
        f"The best {chosen} was chosen on {words.plural(split.rows, words.noun(manifest.data.task))}. A validation "
        f"score of {words.percent(best)} on so few is uncertain by about ±{words.points(half)}, so "
        f"differences between {chosen}s smaller than that are chance.",
        "label more texts, or give a larger file with `--validation`.",
    )


# ------------------------------------------------------------------------------------------------------- the numbers


def _small_classes(manifest: Manifest, evaluation: Evaluation) -> Callout | None:
    accuracy = evaluation.metrics.get("accuracy", 0.0)
    details = evaluation.details
    if not isinstance(details, ClassificationDetails):
        return None
    missed = [one for one in details.per_class if one.support >= 5 and one.recall < min(0.5, accuracy - 0.2)]
    if not missed:
        return None
    missed.sort(key=lambda one: one.recall)
    train = manifest.data.split("train")
    learnt = train.per_class if train else {}
    named = ", ".join(
        f"“{words.shorten(one.name, 40)}” ({words.percent(one.recall, 0)} of {one.support} found"
        + (f", {words.plural(learnt[one.name], 'text')} in train)" if one.name in learnt else ")")
        for one in missed[:3]
    )
    more = f", and {words.plural(len(missed) - 3, 'more class')}" if len(missed) > 3 else ""
    title = "A class is mostly missed" if len(missed) == 1 else f"{len(missed)} classes are mostly missed"
    which, whose = ("this class", "its") if len(missed) == 1 else ("these classes", "their")
    ways = either(f"label more texts of {which}", code(balanced(manifest)))
    return Callout(
        "warning",
        title,
        f"The model finds less than half of {named}{more}.",
        f"{ways}; the confusion shows {whose} rivals.",
    )


def _wide_interval(manifest: Manifest, evaluation: Evaluation) -> Callout | None:
    if not evaluation.metrics or isinstance(evaluation.details, WritingDetails):
        return None
    metric = main_metric(evaluation)
    low, high = evaluation.intervals.get(metric, (0.0, 0.0))
    if (high - low) / 2 < (_WIDE if words.is_share(metric) else 2 * _WIDE):
        return None
    return Callout(
        "note",
        "The test number is uncertain",
        f"On {words.plural(evaluation.n, f'{evaluation.split} {words.noun(manifest.data.task)}')} the "
        f"{words.spoken(metric)} lies anywhere in {words.interval(low, high, words.metric_unit(metric))}. "
        "Comparing models on so few texts mostly compares luck.",
        "label more texts for the test split: four times as many halve the interval.",
    )


def _opened_often(manifest: Manifest) -> Callout | None:
    if manifest.outcome.evaluations <= 1:
        return None
    return Callout(
        "note",
        f"The test split was opened {manifest.outcome.evaluations} times",
        "Settings chosen after a look at test numbers make those numbers flatter. The first look is the honest one.",
        "compare settings on validation, and keep the test split for the last word.",
    )
