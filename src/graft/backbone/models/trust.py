"""Whether a model's files may be read: checked before any library opens one of them.

A model comes from strangers. What lies in its folder must be plain files of sensible sizes inside it; weights must be
safetensors with a sound header; the configuration must be numbers and names, from which everything that names code is
taken out before the library sees it (CVE-2026-4372, CVE-2026-5241: such entries were obeyed without being asked for).
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from graft.errors import ModelError, first_line

MIB = 1 << 20
LIMITS = {".json": 16 * MIB, ".jinja": 16 * MIB, ".txt": 256 * MIB, ".model": 256 * MIB, ".safetensors": 256 << 30}
LARGER = {"tokenizer.json": 256 * MIB, "vocab.json": 256 * MIB}  # of vocabularies
HEADER = 100 * MIB  # the most that the format allows
CODE = (  # entries that name code, or where to find it
    "auto_map",
    "custom_pipelines",
    "trust_remote_code",
    "attn_implementation",
    "_attn_implementation",
    "_attn_implementation_internal",
    "experts_implementation",
    "_experts_implementation",
    "_experts_implementation_internal",
    "kernel_config",
    "use_kernels",
)
SIZES = ("vocab_size", "hidden_size", "dim", "d_model", "n_embd", "intermediate_size", "embedding_size")
MOST_BLOCKS = 2000


def check(folder: Path, name: str) -> None:
    """Raises ModelError naming a file that is not to be read, and why."""
    root = _root(folder)
    for path in _read_by_the_library(folder):
        _check_place(path, root, name)
        _check_size(path, name)
        if path.suffix == ".safetensors":
            header(path, name)
    if (folder / "adapter_config.json").exists():
        _refuse(
            name, folder / "adapter_config.json", "an adapter, which names another model", "merge it into its model"
        )


def _root(folder: Path) -> Path:
    """Where links may lead: within the folder, or within the hub cache's folder of the same model."""
    whole = folder.resolve()
    return whole.parent.parent if whole.parent.name == "snapshots" else whole


def _read_by_the_library(folder: Path) -> Iterator[Path]:
    """Whatever of a folder a loading library may open."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    yield from (path for path in entries if path.suffix in LIMITS)


def _check_place(path: Path, root: Path, name: str) -> None:
    try:
        target = path.resolve(strict=True)
        mode = os.stat(target).st_mode
    except (OSError, RuntimeError) as error:  # a link to nothing, or in a circle
        _refuse(name, path, f"a file that cannot be read ({first_line(error)})", "download the model again")
    if not stat.S_ISREG(mode):
        _refuse(name, path, "no plain file", "put the file itself there")
    if not target.is_relative_to(root):
        _refuse(name, path, f"a link that leads out of its folder, to {target}", "put the file itself there")


def _check_size(path: Path, name: str) -> None:
    size, most = path.stat().st_size, LARGER.get(path.name, LIMITS[path.suffix])
    if size > most:
        _refuse(name, path, f"{size:,} bytes long, more than the {most:,} that are accepted", "check where it is from")


def header(path: Path, name: str) -> dict[str, Any]:
    """The header of a safetensors file: tensors by name, with their shapes and places.

    Raises ModelError where it is longer than the file, is not JSON, or names places outside the file.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(HEADER, size - 8):
            _refuse(name, path, "not a whole safetensors file: its header is longer than it", "download it again")
        try:
            found = json.loads(file.read(length))
        except (ValueError, RecursionError):
            found = None
    if not isinstance(found, dict):
        _refuse(name, path, "not a safetensors file: its header is no JSON object", "download it again")
    tensors = {key: value for key, value in found.items() if key != "__metadata__"}
    if not all(_lies_within(value, size - 8 - length) for value in tensors.values()):
        _refuse(name, path, "damaged: its header names places outside of it", "download it again")
    return tensors


def _lies_within(entry: Any, size: int) -> bool:
    places = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not isinstance(places, list) or len(places) != 2 or not all(isinstance(place, int) for place in places):
        return False
    return bool(0 <= places[0] <= places[1] <= size)


def sanitised(value: Any) -> Any:
    """A configuration without the entries that name code, at whatever depth."""
    if isinstance(value, dict):
        return {key: sanitised(item) for key, item in value.items() if key not in CODE}
    return [sanitised(item) for item in value] if isinstance(value, list) else value


def configuration(folder: Path, name: str) -> Any:
    """The library's configuration object of a folder, made from sanitised values.

    Raises ModelError where its type is not built in, or its sizes are not those of weights that lie beside it.
    """
    from transformers import CONFIG_MAPPING

    values = read_json(folder / "config.json", name)
    kind = values.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        if "auto_map" in values:
            found = f"{name} needs code from its author, which graft never runs (model_type {kind!r})."
        else:
            found = f"{name} cannot be loaded: transformers has no model_type {kind!r}."
        raise ModelError(found, "choose a model of a built-in type.")
    _check_numbers(values, folder, name)
    try:
        return CONFIG_MAPPING[kind].from_dict(sanitised(values))
    except Exception as error:  # whatever the library makes of a stranger's values
        raise ModelError(
            f"{folder / 'config.json'} is no configuration of a {kind!r} model: {first_line(error)}.",
            "download the model again.",
        ) from None


def most_elements(folder: Path) -> int:
    """How many numbers the weights of a folder can hold: each takes at least a byte."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def _check_numbers(values: dict[str, Any], folder: Path, name: str) -> None:
    """A few bytes of configuration must not ask for more than its weights hold."""
    largest = most_elements(folder)
    for key in SIZES:
        size = values.get(key)
        if isinstance(size, int) and not 0 < size <= max(largest, 1):
            raise ModelError(
                f"{folder / 'config.json'} says {key} {size:,}, which its weights cannot hold.",
                "download the model again.",
            )
    for key in ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers"):
        blocks = values.get(key)
        if isinstance(blocks, int) and not 0 <= blocks <= MOST_BLOCKS:
            raise ModelError(
                f"{folder / 'config.json'} says {key} {blocks:,}: no model of {name} has as many.",
                "download the model again.",
            )


def read_json(path: Path, name: str) -> dict[str, Any]:
    """A JSON object of a model's folder. Raises ModelError naming the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"{name} has no {path.name}.", "name a folder that holds a whole Hugging Face model."
        ) from None
    except (ValueError, OSError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {first_line(error)}.", "download the model again.") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path} is not a JSON object.", "download the model again.")
    return value


def _refuse(name: str, path: Path, found: str, remedy: str) -> NoReturn:
    raise ModelError(f"{name} cannot be loaded: {path} is {found}.", f"{remedy}.")
