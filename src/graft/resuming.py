"""A run that goes on: whether it is given what it was begun with, and what its last bits depend on besides.

Everything that decides the result is compared before a step is done; what differs is refused by name. What only moves
last bits (releases, processor, threads) is said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from graft import machine
from graft.data.wording import count_of
from graft.errors import RunError
from graft.folder import RunFolder
from graft.machine import Device
from graft.records import BackboneRecord, DataSummary, MachineRecord, Manifest, Recipe, Said

SHOWN = 3  # differences that a message names


def same_machine(recorded: Manifest, device: str, precision: str, folder: RunFolder) -> MachineRecord:
    """The choices that the run was begun with. Raises RunError where others are named, RecipeError where its device is
    not here."""
    begun = recorded.machine
    for name, asked, was in (("device", device, begun.device), ("precision", precision, begun.precision)):
        if asked not in ("auto", was):
            raise RunError(
                f"{folder.path} was started with --{name} {was}, and --{name} {asked} is given now.",
                f"leave --{name} out, or start a new run with another --out.",
            )
    machine.choose(cast(Device, begun.device), begun.precision)
    return begun


def check_same(recorded: Manifest, asked: Manifest, folder: RunFolder) -> None:
    """A resumed run must be of the same data, model and recipe. Raises RunError naming what differs.

    What to do about numbers that are not finite may change: that is how a run that stopped for one goes on.
    """
    recipe = dataclasses.replace(recorded.recipe, on_nonfinite=asked.recipe.on_nonfinite)
    found = {
        "data": list(_of_data(recorded.data, asked.data)),
        "task": _change("", recorded.data.task, asked.data.task),
        "classes": _change("", ", ".join(recorded.data.classes), ", ".join(asked.data.classes)),
        "model": list(_of_model(recorded.backbone, asked.backbone)),
        "recipe": list(_of_recipe(recipe, asked.recipe)),
    }
    different = {name: details for name, details in found.items() if details}
    if different:
        details = [detail for each in different.values() for detail in each]
        more = f"; and {len(details) - SHOWN} more" if len(details) > SHOWN else ""
        raise RunError(
            f"{folder.path} was started with other {' and '.join(different)} than are given now: "
            f"{'; '.join(details[:SHOWN])}{more}.",
            "give what the run was started with, or start a new run with another --out.",
        )


def _change(name: str, before: Any, now: Any) -> list[str]:
    return [f"{name} {now}, where it was {before}".lstrip()] if before != now else []


def _of_data(recorded: DataSummary, asked: DataSummary) -> Iterator[str]:
    """What of the data differs, where a split's rows do: files by name, else the splits themselves."""
    before = {split.name: split for split in recorded.splits}
    splits = [split for split in asked.splits if split.name not in before or before[split.name].digest != split.digest]
    gone = [name for name in before if asked.split(name) is None]
    if not splits and not gone:
        return
    known = {source.path: source.digest for source in recorded.sources}
    files = [source.path for source in asked.sources if known.get(source.path, source.digest) != source.digest]
    strange = [source.path for source in asked.sources if source.path not in known]
    yield from (f"{path} was changed since" for path in files)
    yield from (f"{path} was not among its files" for path in strange)
    if not files and not strange:
        yield from (f"{split.name} holds other rows ({count_of(split.rows, 'row')})" for split in splits)
        yield from (f"there is no {name} now" for name in gone)


def _of_model(recorded: BackboneRecord, asked: BackboneRecord) -> Iterator[str]:
    """What of the model differs: its weights, configuration or tokenizer, by file."""
    if recorded.digest != asked.digest:
        yield from _change("model", recorded.name, asked.name) or [f"the weights of {asked.name} were changed since"]
    if not recorded.files:  # a run of an earlier release, which did not note them
        return
    names = recorded.files.keys() | (asked.files.keys() if asked.source == "folder" else set())
    for name in sorted(names):
        if recorded.files.get(name) != asked.files.get(name):
            yield f"{name} of {asked.name} was changed since"


def _of_recipe(recorded: Recipe, asked: Recipe) -> Iterator[str]:
    before, now = _flat(msgspec.to_builtins(recorded)), _flat(msgspec.to_builtins(asked))
    for name in dict.fromkeys([*before, *now]):
        yield from _change(name, before.get(name, "not there"), now.get(name, "not there"))


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested values by dotted name, as `--set` takes them."""
    if isinstance(value, dict | list | tuple) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: one for place, inner in items for key, one in _flat(inner, f"{name}.{place}".lstrip(".")).items()}
    return {name: value}


def of_last_bits(recorded: Manifest) -> Iterator[Said]:
    """A sentence where releases, processor or threads are not those that the run was begun with."""
    here = machine.choose(cast(Device, recorded.machine.device), recorded.machine.precision)
    versions = machine.versions()
    found = [
        *_change("the processor", recorded.machine.name, here.name),
        *(_change("threads", recorded.machine.threads, here.threads) if recorded.machine.threads else []),
    ]
    for name in sorted(recorded.versions.keys() | versions.keys()):
        found += _change(name, recorded.versions.get(name, "not there"), versions.get(name, "not there"))
    if found:
        yield Said(
            f"{'; '.join(found)}. The run goes on; its last bits can differ from those of one that was not stopped."
        )


def refuse_further(folder: RunFolder, scratch: bool, beside: dict[str, str]) -> None:
    """Raises RunError where a run that goes on is asked for yardsticks that it was not begun with."""
    request = folder.manifest().request
    named = ["--from-scratch"] if scratch and not request.scratch else []
    named += [f"--{kind} {path}" for kind, path in beside.items() if request.beside.get(kind) != path]
    if named:
        raise RunError(
            f"{folder.path} was started without {' and '.join(named)}.",
            "leave that out, or start a new run with another --out.",
        )
