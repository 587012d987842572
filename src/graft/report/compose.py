"""From a run's records to a report: which sections there are, and what they say. Knows no task and no markup."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graft import files
from graft.records import Epoch, Evaluation, Manifest
from graft.records.metrics import metric as known
from graft.report import use, words
from graft.report.blocks import Code, Facts, Fold, Hero, Intervals, Measured, Report, Section
from graft.report.compose_data import classes_said, data_section
from graft.report.compose_run import cost_section, kept, training_section
from graft.report.diagnose import diagnose
from graft.report.diagnose_yardsticks import main_metric, overlaps


def compose(
    manifest: Manifest, epochs: Sequence[Epoch], evaluation: Evaluation | None, extra: Sequence[Section]
) -> Report:
    """The whole report. `extra` are the task's own sections (numbers, confusion, mistakes), placed after the diagnosis.

    Works for runs that were interrupted or not evaluated: what is not there yet is said, not faked.
    """
    sections = [
        _diagnosis(manifest, epochs, evaluation),
        *extra,
        _asked(manifest, evaluation),
        data_section(manifest),
        training_section(manifest, epochs),
        cost_section(manifest),
        use.section(manifest) if _finished(manifest) else None,
        _manifest(manifest),
    ]
    title = f"{manifest.data.name} · {model_name(manifest)} · graft report"
    version = manifest.versions.get("graft", "")
    footer = (
        f"Written by graft {version}".rstrip()
        + f" for the run of {_date(manifest.created)}. Intervals are 95% bootstrap intervals."
    )
    return Report(title, _hero(manifest, epochs, evaluation), tuple(section for section in sections if section), footer)


def model_name(manifest: Manifest) -> str:
    """The backbone's name as a reader knows it: a hub id, or the last part of a folder."""
    name = manifest.backbone.name.rstrip("/\\")
    if manifest.backbone.source == "embedded":
        return "all-MiniLM-L6-v2" if name == "embedded" else name
    if manifest.backbone.source == "folder":
        return name.replace("\\", "/").rsplit("/", 1)[-1] or name
    return name


def _finished(manifest: Manifest) -> bool:
    return manifest.outcome.status in ("fitted", "evaluated")


def _date(created: str) -> str:
    """ "2026-02-03T10:20:30+00:00" → "2026-02-03 10:20 UTC"; anything else is left as it is."""
    return f"{created[:10]} {created[11:16]} UTC" if len(created) >= 19 and created[10] == "T" else created


# ------------------------------------------------------------------------------------------------------- the answer


def _hero(manifest: Manifest, epochs: Sequence[Epoch], evaluation: Evaluation | None) -> Hero:
    eyebrow = f"{manifest.data.name}, {manifest.data.task.replace('_', ' ').replace('-', ' ')}"
    facts = Facts(tuple(_hero_facts(manifest)))
    if evaluation is None or not evaluation.metrics:
        headline, sentences = _unfinished(manifest, epochs)
        return Hero(eyebrow, headline, sentences, None, facts)
    leaks = words.leaks(manifest.data.split(evaluation.split))
    metric = main_metric(evaluation)
    row = words.noun(manifest.data.task)
    return Hero(
        eyebrow,
        _headline(evaluation, metric, f"{'' if leaks else 'unseen '}{row}"),
        (*((leaks,) if leaks else ()), *_sentences(evaluation, metric)),
        yardsticks(evaluation, metric, row),
        facts,
    )


def _hero_facts(manifest: Manifest) -> list[tuple[str, str]]:
    outcome, train = manifest.outcome, next((s for s in manifest.data.splits if s.name == "train"), None)
    facts = []
    if outcome.cost:
        facts.append(("Total time", words.duration(outcome.cost.seconds)))
    facts.append(("Model", model_name(manifest)))
    learnt = f"{words.plural(train.rows, words.noun(manifest.data.task))} to learn from" if train else ""
    facts.append(("Data", ", ".join(part for part in (classes_said(manifest), learnt) if part)))
    facts.append(("Recipe", manifest.recipe.name))
    return facts


def _headline(evaluation: Evaluation, metric: str, row: str) -> tuple[str, str, str]:
    value = words.metric_value(metric, evaluation.metrics[metric])
    texts = words.plural(evaluation.n, row)
    if metric == "accuracy":
        return "Right on ", value, f" of {texts}"
    return f"{words.metric_name(metric)} ", value, f" on {texts}"


def _sentences(evaluation: Evaluation, metric: str) -> tuple[str, ...]:
    said = []
    if metric in evaluation.intervals:
        between = words.interval(*evaluation.intervals[metric], words.metric_unit(metric))
        where = "" if evaluation.split == "test" else f" These are {evaluation.split} texts, not the test split."
        said.append(f"The 95% interval is {between}{'' if known(metric).higher else '; lower is better'}.{where}")
    compared = _compared(evaluation, metric)
    if compared:
        said.append(compared)
    return (" ".join(said),) if said else ()


def _compared(evaluation: Evaluation, metric: str) -> str:
    """The model beside its best yardstick, in words."""
    others = [baseline for baseline in evaluation.baselines.values() if metric in baseline.metrics]
    if not others:
        return ""
    higher = known(metric).higher
    best = (max if higher else min)(others, key=lambda baseline: baseline.metrics[metric])
    ours, theirs = evaluation.metrics[metric], best.metrics[metric]
    leads = ours > theirs if higher else ours < theirs
    less, more = ("fewer", "more") if words.is_share(metric) else ("less", "more")
    gap = words.difference(metric, ours, theirs)
    tail = f"{gap} {less if ours >= theirs else more}" if gap else "as much, as far as these digits tell"
    if gap and leads and overlaps(evaluation, best, metric):
        tail += ", but the intervals overlap"
    sentence = f"{words.doing(best.name)} gets {words.metric_value(metric, theirs)}: {tail}."
    majority = evaluation.baselines.get("majority")
    if majority and majority is not best and metric in majority.metrics:
        sentence += f" {words.doing('majority')} gets {words.metric_value(metric, majority.metrics[metric])}."
    return sentence


def yardsticks(evaluation: Evaluation, metric: str, row: str = "text") -> Intervals:
    """The model and its yardsticks by one metric, best first. row: what a row is called."""
    rows = [Measured("This model", evaluation.metrics[metric], evaluation.intervals.get(metric), True)]
    others = [baseline for baseline in evaluation.baselines.values() if metric in baseline.metrics]
    others.sort(key=lambda baseline: baseline.metrics[metric], reverse=known(metric).higher)
    for baseline in others:
        name = words.yardstick(baseline.name)
        rows.append(Measured(name, baseline.metrics[metric], baseline.intervals.get(metric), False, baseline.what))
    caption = (
        f"{words.metric_name(metric)} on {words.plural(evaluation.n, f'{evaluation.split} {row}')}, with 95% intervals"
    )
    return Intervals(caption, words.metric_unit(metric), tuple(rows))


def _unfinished(manifest: Manifest, epochs: Sequence[Epoch]) -> tuple[tuple[str, str, str], tuple[str, ...]]:
    metric, best = manifest.recipe.metric, kept(epochs)
    so_far = "No epoch was finished yet."
    if best is not None:
        reached = words.metric_value(metric, best.validation.get(metric))
        so_far = (
            f"Best so far: validation {words.spoken(metric)} {reached}, "
            f"stage “{best.stage}”, epoch {best.number}. Its weights are kept."
        )
    unseen = "The test split has not been opened, so there is no honest number yet."
    if _finished(manifest):
        return ("Trained, ", "not yet tested", ""), (so_far, f"{unseen} To get it: graft evaluate .")
    state = ("Interrupted", " before the test") if manifest.outcome.status == "interrupted" else ("Not finished", "")
    verb = "fit" if re.match(r"graft[ .]fit\b", manifest.request.command) else "run"
    return ("", *state), (so_far, f"{unseen} To go on from here: graft {verb} --resume --out .")


# ------------------------------------------------------------------------------------------------------- sections


def _diagnosis(manifest: Manifest, epochs: Sequence[Epoch], evaluation: Evaluation | None) -> Section:
    found = diagnose(manifest, epochs, evaluation)
    lead = "What stands out, the gravest first, and the setting that would change it."
    return Section("diagnosis", "Diagnosis", "" if found[0].severity == "good" else lead, found)


def _asked(manifest: Manifest, evaluation: Evaluation | None) -> Section:
    recipe, machine = manifest.recipe, manifest.machine
    columns = manifest.data.columns
    facts = [
        ("Text columns" if columns.second else "Text column", ", ".join(filter(None, (columns.text, columns.second)))),
        *([("Label column", columns.label)] if columns.label else []),
        ("Windows of" if manifest.data.task == "write" else "Length limit", f"{manifest.truncation.limit} tokens"),
        ("Seed", str(recipe.seed)),
        ("Why these columns", columns.why),
        ("Recipe", f"{recipe.name}, {words.plural(len(recipe.stages), 'stage')}"),
        ("Machine", f"{machine.name}, {words.plural(machine.cores, 'core')} ({machine.device})"),
        ("Precision", f"{machine.precision}: {machine.why}" if machine.why else machine.precision),
        ("Backbone", _backbone(manifest)),
    ]
    if evaluation is not None and evaluation.precision != "fp32":
        facts.append(("Test texts answered in", words.ANSWERED[evaluation.precision]))
    if manifest.head:
        facts.append(("Head", _head(manifest)))
    return Section(
        "asked", "What was asked", "", (Code("The command", manifest.request.command, "sh"), Facts(tuple(facts)))
    )


def _backbone(manifest: Manifest) -> str:
    backbone = manifest.backbone
    return (
        f"{model_name(manifest)}: {backbone.family}, {words.plural(backbone.blocks, 'block')} of "
        f"width {backbone.width}, "
        f"{words.large(backbone.parameters)} parameters, reads up to {backbone.max_tokens} tokens"
    )


def _head(manifest: Manifest) -> str:
    head = manifest.head
    assert head is not None
    if head.kind == "language" or head.pooling == "decoder":
        return head.why
    pooling = {
        "first": "first token",
        "last": "last token",
        "mean": "mean of tokens",
        "layers": "mean of tokens and blocks",
    }.get(head.pooling, head.pooling)
    start = "a probe" if head.start == "probe" else f"{head.start} weights"
    return f"{head.kind}, {pooling} at block {head.depth}, started from {start}: {head.why}"


def _manifest(manifest: Manifest) -> Section:
    versions = Facts(tuple((name, version) for name, version in sorted(manifest.versions.items())))
    digests = [(f"{source.path} ({words.size(source.bytes)})", source.digest) for source in manifest.data.sources]
    digests.append((f"Backbone weights, revision {manifest.backbone.revision or 'none'}", manifest.backbone.digest))
    digests += [(f"model/{name}", digest) for name, digest in manifest.outcome.artefact.items()]
    digests += manifest.outcome.files.items()
    blocks = (
        Fold("Versions", (versions,)),
        Fold("Digests (sha256)", (Facts(tuple(digests)),)),
        Fold("run.json in full", (Code("run.json", files.to_json(manifest), "json"),)),
    )
    return Section("manifest", "Manifest", "Everything needed to repeat this run.", blocks)
