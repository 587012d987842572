"""Datasets of the Hugging Face hub, through the optional `datasets` package. No remote code is ever run."""

from __future__ import annotations

import importlib
import re
from typing import Any

from graft.data.memory import SPLIT_NAMES
from graft.data.stream import refuse
from graft.errors import MissingExtra
from graft.records import SplitName

PREFIX = "hub:"
IDENTIFIER = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?(:[\w.-]+)?")


def looks_like_id(name: str) -> bool:
    """`name`, `owner/name`, either with `:configuration`."""
    return IDENTIFIER.fullmatch(name) is not None


def load_hub(identifier: str, notes: list[str]) -> dict[SplitName, Any]:
    """The splits of a hub dataset as `datasets.Dataset` objects.

    Raises MissingExtra without the package, and DataError when the dataset cannot be had (offline, or no such name).
    """
    try:
        datasets = importlib.import_module("datasets")
    except ImportError:
        purpose = f"There is no file or folder {identifier!r} here; reading it as a dataset of the hub"
        raise MissingExtra("datasets", "datasets", purpose) from None
    name, _, configuration = identifier.partition(":")
    try:
        loaded = datasets.load_dataset(name, configuration or None)
    except Exception as error:  # the package raises what the network, the hub and a dozen file formats raise
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        remedy = "check the name and the network; one configuration of several is hub:owner/name:configuration"
        raise refuse(
            f"{PREFIX}{identifier}", f"no file is named so, and the hub dataset cannot be loaded: {reason}", remedy
        ) from None
    return hub_splits(f"{PREFIX}{identifier}", loaded, notes)


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
