"""Datasets of the Hugging Face hub, through the optional `datasets` package. No remote code is ever run."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from graft import quiet
from graft.data.files.memory import SPLIT_NAMES
from graft.data.stream import refuse
from graft.errors import DataError, MissingExtra, first_line
from graft.records import SplitName

PREFIX = "hub:"
IDENTIFIER = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?(:[\w.-]+)?")
PATIENCE = 5.0  # seconds that the hub has to answer
TURN = Lock()  # what `datasets` prints, and whether it is offline, are values of the whole process


def looks_like_id(name: str) -> bool:
    """`name`, `owner/name`, either with `:configuration`."""
    return IDENTIFIER.fullmatch(name) is not None


def load_hub(identifier: str, notes: list[str]) -> dict[SplitName, Any]:
    """The splits of a hub dataset as `datasets.Dataset` objects; of the local cache where the hub is out of reach.

    Raises MissingExtra without the package, and DataError when the dataset cannot be had (offline, or no such name).
    """
    try:
        datasets = importlib.import_module("datasets")
    except ImportError:
        purpose = f"There is no file or folder {identifier!r} here; reading it as a dataset of the hub"
        raise MissingExtra("datasets", "datasets", purpose) from None
    shown = f"{PREFIX}{identifier}"
    name, _, configuration = identifier.partition(":")
    unreachable = "offline mode is set" if datasets.config.HF_HUB_OFFLINE else _unreachable(name, shown)
    try:
        with _quietly(datasets, offline=bool(unreachable)):
            loaded = datasets.load_dataset(name, configuration or None)
    except Exception as error:  # the package raises what the network, the hub and a dozen file formats raise
        raise _refused(shown, unreachable, error) from None
    if unreachable:
        notes.append(f"{shown}: {unreachable}; the copy in the local cache was read.")
    return hub_splits(shown, loaded, notes)


def _unreachable(name: str, shown: str) -> str:
    """Why the hub cannot be asked, "" when it can: one short request, where the package would ask for half a minute.

    Raises DataError when the hub answers that there is no such dataset, or none for this person.
    """
    import huggingface_hub
    from huggingface_hub import errors

    try:
        huggingface_hub.HfApi().dataset_info(name, timeout=PATIENCE)
    except errors.GatedRepoError:
        remedy = "accept its terms on its hub page, then run `hf auth login`"
        raise refuse(shown, "the hub dataset is gated", remedy) from None
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        found = "no file is named so, and there is no such public dataset on the hub"
        raise refuse(shown, found, "check the name; `hf auth login` for a private one") from None
    except Exception as error:  # of the library's HTTP client, whose package differs from version to version
        return f"the hub cannot be reached ({first_line(error)})"
    return ""


@contextmanager
def _quietly(datasets: Any, offline: bool) -> Iterator[None]:
    """Without the libraries' warnings of retries, one thread at a time; `offline`: the local cache only, no socket."""
    with TURN, quiet.HUB:
        before = datasets.logging.get_verbosity(), datasets.config.HF_HUB_OFFLINE
        datasets.logging.set_verbosity_error()
        datasets.config.HF_HUB_OFFLINE = offline
        try:
            yield
        finally:
            datasets.logging.set_verbosity(before[0])
            datasets.config.HF_HUB_OFFLINE = before[1]


def _refused(shown: str, unreachable: str, error: Exception) -> DataError:
    if unreachable:
        found = f"no file is named so, {unreachable}, and the local cache does not hold the hub dataset"
        return refuse(shown, found, "check the name and the network, or name a file")
    remedy = "check the name and the network; one configuration of several is hub:owner/name:configuration"
    return refuse(shown, f"the hub dataset cannot be loaded: {first_line(error)}", remedy)


def hub_splits(shown: str, loaded: Any, notes: list[str]) -> dict[SplitName, Any]:
    """Train, validation and test of a DatasetDict; other splits, and those without labels (-1), are noted and left."""
    found: dict[SplitName, Any] = {}
    for name, dataset in loaded.items():
        split = SPLIT_NAMES.get(str(name))
        if split is None or split in found:
            notes.append(f"{shown}: the split {name!r} was ignored.")
        elif _is_unlabelled(dataset):
            notes.append(f"{shown}: the split {name!r} was ignored: its labels are withheld (-1).")
        else:
            found[split] = dataset
    if "train" not in found:
        names = ", ".join(map(str, loaded))
        raise refuse(shown, f"the dataset has no train split; it has: {names}", "save the split you want as a file")
    return found


def _is_unlabelled(dataset: Any) -> bool:
    features = getattr(dataset, "features", None) or {}
    coded = [column for column, feature in features.items() if hasattr(feature, "int2str")]
    return any(dataset.unique(column) == [-1] for column in coded)
