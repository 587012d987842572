"""Made-up but realistic records of runs, for looking at reports and for testing them."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import msgspec

from graft.records import (
    BackboneRecord,
    Baseline,
    ClassificationDetails,
    ClassScores,
    Columns,
    Cost,
    DataSummary,
    Epoch,
    Evaluation,
    HeadRecord,
    Interval,
    MachineRecord,
    Manifest,
    Mistake,
    Optimiser,
    Outcome,
    Phase,
    Recipe,
    ReliabilityBin,
    Request,
    Source,
    SplitSummary,
    Stage,
    StageRecord,
    Trial,
    Truncation,
)

HOSTILE = "<script>alert('x')</script>\u202egnp.exe\u202c \"quoted\" & <img src=x onerror=alert(1)> \x00\x1b[31m"
_SENTENCE = (
    "the acting carries a thin plot, warm and never cheap; a slow first hour that somehow pays off in ten minutes, "
    "with a score nobody asked for and dialogue that would embarrass a greeting card, yet my daughter laughed"
)
_WORDS = _SENTENCE.split()


def sentence(chance: random.Random, most: int = 34) -> str:
    words = [chance.choice(_WORDS).strip(",;") for _ in range(chance.randint(3, most))]
    return " ".join(words).capitalize() + chance.choice((".", "!", "", "…"))


def _around(value: float, half: float) -> Interval:
    return max(0.0, value - half), min(1.0, value + half)


def _confusion(chance: random.Random, number: int, per_class: int, accuracy: float) -> tuple[tuple[int, ...], ...]:
    rows = []
    for truth in range(number):
        texts = max(4, round(per_class * chance.uniform(0.5, 1.5)))
        counts = [0] * number
        for _ in range(texts):
            near = (truth + chance.choice((1, 1, 1, 2, -1, 5))) % number
            counts[truth if chance.random() < accuracy else near] += 1
        rows.append(tuple(counts))
    return tuple(rows)


def _class_scores(names: tuple[str, ...], confusion: tuple[tuple[int, ...], ...]) -> tuple[ClassScores, ...]:
    made = []
    for number, name in enumerate(names):
        right, support = confusion[number][number], sum(confusion[number])
        predicted = sum(row[number] for row in confusion)
        precision, recall = right / max(predicted, 1), right / max(support, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        half = 0.9 / max(support, 1) ** 0.5
        values = {"precision": precision, "recall": recall, "f1": f1}
        spans = {key: _around(value, half * (1.15 - value)) for key, value in values.items()}
        made.append(ClassScores(name, support, precision, recall, f1, spans))
    return tuple(made)


def evaluation(names: tuple[str, ...], per_class: int, accuracy: float, tfidf: float, seed: int = 1) -> Evaluation:
    """Numbers of a classifier that is right about so often; `accuracy` and `tfidf` are shares."""
    chance = random.Random(seed)
    confusion = _confusion(chance, len(names), per_class, accuracy)
    n = sum(map(sum, confusion))
    right = sum(row[number] for number, row in enumerate(confusion)) / n
    half = 1.96 * (right * (1 - right) / n) ** 0.5
    scores = _class_scores(names, confusion)
    macro = sum(one.f1 for one in scores) / len(scores)
    most = max(map(sum, confusion)) / n
    metrics = {"accuracy": right, "macro_f1": macro, "mcc": right - 0.06, "log_loss": 0.412, "calibration_error": 0.021}
    intervals = {
        "accuracy": _around(right, half),
        "macro_f1": _around(macro, half * 1.1),
        "mcc": _around(right - 0.06, half),
    }
    intervals |= {"log_loss": (0.371, 0.455), "calibration_error": (0.014, 0.034)}
    mistakes = _mistakes(chance, names, confusion)
    return Evaluation(
        "test",
        n,
        metrics,
        intervals,
        _baselines(most, tfidf, half),
        3.4,
        ClassificationDetails(scores, confusion, _reliability(chance, n), mistakes),
    )


def with_details(numbers: Evaluation, **changed: Any) -> Evaluation:
    """The same numbers with other details."""
    return replace(numbers, details=msgspec.structs.replace(numbers.details, **changed))


def _baselines(most: float, tfidf: float, half: float) -> dict[str, Baseline]:
    spans = {key: {"accuracy": _around(value, half * 1.2)} for key, value in (("majority", most), ("tfidf", tfidf))}
    return {
        "majority": Baseline(
            "majority",
            "always the most frequent class of train",
            {"accuracy": most, "macro_f1": most / 2},
            spans["majority"],
            0.0,
        ),
        "tfidf": Baseline(
            "tfidf",
            "word and character n-grams, logistic regression, C picked on validation",
            {"accuracy": tfidf, "macro_f1": tfidf - 0.02, "log_loss": 0.61},
            {**spans["tfidf"], "macro_f1": _around(tfidf - 0.02, half * 1.3)},
            2.1,
        ),
    }


def _reliability(chance: random.Random, n: int) -> tuple[ReliabilityBin, ...]:
    bins = []
    for step, weight in enumerate((0, 0, 0, 0.01, 0.02, 0.05, 0.07, 0.1, 0.15, 0.6)):
        middle = step / 10 + 0.06
        right = min(1.0, max(0.0, middle - 0.02 + chance.uniform(-0.05, 0.03)))
        bins.append(
            ReliabilityBin(
                step / 10, step / 10 + 0.1, round(n * weight), middle if weight else 0.0, right if weight else 0.0
            )
        )
    return tuple(bins)


def _mistakes(
    chance: random.Random, names: tuple[str, ...], confusion: tuple[tuple[int, ...], ...]
) -> tuple[Mistake, ...]:
    made = []
    for truth, row in enumerate(confusion):
        for predicted, number in enumerate(row):
            for _ in range(number if truth != predicted else 0):
                line = chance.randint(2, 9000)
                made.append(
                    Mistake(
                        "test.csv", line, sentence(chance), names[truth], names[predicted], chance.uniform(0.4, 0.999)
                    )
                )
    return tuple(sorted(made, key=lambda mistake: -mistake.confidence))


def _splits(names: tuple[str, ...], sizes: tuple[int, int, int], made: bool) -> tuple[SplitSummary, ...]:
    split_names = ("train", "validation", "test")
    return tuple(
        SplitSummary(split, size, _spread(names, size), made and split != "test", 0, f"{size:064x}")
        for split, size in zip(split_names, sizes, strict=True)
    )


def _spread(names: tuple[str, ...], size: int) -> dict[str, int]:
    counts = {name: size // len(names) for name in names}
    counts[names[0]] += size - sum(counts.values())
    return counts


def data(name: str, names: tuple[str, ...], sizes: tuple[int, int, int]) -> DataSummary:
    return DataSummary(
        name=name,
        task="classification",
        columns=Columns("sentence", "label", "the only column of long texts, and the only one with few values"),
        classes=names,
        sources=(
            Source("train.csv", "csv", sizes[0] + sizes[1], 812_345, "4f" * 32),
            Source("test.csv", "csv", sizes[2], 190_112, "a7" * 32),
        ),
        splits=_splits(names, sizes, made=True),
        seed=0,
        duplicates=14,
        notes=(
            "README.md lies in the folder too and was ignored.",
            "No validation split was given: a tenth of train was put aside.",
        ),
    )


STAGES = (
    Stage("head", 0, 8, Optimiser(lr=1e-3)),
    Stage("top", 2, 2, Optimiser(lr=3e-4, layer_decay=0.9)),
    Stage("full", "all", 3, Optimiser(lr=2e-4, layer_decay=0.8)),
)


def manifest(summary: DataSummary) -> Manifest:
    records = (
        StageRecord(
            "head", 0, 6, True, 9.0, 8, 1728, 0.0, "cached: pooled features fit in 10 MiB; all epochs were run"
        ),
        StageRecord(
            "top",
            2,
            4,
            True,
            18.0,
            2,
            432,
            0.06,
            "cached: 1.1 GiB of boundary states, cheaper than running below again",
        ),
        StageRecord("full", "all", 0, False, 38.0, 3, 648, 0.05, "nothing is frozen, so there is nothing to cache"),
    )
    phases = (
        ("read and split", 0.6),
        ("load the backbone", 0.5),
        ("tokenize", 1.4),
        ("extract features", 4.1),
        ("probe", 2.2),
    )
    phases += (("stage head", 2.3), ("stage top", 18.0), ("stage full", 38.4), ("yardsticks", 2.1), ("evaluate", 3.4))
    cost = Cost(73.0, tuple(Phase(*phase) for phase in phases), 1_934_000_000, 41_250.0, 9, 1_142_000_000, 31.0)
    return Manifest(
        created="2026-02-03T10:20:30+00:00",
        request=Request(
            f"graft run data/{summary.name} --model embedded --out runs/{summary.name}", f"data/{summary.name}"
        ),
        data=summary,
        backbone=BackboneRecord("embedded", "embedded", "0.1.0", "53" * 32, "bert", 6, 384, 22_713_216, 512),
        recipe=Recipe("fast", STAGES, metric="accuracy"),
        head=HeadRecord(
            "native",
            "mean",
            6,
            "probe",
            "The native head was started from the probe, whose shape it shares.",
            {"first@6": 0.773, "mean@6": 0.811, "layers@6": 0.813, "mean@5": 0.806, "mean@4": 0.789, "first@5": 0.761},
        ),
        truncation=Truncation(256, sum(split.rows for split in summary.splits), 21, 251_000, 900, 391),
        machine=MachineRecord(
            "cpu", "AMD EPYC 9B45", 2, "bf16", "a bf16 product of matrices ran 4.1 times faster than fp32"
        ),
        versions={"graft": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0", "python": "3.11.9"},
        outcome=Outcome("evaluated", records, "full", 2, 0.891, cost, 1, {"model.safetensors": "c0" * 32}),
    )


def _epoch(stage: str, number: int, numbers: tuple[float | None, float, float], seconds: float, best: bool) -> Epoch:
    loss, accuracy, held_out = numbers
    validation = {"accuracy": accuracy, "macro_f1": accuracy - 0.01, "mcc": accuracy - 0.1, "log_loss": held_out}
    return Epoch(stage, number, loss, validation, seconds, 140_000 if number else 0, 41_000.0 if number else 0.0, best)


def epochs() -> tuple[Epoch, ...]:
    """A healthy run of three stages."""
    made = [_epoch("head", 0, (None, 0.792, 0.52), 6.8, True)]
    for number in range(1, 9):
        made.append(
            _epoch(
                "head",
                number,
                (0.51 - 0.012 * number, 0.8 + 0.0025 * number, 0.5 - 0.007 * number),
                6.8 + 0.28 * number,
                True,
            )
        )
    made.append(_epoch("top", 0, (None, 0.82, 0.445), 11.2, False))
    made += [_epoch("top", 1, (0.371, 0.852, 0.371), 19.0, True), _epoch("top", 2, (0.302, 0.861, 0.349), 27.0, True)]
    made.append(_epoch("full", 0, (None, 0.861, 0.349), 27.9, False))
    made += [_epoch("full", 1, (0.241, 0.884, 0.312), 40.2, True), _epoch("full", 2, (0.163, 0.891, 0.309), 52.6, True)]
    made.append(_epoch("full", 3, (0.118, 0.888, 0.331), 65.0, False))
    return tuple(made)


Sample = tuple[Manifest, tuple[Epoch, ...], Evaluation | None]

TWO = ("negative", "positive")
THREE = ("billing", "technical problem", "praise")
_VERBS = ("lost", "declined", "pending", "refund", "verify", "change", "top_up")
_THINGS = (
    *("card", "card_payment", "cash_withdrawal", "transfer", "exchange_rate", "pin", "identity"),
    *("virtual_card_not_working", "limit", "fee", "account"),
)
MANY = tuple(f"{verb}_{thing}" for verb in _VERBS for thing in _THINGS)


def two() -> Sample:
    return manifest(data("sst2", TWO, (6920, 872, 1821))), epochs(), evaluation(TWO, 910, 0.884, 0.812)


def three() -> Sample:
    """Few texts, some trouble: leaks, truncation, overfitting, one class missed."""
    summary = replace(data("tickets", THREE, (480, 60, 150)), duplicates=31)
    summary = replace(summary, splits=(*summary.splits[:2], replace(summary.splits[2], leaks=4)))
    run = manifest(summary)
    run = replace(
        run, truncation=Truncation(128, 690, 97, 81_000, 9_300, 611), outcome=replace(run.outcome, evaluations=3)
    )
    bad = evaluation(THREE, 50, 0.79, 0.755)
    small = replace(
        bad.details.per_class[2], support=12, recall=0.33, f1=0.41, intervals={"recall": (0.1, 0.61), "f1": (0.2, 0.6)}
    )
    bad = with_details(bad, per_class=(*bad.details.per_class[:2], small))
    bad = replace(bad, metrics={**bad.metrics, "calibration_error": 0.093})
    lines = (*epochs()[:-1], _epoch("full", 3, (0.058, 0.862, 0.44), 65.0, False))
    return run, lines, bad


def many() -> Sample:
    """Many classes; a sweep before the last stage, whose validation is of averaged weights."""
    run = manifest(data("banking77", MANY, (9003, 1000, 3080)))
    tried = ((3e-5, 0.62, 1.9), (1e-4, 0.784, 0.91), (3e-4, 0.771, 0.95))
    trials = tuple(Trial(lr, {"accuracy": right, "log_loss": loss}) for lr, right, loss in tried)
    *before, last = run.outcome.stages
    outcome = replace(run.outcome, stages=(*before, replace(last, trials=trials)))
    stages = (*run.recipe.stages[:-1], replace(run.recipe.stages[-1], average=True))
    run = replace(run, outcome=outcome, recipe=replace(run.recipe, stages=stages, sweep=(3e-5, 1e-4, 3e-4)))
    return run, epochs(), evaluation(MANY, 40, 0.925, 0.885)


def interrupted() -> Sample:
    """Stopped in the second stage: no evaluation, no cost."""
    run = manifest(data("sst2", TWO, (6920, 872, 1821)))
    outcome = Outcome("interrupted", run.outcome.stages[:1], "top", 1, 0.852, None)
    return replace(run, outcome=outcome, head=None), epochs()[:11], None


def hostile() -> Sample:
    """Markup, bidirectional overrides, control characters and endless words wherever a text can come from."""
    names = (HOSTILE, "ملاحظة جيدة", "W" * 90)
    numbers = evaluation(names, 30, 0.8, 0.7)
    texts = (
        HOSTILE,
        "a" * 5000,
        "مرحبا <b>بالعالم</b> 123",
        "line one\nline two\u2028line three",
        "\ud800 lone",
        "👩‍👩‍👧 family",
    )
    mistakes = tuple(
        replace(one, text=texts[number % len(texts)]) for number, one in enumerate(numbers.details.mistakes)
    )
    summary = replace(
        data("x" * 120, names, (90, 20, 90)),
        columns=Columns(HOSTILE, "</style><script>alert(2)</script>", HOSTILE),
        notes=(HOSTILE, "</script><script>alert(3)</script>"),
    )
    run = manifest(summary)
    run = replace(
        run,
        request=Request(f"graft run {HOSTILE}", HOSTILE),
        versions={HOSTILE: HOSTILE},
        machine=replace(run.machine, name=HOSTILE),
    )
    return run, epochs(), with_details(numbers, mistakes=mistakes)


SAMPLES = {"two": two, "three": three, "many": many, "interrupted": interrupted, "hostile": hostile}
