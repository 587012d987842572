"""The door to training: splits in, a run folder with `model/` out.

A generator of events (`Said`, `Progress`, `Epoch`, …) that writes the run's folder as it goes.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from graft import machine, resuming, windowed
from graft.account import Account, Clock
from graft.backbone import artefact, saved
from graft.backbone.model import Backbone
from graft.backbone.model import load as load_model
from graft.backbone.models import at_hand, hub
from graft.backbone.models.hub import Located
from graft.backbone.precision import serving
from graft.data.table import Rows, Splits, as_splits
from graft.data.tokens.longtexts import Limits, Long
from graft.data.tokens.pairs import Way
from graft.data.tokens.spelling import spell
from graft.data.tokens.tokens import measure
from graft.errors import NotFinite
from graft.fit_options import USUAL, FitOptions
from graft.folder import RunFolder
from graft.reading import (
    Read,
    about_answers,
    about_words,
    check_ways,
    limits_of,
    material_of,
    settle_pairs,
    tokenised,
    usual_limits,
)
from graft.records import Epoch, MachineRecord, Manifest, Outcome, Ranking, Recipe, Request, Said, Spelling, Truncation
from graft.replies import about_targets, cut_off
from graft.report import spelling
from graft.tasks.registry import task_named
from graft.train import recipe as recipes
from graft.train import settle
from graft.train.checkpoint import Checkpoints
from graft.train.fit import Event as FitEvent
from graft.train.fit import fit as fit_material
from graft.train.material import Material
from graft.train.scale import Scale
from graft.windowed import Documents

Event = FitEvent | Manifest
DONE = ("fitted", "evaluated")


@dataclass(frozen=True, slots=True)
class Job:
    """A fit that is ready to go."""

    folder: RunFolder
    material: Material
    recipe: Recipe
    manifest: Manifest
    checkpoints: Checkpoints
    tokens_found: int  # texts that an earlier run had tokenised


def fit(
    splits: Splits,
    out: str | Path,
    options: FitOptions = FitOptions(),
    request: Request | None = None,
    *,
    resume: bool = False,
) -> Iterator[Event]:
    """Train on `splits` into the run folder `out`; ends with `model/` saved and a manifest of status "fitted".

    With `resume`, a run that was stopped goes on to the weights that it would have had. Raises RunError when the
    folder holds a run and `resume` is off, or when data, recipe or model are not those of the run.
    """
    splits = as_splits(splits)
    folder = RunFolder(out)
    with folder.locked():
        yield from fit_within(folder, splits, options, request or Request("graft.fit", ""), resume)


def fit_within(
    folder: RunFolder,
    splits: Splits,
    options: FitOptions,
    request: Request,
    resume: bool,
    ranking: Ranking | None = None,
) -> Iterator[Event]:
    """`fit` for whoever holds the folder's lock. `ranking`: the comparison that chose the model, to be kept."""
    clock = Clock()
    recorded = _recorded(folder, resume)
    if resume and recorded is None:
        yield Said(f"{folder.path} holds no run yet: it begins anew, with what is named now.")
    options = options if recorded is None else options.going_on(recorded)
    job = yield from _prepare(splits, folder, options, request, recorded, clock)
    _write(folder, job.manifest, ranking)
    if recorded is not None and recorded.outcome.status in DONE:
        lost = saved.damaged(folder.model, recorded)
        if not lost:
            yield Said(f"{folder.path} is already trained.")
            yield job.manifest
            return
        yield Said(f"{lost[0]} is missing or damaged; the model is made again from the checkpoint.")
    try:
        yield from _train(job, splits.train, clock)
    except NotFinite as error:
        raise error.at(splits.train.places(error.rows)) from None


def _recorded(folder: RunFolder, resume: bool) -> Manifest | None:
    if resume and folder.exists:
        return folder.manifest()
    folder.refuse_taken()
    return None


def _prepare(
    splits: Splits, folder: RunFolder, options: FitOptions, request: Request, recorded: Manifest | None, clock: Clock
) -> Generator[Event, None, Job]:
    """Find and load the model, tokenise, settle the recipe. Returns the Job."""
    if recorded is None:
        chosen = machine.choose(options.device, options.precision)
    else:
        chosen = resuming.same_machine(recorded, options.device, options.precision, folder)
    task = task_named(splits.summary.task)
    if options.model is None and task.name in USUAL:
        yield Said(f"Model: {USUAL[task.name]}, as none is named (--model names another).")
    with clock.phase("load model"):
        named = os.fspath(options.model or USUAL.get(task.name, hub.EMBEDDED))
        located = hub.locate(named, options.revision)
        backbone = load_model(located, splits.classes, head=task.head)
        chosen = chosen if recorded is not None else serving(backbone, chosen)
    yield from map(Said, _about(backbone, chosen))
    with clock.phase("tokenise"):
        read = _read(splits, backbone)
    yield from map(Said, read.notes if isinstance(read, Read) else ())
    size = backbone.record.blocks, backbone.record.width, backbone.family.shared
    scale = Scale(len(splits.train), read.train_tokens, len(splits.classes), *size, task)
    scales = scale, dataclasses.replace(scale, by_embedder=at_hand.embeds_by_mean(located))
    recipe, apart = map(options.recipe_at, scales)
    check_ways(splits, recipe, backbone)
    if recipe.seed != 0:  # the new head's random weights follow the recipe's seed
        backbone = load_model(located, splits.classes, recipe.seed, head=task.head)
    limits = limits_of(recipe, backbone)
    if isinstance(read, Read) and (splits.train.seconds is None or backbone.reads == "span"):
        read = read.within(splits, backbone, limits)
        yield from map(Said, (*about_answers(read, splits, recipe), *about_words(read)))
    elif isinstance(read, Read):
        if recorded is not None and recipe.pairs == "auto":
            recipe = dataclasses.replace(recipe, pairs=recorded.recipe.pairs)
        with clock.phase("pairs"):
            read, way = yield from settle_pairs(splits, read, backbone, chosen, recipe)
        recipe = _recipe_of(way, recipe, apart, recorded)
    cut = measure(read.lengths, limits.tokens) if isinstance(read, Read) else read.truncation(limits.tokens)
    targets = cut_off(splits, backbone, limits.tokens) if backbone.reads == "decoder" else None
    cut = dataclasses.replace(cut, spelling=_spelling(splits, backbone, located), targets=targets)
    yield from map(Said, _about_cut(cut, backbone.record.name, limits.long if isinstance(read, Read) else None))
    if cut.targets is not None:
        yield from map(Said, about_targets(splits, backbone, cut.targets))
    if limits.long == "windows":
        cut = dataclasses.replace(cut, texts_cut=0, tokens_cut=0)
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    manifest = Manifest(
        created, request, splits.summary, backbone.record, recipe, None, cut, chosen, machine.versions(), Outcome()
    )
    if recorded is not None:
        resuming.check_same(recorded, manifest, folder)
        yield from resuming.of_last_bits(recorded)
        yield from folder.notices(recorded)
        manifest = dataclasses.replace(recorded, recipe=recipe)
    material = _material(splits, backbone, chosen, read, limits)
    checkpoints = Checkpoints(folder.checkpoints, options.save_every)
    return Job(folder, material, recipe, manifest, checkpoints, read.found if isinstance(read, Read) else 0)


def _write(folder: RunFolder, manifest: Manifest, ranking: Ranking | None) -> None:
    """Write what the run is made of: from here on it can be gone on with."""
    folder.write_manifest(manifest)
    folder.write_splits(manifest.data)
    if ranking is not None:
        folder.write_ranking(ranking)
    folder.write_recipe(recipes.write(manifest.recipe))
    folder.checkpoints.mkdir(exist_ok=True)


def _read(splits: Splits, backbone: Backbone) -> Read | Documents:
    """The splits as tokens, before a recipe sets the limit."""
    if task_named(splits.summary.task).head.reads == "language":
        return windowed.read(splits, backbone)
    return tokenised(splits, backbone, usual_limits(backbone))


def _recipe_of(way: Way, recipe: Recipe, apart: Recipe, recorded: Manifest | None) -> Recipe:
    """The recipe for pairs that are read this way; a run goes on by the one that it was started with."""
    plain = dataclasses.replace(recipe, pairs=way)
    if way == "joined" or (recorded is not None and recorded.recipe.stages == plain.stages):
        return plain
    return dataclasses.replace(apart, pairs=way)


def _material(
    splits: Splits, backbone: Backbone, chosen: MachineRecord, read: Read | Documents, limits: Limits
) -> Material:
    """What every stage reads."""
    if isinstance(read, Read):
        return material_of(splits, backbone, chosen, read)
    return read.material(splits, backbone, chosen, limits.tokens)


def _spelling(splits: Splits, backbone: Backbone, located: Located) -> Spelling:
    tokenizer, unknown = backbone.tokenizer.backend_tokenizer, backbone.tokenizer.unk_token_id
    return spell(splits.train.texts, tokenizer, unknown, at_hand.languages(located))


def _about(backbone: Backbone, chosen: MachineRecord) -> Iterator[str]:
    record = backbone.record
    size = f"{record.parameters / 1e6:.1f}M parameters, {record.blocks} blocks of width {record.width}"
    yield f"Model: {record.name} ({record.family}, {size}); {chosen.device}, {chosen.precision}: {chosen.why}."
    if not backbone.family.known:
        found = f"{record.family!r} is not among the families that graft is tested with; its blocks were found by shape"
        yield f"{found}. It trains as any other, but nothing of it is cut off and cached."


def _about_cut(cut: Truncation, model: str, long: Long | None) -> Iterator[str]:
    """What the limit does to the texts, and what a word of them takes; `long`: None where documents are windows."""
    texts, tokens = cut.texts_cut / max(cut.texts, 1), cut.tokens_cut / max(cut.tokens, 1)
    limit = f"Length limit {cut.limit} tokens (longest text: {cut.longest})"
    kept = ", their beginnings and ends kept" if long == "head-tail" else ""
    said = f"{limit}: cuts {texts:.1%} of texts, {tokens:.1%} of tokens{kept}"
    if long is None:
        said = f"Windows of {cut.limit} tokens; nothing is cut off"
    elif long == "windows":
        said = f"{limit}: {texts:.1%} of texts are longer, and read through windows that overlap; nothing is cut"
    yield f"{said}; {spelling.cost(cut.spelling)}." if cut.spelling else f"{said}."
    callout = spelling.misfit(cut.spelling, model)
    if callout is not None:
        yield f"{callout.severity.capitalize()}: {callout.text} To mend it: {callout.setting}"


def _train(job: Job, rows: Rows, clock: Clock) -> Iterator[Event]:
    """Fit, save the artefact, write what happened; a stopped fit is left for --resume."""
    folder, manifest, checkpoints = job.folder, job.manifest, job.checkpoints
    account = Account(rows, job.tokens_found)
    state = checkpoints.state()
    if state is not None:
        clock.carry("train", state.seconds)
    if checkpoints.damage:
        yield Said(f"{checkpoints.damage} The fit goes on from the checkpoint before, to the same end.")
    try:
        with clock.phase("train"):
            for event in fit_material(job.material, job.recipe, checkpoints):
                yield account.add(event)
                if isinstance(event, Epoch):
                    folder.write_epochs(account.epochs)
        with clock.phase("settle"):
            settled = yield from settle.settled(job.material)
        with clock.phase("save"), folder.model_written_whole() as place:
            digests = artefact.save(job.material.backbone, place, manifest.truncation.limit, settled)
    except BaseException:
        if manifest.outcome.status not in DONE:  # else a lost model was to be made again, which undoes nothing
            stopped = dataclasses.replace(manifest.outcome, status="interrupted")
            with suppress(OSError):  # what went wrong is told, not that it could not be noted
                folder.write_manifest(dataclasses.replace(manifest, head=account.head, outcome=stopped))
        raise
    assert account.head is not None
    head = dataclasses.replace(account.head, settled=settled)
    if digests == manifest.outcome.artefact:  # a lost model that was made again: nothing else has changed
        if manifest.outcome.status not in DONE:  # but that an interruption of this was noted as one of the fit
            outcome = dataclasses.replace(
                manifest.outcome, status="evaluated" if manifest.outcome.evaluations else "fitted"
            )
            manifest = dataclasses.replace(manifest, head=head, outcome=outcome)
            folder.write_manifest(manifest)
        yield manifest
        return
    outcome = account.outcome(job.recipe.metric, clock, digests)
    outcome = dataclasses.replace(outcome, evaluations=manifest.outcome.evaluations, files=folder.of_fit())
    manifest = dataclasses.replace(manifest, head=head, outcome=outcome)
    folder.write_manifest(manifest)
    yield manifest
