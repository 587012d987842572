"""Checkpoints: the best weights so far, and where the fit stands. Safetensors and JSON, written whole or not at all.

`state.json` is written last and names the tensor files that belong to it, so that a kill between two writes leaves
the state before, complete.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from graft.errors import RunError
from graft.files import digest_file, read_record, write_record, written_whole
from graft.records import Epoch, StageRecord, Trial


@dataclass(frozen=True, slots=True)
class Best:
    """The best validation so far. `value` is higher-is-better."""

    stage: str = ""
    epoch: int = 0
    value: float = float("-inf")

    def beaten_by(self, value: float, epoch: int) -> bool:
        """Whether `value` after `epoch` epochs of a stage takes its place: a later epoch also by a tie.

        The log-loss is no judge of ties: it worsens with confidence while the accuracy still improves.
        """
        return value > self.value or (value == self.value and epoch > 0)


@dataclass(frozen=True, slots=True)
class State:
    """Where a fit stands, between two epochs."""

    stage: int  # index of the stage to go on with
    epoch: int  # epochs of it that are done
    best: Best | None
    since_best: int  # epochs of this stage since a better one
    lr: float | None  # the rate that a sweep chose for the last stage
    epochs: tuple[Epoch, ...]
    stages: tuple[StageRecord, ...]
    seconds: float
    files: dict[str, str]  # file name → sha256
    trials: tuple[Trial, ...] = ()  # of that sweep


class Checkpoints:
    """The folder `checkpoints/` of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, str] = {}

    def keep_best(self, tensors: Mapping[str, Tensor], number: int) -> None:
        """Write the best weights (fp32, by parameter name); they count once `commit` has run."""
        self._write("best", number, tensors)

    def keep_last(self, tensors: Mapping[str, Tensor], number: int) -> None:
        """Write the optimiser's state for resuming."""
        self._write("last", number, tensors)

    def commit(self, state: State) -> None:
        """Make the tensors written so far and this state the checkpoint, then remove what it replaces."""
        write_record(self.folder / "state.json", dataclasses.replace(state, files=self._files))
        for path in self.folder.glob("*.safetensors"):
            if path.name not in self._files:
                path.unlink(missing_ok=True)

    def state(self) -> State | None:
        """The committed state, its files verified; None when nothing was committed yet.

        Raises RunError naming a file that is missing or damaged.
        """
        path = self.folder / "state.json"
        if not path.exists():
            return None
        state = read_record(path, State)
        for name, digest in state.files.items():
            file = self.folder / name
            if not file.is_file() or digest_file(file) != digest:
                raise RunError(f"{file} is missing or damaged.", "restore it, or start again in a new folder.")
        self._files = dict(state.files)
        return state

    def load(self, kind: str) -> dict[str, Tensor]:
        """The tensors of "best" or "last"; empty when there are none."""
        for name in self._files:
            if name.startswith(kind):
                try:
                    return load_file(self.folder / name)
                except (SafetensorError, OSError) as error:
                    raise RunError(
                        f"{self.folder / name} cannot be read: {error}", "start again in a new folder."
                    ) from None
        return {}

    def forget_last(self) -> None:
        """A finished stage needs no optimiser state."""
        self._files = {name: digest for name, digest in self._files.items() if not name.startswith("last")}

    def _write(self, kind: str, number: int, tensors: Mapping[str, Tensor]) -> None:
        name = f"{kind}-{number:06d}.safetensors"
        with written_whole(self.folder / name) as temporary:
            save_file({key: value.detach().contiguous().cpu() for key, value in tensors.items()}, temporary)
        kept = {old: digest for old, digest in self._files.items() if not old.startswith(kind)}
        self._files = kept | {name: digest_file(self.folder / name)}


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A snapshot on the CPU, owned by the caller."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}


@torch.no_grad()
def put(tensors: Mapping[str, Tensor], module: torch.nn.Module) -> None:
    """Write tensors into the parameters and buffers of their names.

    Raises RunError when the module is not the one that they came from.
    """
    targets = dict(module.named_parameters()) | dict(module.named_buffers())
    strange = [name for name in tensors if name not in targets or targets[name].shape != tensors[name].shape]
    if strange:
        raise RunError(f"The checkpoint is of another model: it holds {strange[0]}.", "start again in a new folder.")
    for name, tensor in tensors.items():
        targets[name].copy_(tensor)
