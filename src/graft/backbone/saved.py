"""The files of a saved model, and whether they are the ones that its run wrote."""

from __future__ import annotations

from pathlib import Path

from graft.errors import RunError
from graft.files import is_intact
from graft.records import Manifest

WEIGHTS = "model.safetensors"
HEAD_WEIGHTS = "graft_head.safetensors"


def damaged(folder: Path, manifest: Manifest) -> list[Path]:
    """The files of a saved model that are missing, or not the ones that the manifest names."""
    return [folder / name for name, digest in manifest.outcome.artefact.items() if not is_intact(folder / name, digest)]


def check(folder: Path, manifest: Manifest) -> None:
    """Raises RunError when a file of the model is missing, or is not the one that the manifest names."""
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise RunError(f"{weights} is missing.", "finish the run with --resume, or name another run folder.")
    for path in damaged(folder, manifest):
        state = "not the one that this run saved" if path.is_file() else "missing"
        raise RunError(f"{path} is {state}.", f"`graft run --resume --out {folder.parent}` makes it again.")
