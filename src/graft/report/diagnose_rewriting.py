"""What stands out in a model that rewrites: rules that do as well, sources handed back, loops, texts that do not end,
targets that are cut."""

from __future__ import annotations

from collections.abc import Iterable

from graft.records import Baseline, Evaluation, Manifest, RewriteDetails
from graft.report import words
from graft.report.blocks import Callout
from graft.report.diagnose_settings import by, either, kept_by
from graft.report.diagnose_yardsticks import overlaps

METRIC = "chrf"
HANDED_BACK = 0.2  # share of outputs that are their source from which it is said
LOOPED = 0.05  # share of characters in loops, beyond that of references
LONG, SHORT = 1.3, 0.75  # words of outputs to words of references
EMPTY = 0.01
CUT = 0.02
RULES = ("copy", "lead", "words")


def diagnose_rewriting(manifest: Manifest, evaluation: Evaluation, details: RewriteDetails) -> list[Callout | None]:
    """At most one callout per check."""
    return [
        _rules(evaluation),
        _handed_back(evaluation, details),
        _looping(details),
        _length(manifest, details),
        _empty(evaluation, details),
        _targets_cut(manifest),
    ]


def _rules(evaluation: Evaluation) -> Callout | None:
    """A rule without learning that reaches as much."""
    known = (evaluation.baselines[name] for name in RULES if name in evaluation.baselines)
    best = _best(known)
    if best is None or METRIC not in evaluation.metrics:
        return None
    own, theirs = evaluation.metrics[METRIC], best.metrics[METRIC]
    apart = not overlaps(evaluation, best, METRIC)
    if own > theirs and apart:
        return None
    does = "comes close" if own > theirs else "does better" if apart else "does as well"
    shown, model = words.percent(theirs), words.percent(own)
    return Callout(
        "warning" if own > theirs else "problem",
        f"A rule {does}",
        f"{words.yardstick(best.name)} ({best.what}) reaches a chrF of {shown}, the model "
        f"{'the same' if model == shown else model}.",
        "more pairs, more epochs (`--epochs`), a larger or better pretrained `--model`; or take the rule.",
    )


def _best(known: Iterable[Baseline]) -> Baseline | None:
    return max(known, key=lambda one: one.metrics.get(METRIC, 0.0), default=None)


def _handed_back(evaluation: Evaluation, details: RewriteDetails) -> Callout | None:
    right = evaluation.baselines["copy"].metrics.get("exact_match", 0.0) if "copy" in evaluation.baselines else 0.0
    if details.unchanged - right < HANDED_BACK:
        return None
    return Callout(
        "warning",
        "Many sources come back unchanged",
        f"{words.percent(details.unchanged)} of the outputs are their source, which is right for "
        f"{words.percent(right)}.",
        "leave out pairs whose target is the source, or train longer (`--epochs`).",
    )


def _looping(details: RewriteDetails) -> Callout | None:
    if not _loops(details):
        return None
    return Callout(
        "warning",
        "It falls into loops",
        f"{words.percent(details.looped)} of the characters that it wrote say the same again and again, such as "
        f"“{words.shorten(details.loop, 160)}”.",
        "train longer (`--epochs`), more pairs, or a larger or better pretrained `--model`.",
    )


def _loops(details: RewriteDetails) -> bool:
    return details.looped >= LOOPED + details.looped_references


def _length(manifest: Manifest, details: RewriteDetails) -> Callout | None:
    ratio = details.length_ratio
    if SHORT <= ratio <= LONG:
        return None
    settled = manifest.head.settled if manifest.head else {}
    most = f" (at most {int(settled['max_new_tokens'])} tokens)" if "max_new_tokens" in settled else ""
    said = "may not come to an end" if ratio > LONG else "leave something out"
    so = "" if _loops(details) else f", so they {said}"  # what goes round in loops has said nothing to leave out of
    return Callout(
        "warning",
        "Outputs are longer than their references" if ratio > LONG else "Outputs are shorter than their references",
        f"They have {words.decimal(ratio, 2)} times as many words{most}{so}.",
        f"{either('train longer (`--epochs`)', by('keep the best by what is written', kept_by(manifest, METRIC)))}.",
    )


def _empty(evaluation: Evaluation, details: RewriteDetails) -> Callout | None:
    if details.empty < EMPTY * evaluation.n:
        return None
    return Callout(
        "warning",
        "Some outputs are empty",
        f"For {words.plural(details.empty, 'text')} of {words.count(evaluation.n)} nothing was written.",
        "train longer (`--epochs`), or at a lower rate (`--lr`).",
    )


def _targets_cut(manifest: Manifest) -> Callout | None:
    cut = manifest.truncation.targets
    share = cut.texts_cut / cut.texts if cut is not None and cut.texts else 0.0
    if cut is None or share < CUT:
        return None
    return Callout(
        "warning",
        "Targets are cut",
        f"{words.percent(share)} of the targets are longer than {cut.limit} tokens: what is behind is never learnt.",
        f"`--max-tokens {cut.longest}`; it costs time.",
    )
