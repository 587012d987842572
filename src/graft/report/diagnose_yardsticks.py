"""The model beside its yardsticks, for every task that labels or gives numbers: what it does not beat, and what it
beats by too little. Models that write or rewrite are compared where the rest of them is looked at."""

from __future__ import annotations

from graft.records import Baseline, Evaluation, Manifest, RegressionDetails, RewriteDetails
from graft.records.evidence import WritingDetails
from graft.records.metrics import metric as known
from graft.report import words
from graft.report.blocks import Callout, Severity
from graft.report.diagnose_settings import balanced, by, code, either, kept_by, longer, recipe, sweep

_SHIFT = 0.25  # share of the squared error that lies in one direction from which it is said
_TITLES = {
    "tfidf": "TF-IDF",
    "ridge": "TF-IDF",
    "lookup": "looking up names",
    "overlap": "overlapping words",
    "cosine": "the untrained cosine",
    "scratch": "a random start",
    "majority": "the majority class",
    "common": "the commonest labels",
    "mean": "the mean of train",
    "never": "never answering",
}
_CONSTANT = ("majority", "common", "mean", "never")  # they read no text
_SHOWN_LEADS = 2


def diagnose_yardsticks(manifest: Manifest, evaluation: Evaluation) -> list[Callout | None]:
    """At most one callout per check."""
    return [
        _against(manifest, evaluation),
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


def _against(manifest: Manifest, evaluation: Evaluation) -> Callout | None:
    """The best of the yardsticks that the model does not beat, or else of those whose interval reaches into its own."""
    rivals = comparable(evaluation)
    if not rivals:
        return None
    metric = main_metric(evaluation)
    sign = 1 if known(metric).higher else -1
    rivals = tuple(sorted(rivals, key=lambda one: -sign * one.metrics[metric]))
    ahead = tuple(one for one in rivals if not _ahead(evaluation, one, metric))
    if ahead:
        return _beaten(manifest, evaluation, metric, ahead)
    near = tuple(one for one in rivals if overlaps(evaluation, one, metric))
    return _close(manifest, evaluation, metric, near) if near else None


def overlaps(evaluation: Evaluation, baseline: Baseline, metric: str) -> bool:
    """Whether the two intervals do; a value without one is a point."""
    ours, theirs = evaluation.metrics[metric], baseline.metrics[metric]
    low, high = evaluation.intervals.get(metric, (ours, ours))
    other_low, other_high = baseline.intervals.get(metric, (theirs, theirs))
    return low <= other_high and other_low <= high


def leads(evaluation: Evaluation, baseline: Baseline) -> tuple[str, ...]:
    """The metrics by which the model is better, and the intervals are apart."""
    shared = (name for name in evaluation.metrics if name in baseline.metrics)
    return tuple(
        name for name in shared if _ahead(evaluation, baseline, name) and not overlaps(evaluation, baseline, name)
    )


def _ahead(evaluation: Evaluation, baseline: Baseline, metric: str) -> bool:
    """A metric that is no number leads over nothing."""
    gap = evaluation.metrics[metric] - baseline.metrics[metric]
    return (gap if known(metric).higher else -gap) > 0


def gravity(evaluation: Evaluation, baseline: Baseline, metric: str) -> Severity:
    """How grave it is not to beat a yardstick: what may be chance is a warning, unless the yardstick reads no text and
    nothing shows that the model has learnt more."""
    chance = overlaps(evaluation, baseline, metric)
    learnt = baseline.name not in _CONSTANT or bool(leads(evaluation, baseline))
    return "warning" if chance and learnt else "problem"


def _beaten(manifest: Manifest, evaluation: Evaluation, metric: str, ahead: tuple[Baseline, ...]) -> Callout:
    rival, others = ahead[0], ahead[1:]
    also = f" So {'does' if len(others) == 1 else 'do'} {_listed(others, metric)}." if others else ""
    cost = "" if rival.name == "scratch" else ", and costs next to nothing"  # the one that has to be trained, too
    grave = any(gravity(evaluation, one, metric) == "problem" for one in ahead)
    near = ", where the two 95% intervals overlap" if overlaps(evaluation, rival, metric) else ""
    return Callout(
        "problem" if grave else "warning",
        f"Not better than {_title(rival)}",
        f"{_numbers(evaluation, metric, rival)}{near}: {_does(rival.name)} serves as well or better{cost}.{also}"
        f"{_elsewhere(evaluation, rival)}",
        _setting(manifest, rival.name),
    )


def _elsewhere(evaluation: Evaluation, rival: Baseline) -> str:
    """By what the model leads all the same."""
    shown = [
        f"{words.spoken(name)} ({beside(name, evaluation.metrics[name], rival.metrics[name])})"
        for name in leads(evaluation, rival)[:_SHOWN_LEADS]
    ]
    return f" The model leads by {' and '.join(shown)}." if shown else ""


def _close(manifest: Manifest, evaluation: Evaluation, metric: str, near: tuple[Baseline, ...]) -> Callout:
    others = near[1:]
    also = f" The same holds of {_listed(others, metric)}." if others else ""
    shown = words.metric_value(metric, evaluation.metrics[metric])
    even = shown == words.metric_value(metric, near[0].metrics[metric])
    chance = ": no lead to speak of" if even else ", but the two 95% intervals overlap: the lead may be chance"
    return Callout(
        "warning",
        f"No clear lead over {_title(near[0])}",
        f"{_numbers(evaluation, metric, near[0])}{chance}.{also}",
        f"{either(code(recipe(manifest, 'thorough')), 'more labelled texts', 'a larger test split')}.",
    )


def _title(baseline: Baseline) -> str:
    return _TITLES.get(baseline.name) or words.yardstick(baseline.name)


def _setting(manifest: Manifest, name: str) -> str:
    """What may help against a yardstick."""
    thorough, model = code(recipe(manifest, "thorough")), "another `--model`"
    if name in ("tfidf", "ridge"):
        return f"{either(thorough, model, 'keep the TF-IDF model')}."
    if name in ("lookup", "overlap"):
        return f"{either('more epochs (`--epochs`)', thorough, 'more labelled texts', model)}."
    if name == "scratch":
        rates = f" Or {by('other rates', sweep(manifest))}." if sweep(manifest) else ""
        return f"{model}: what this one was pretrained on does not help here.{rates}"
    if name in _CONSTANT:
        then = either(code(sweep(manifest)), thorough, "more labelled texts")
        return f"read some rows: are these the right columns? Then {then}."
    kept = "; or take the cosine as it is" if name == "cosine" else ""
    return f"{either(thorough, 'more labelled texts', model)}{kept}."


def _does(name: str) -> str:
    """What a yardstick does, within a sentence."""
    does = words.doing(name)
    return "counting words" if name in ("tfidf", "ridge") else does[:1].lower() + does[1:]


def _numbers(evaluation: Evaluation, metric: str, baseline: Baseline) -> str:
    both = beside(metric, evaluation.metrics[metric], baseline.metrics[metric])
    return f"On this {evaluation.split} split {words.spoken(metric)} is {both}"


def beside(metric: str, ours: float, theirs: float) -> str:
    """Two values of a metric; once, where they read the same."""
    own, other = words.metric_value(metric, ours), words.metric_value(metric, theirs)
    return f"{own} for both" if own == other else f"{own} against {other}"


def _listed(baselines: tuple[Baseline, ...], metric: str) -> str:
    return " and ".join(f"{_does(one.name)} ({words.metric_value(metric, one.metrics[metric])})" for one in baselines)


def _majority(manifest: Manifest, evaluation: Evaluation) -> Callout | None:
    baseline = evaluation.baselines.get("majority")
    ours, theirs = evaluation.metrics.get("accuracy"), baseline.metrics.get("accuracy") if baseline else None
    if ours is None or theirs is None or theirs < 0.6 or ours - theirs >= 0.3 * (1 - theirs):
        return None
    macro = evaluation.metrics.get("macro_f1")
    also = f" Macro-F1, which counts every class alike, is {words.percent(macro)}." if macro is not None else ""
    return Callout(
        "warning",
        "One class outweighs the others",
        f"Always answering with the majority class is right on {words.percent(theirs)} of the texts; the model on "
        f"{words.percent(ours)}. Accuracy hides what happens to the small classes here.{also}",
        f"{either(code(balanced(manifest), kept_by(manifest, 'macro_f1')), 'more texts of the small classes')}.",
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
        f"The root mean squared error is {words.number(ours)}; always answering with the mean of train has "
        f"{words.number(theirs)}. R² is {words.decimal(evaluation.metrics.get('r2'))}.{also}",
        f"{either(*longer(manifest), 'more labelled texts')}; then read some rows: is this the column of the numbers?",
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
        f"On average they lie {words.number(abs(details.bias))} too {side}: {words.percent(share, 0)} of the squared "
        "error is this shift alone. Their order is not touched by it.",
        f"{either(*longer(manifest))}; until then, take the shift off what the model answers.",
    )
