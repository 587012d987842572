"""The model beside its yardsticks, for every task that labels or gives numbers: what it does not beat, and what it
beats by too little. Models that write or rewrite are compared where the rest of them is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from graft.records import Baseline, Evaluation, Manifest, RegressionDetails, RewriteDetails
from graft.records.evidence import WritingDetails
from graft.records.metrics import metric as known
from graft.report import words
from graft.report.blocks import Callout

_SHIFT = 0.25  # share of the squared error that lies in one direction from which it is said
_LEARN = "`--recipe thorough`, more labelled texts, or another `--model`"
_LOOK = "read some rows: are these the right columns? Then `--sweep`, `--recipe thorough`, or more labelled texts."


@dataclass(frozen=True, slots=True)
class _Rival:
    """What is said of a yardstick that does as well."""

    title: str
    setting: str


_COUNTS = _Rival("TF-IDF", "`--recipe thorough`, another `--model`, or keep the TF-IDF model.")
_RIVALS = {
    "tfidf": _COUNTS,
    "ridge": _COUNTS,
    "lookup": _Rival("looking up names", f"more epochs (`--epochs`), {_LEARN}."),
    "overlap": _Rival("overlapping words", f"more epochs (`--epochs`), {_LEARN}."),
    "cosine": _Rival("the untrained cosine", f"{_LEARN}; or take the cosine as it is."),
    "scratch": _Rival(
        "a random start",
        "another `--model`: what this one was pretrained on does not help here. Or other rates (`--sweep`).",
    ),
    "majority": _Rival("the majority class", _LOOK),
    "common": _Rival("the commonest labels", _LOOK),
    "mean": _Rival("the mean of train", _LOOK),
    "never": _Rival("never answering", _LOOK),
}


def diagnose_yardsticks(manifest: Manifest, evaluation: Evaluation) -> list[Callout | None]:
    """At most one callout per check."""
    return [
        _against(evaluation),
        _majority(manifest, evaluation),
        _mean_as_near(manifest, evaluation),
        _shifted(manifest, evaluation),
    ]


def main_metric(evaluation: Evaluation) -> str:
    """The metric that the page opens with: the task's own first. The evaluation must have one."""
    return "accuracy" if "accuracy" in evaluation.metrics else next(iter(evaluation.metrics))


def comparable(evaluation: Evaluation) -> tuple[Baseline, ...]:
    """The yardsticks that are compared here: none of a model that writes or rewrites."""
    if not evaluation.metrics or isinstance(evaluation.details, WritingDetails | RewriteDetails):
        return ()
    return tuple(one for one in evaluation.baselines.values() if main_metric(evaluation) in one.metrics)


def _against(evaluation: Evaluation) -> Callout | None:
    """The best of the yardsticks that the model does not beat, or else of those whose interval reaches into its own."""
    rivals = comparable(evaluation)
    if not rivals:
        return None
    metric = main_metric(evaluation)
    ours, sign = evaluation.metrics[metric], 1 if known(metric).higher else -1
    rivals = tuple(sorted(rivals, key=lambda one: -sign * one.metrics[metric]))
    # "not more" rather than "less": a metric that is no number leads over nothing.
    ahead = tuple(one for one in rivals if not sign * (ours - one.metrics[metric]) > 0)
    if ahead:
        return _beaten(evaluation, metric, ahead)
    near = tuple(one for one in rivals if overlaps(evaluation, one, metric))
    return _close(evaluation, metric, near) if near else None


def overlaps(evaluation: Evaluation, baseline: Baseline, metric: str) -> bool:
    """Whether the two intervals do; a value without one is a point."""
    ours, theirs = evaluation.metrics[metric], baseline.metrics[metric]
    low, high = evaluation.intervals.get(metric, (ours, ours))
    other_low, other_high = baseline.intervals.get(metric, (theirs, theirs))
    return low <= other_high and other_low <= high


def _beaten(evaluation: Evaluation, metric: str, ahead: tuple[Baseline, ...]) -> Callout:
    rival, others = _rival(ahead[0]), ahead[1:]
    also = f" So {'does' if len(others) == 1 else 'do'} {_listed(others, metric)}." if others else ""
    cost = "" if ahead[0].name == "scratch" else ", and costs next to nothing"  # the one that has to be trained, too
    return Callout(
        "problem",
        f"Not better than {rival.title}",
        f"{_numbers(evaluation, metric, ahead[0])}: {_does(ahead[0].name)} serves as well or better{cost}.{also}",
        rival.setting,
    )


def _close(evaluation: Evaluation, metric: str, near: tuple[Baseline, ...]) -> Callout:
    others = near[1:]
    also = f" The same holds of {_listed(others, metric)}." if others else ""
    return Callout(
        "warning",
        f"No clear lead over {_rival(near[0]).title}",
        f"{_numbers(evaluation, metric, near[0])}, but the two 95% intervals overlap: the lead may be chance.{also}",
        "`--recipe thorough`, more labelled texts, or a larger test split.",
    )


def _rival(baseline: Baseline) -> _Rival:
    name = words.yardstick(baseline.name)
    return _RIVALS.get(baseline.name) or _Rival(name, f"{_LEARN}.")


def _does(name: str) -> str:
    """What a yardstick does, within a sentence."""
    does = words.doing(name)
    return "counting words" if name in ("tfidf", "ridge") else does[:1].lower() + does[1:]


def _numbers(evaluation: Evaluation, metric: str, baseline: Baseline) -> str:
    ours, theirs = (words.metric_value(metric, one.metrics[metric]) for one in (evaluation, baseline))
    return f"On this {evaluation.split} split {words.spoken(metric)} is {ours} against {theirs}"


def _listed(baselines: tuple[Baseline, ...], metric: str) -> str:
    return " and ".join(f"{_does(one.name)} ({words.metric_value(metric, one.metrics[metric])})" for one in baselines)


def _majority(manifest: Manifest, evaluation: Evaluation) -> Callout | None:
    baseline = evaluation.baselines.get("majority")
    ours, theirs = evaluation.metrics.get("accuracy"), baseline.metrics.get("accuracy") if baseline else None
    if ours is None or theirs is None or theirs < 0.6 or ours - theirs >= 0.3 * (1 - theirs):
        return None
    weighted = any(stage.loss.class_weights == "balanced" for stage in manifest.recipe.stages)
    macro = evaluation.metrics.get("macro_f1")
    also = f" Macro-F1, which counts every class alike, is {words.percent(macro)}." if macro is not None else ""
    return Callout(
        "warning",
        "One class outweighs the others",
        f"Always answering with the majority class is right on {words.percent(theirs)} of the texts; the model on "
        f"{words.percent(ours)}. Accuracy hides what happens to the small classes here.{also}",
        "`--metric macro_f1`, and label more texts of the small classes."
        if weighted
        else "`--class-weights balanced --metric macro_f1`",
    )


def _mean_as_near(manifest: Manifest, evaluation: Evaluation) -> Callout | None:
    """Numbers further off than a constant, which a correlation, blind to scale and shift, does not show."""
    mean, ours = evaluation.baselines.get("mean"), evaluation.metrics.get("rmse")
    theirs = mean.metrics.get("rmse") if mean else None
    if ours is None or theirs is None or (ours < theirs and evaluation.metrics.get("r2", 1.0) > 0):
        return None
    ordered = evaluation.intervals.get("spearman", (0.0, 0.0))[0] > 0
    order = words.decimal(evaluation.metrics.get("spearman"))
    also = f" The order of the texts is another matter: Spearman is {order}." if ordered else ""
    return Callout(
        "problem",
        "No nearer than the mean of train",
        f"The root mean squared error is {words.decimal(ours)}; always answering with the mean of train has "
        f"{words.decimal(theirs)}. R² is {words.decimal(evaluation.metrics.get('r2'))}.{also}",
        f"{_longer(manifest)}, or more labelled texts; then read some rows: is this the column of the numbers?",
    )


def _shifted(manifest: Manifest, evaluation: Evaluation) -> Callout | None:
    """A bias that makes much of the squared error, and is more than twice what chance would make it."""
    details, error = evaluation.details, evaluation.metrics.get("rmse")
    if not isinstance(details, RegressionDetails) or not error:
        return None
    share = min(1.0, (details.bias / error) ** 2)
    if share < _SHIFT or share * evaluation.n < 4 * (1 - share):
        return None
    side = "high" if details.bias > 0 else "low"
    return Callout(
        "warning",
        f"The numbers lie too {side}",
        f"On average they lie {words.decimal(abs(details.bias))} too {side}: {words.percent(share, 0)} of the squared "
        "error is this shift alone. Their order is not touched by it.",
        f"{_longer(manifest)}; until then, take the shift off what the model answers.",
    )


def _longer(manifest: Manifest) -> str:
    trains = any(stage.epochs for stage in manifest.recipe.stages)
    return "more epochs (`--epochs`), other rates (`--sweep`)" if trains else "`--recipe fast`"
