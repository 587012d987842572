"""Checkpoints: the best weights so far, and where the fit stands. Safetensors and JSON, written whole or not at all.

`state.json` is written last and names the tensor files that belong to it, with their digests, so that a kill between
two writes leaves the state before, complete. `previous.json` is that state: where a file of the newest one is damaged
later, a fit goes on from there and loses nothing but time.
"""

from __future__ import annotations

import dataclasses
import errno
import time
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from graft.errors import RunError
from graft.files import digest_file, is_intact, read_record, write_record, written_whole
from graft.records import Epoch, HeadRecord, Skipped, StageRecord, Trial

STATES = ("state.json", "previous.json")  # the newest first
SAVE_EVERY = 60.0  # seconds
PATIENCE = 20.0  # a checkpoint is followed by a pause of as many times its own duration


@dataclass(frozen=True, slots=True)
class Best:
    """The best validation so far. `value` is higher-is-better."""

    stage: str = ""
    epoch: int = 0
    value: float = float("-inf")
    untaught: bool = False  # of a random head before its first step: what it happens to hit must not outlast any epoch

    def beaten_by(self, value: float, epoch: int) -> bool:
        """Whether `value` after `epoch` epochs of a stage takes its place: a later epoch also by a tie.

        The log-loss is no judge of ties: it worsens with confidence while the accuracy still improves.
        """
        return value > (float("-inf") if self.untaught else self.value) or (value == self.value and epoch > 0)


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep of rates has come to."""

    lr: float | None = None  # the rate that it chose for the last stage
    trials: tuple[Trial, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """Where a fit stands. Within an epoch, the tensors of "last" say after which step."""

    stage: int  # index of the stage to go on with
    epoch: int  # epochs of it that are done
    best: Best | None
    since_best: int  # epochs of this stage since a better one
    sweep: Sweep
    epochs: tuple[Epoch, ...]
    stages: tuple[StageRecord, ...]
    skipped: Skipped
    seconds: float
    head: HeadRecord | None = None  # that the weights belong to; None: of a version that did not say
    files: dict[str, str] = field(default_factory=dict)  # file name → sha256


class Checkpoints:
    """The folder `checkpoints/` of a run: the state committed last, and the one before it.

    `every`: seconds between two of them within a stage, more where writing one takes long; 0: after each step.
    """

    def __init__(self, folder: Path, every: float = SAVE_EVERY) -> None:
        self.folder = folder
        self.damage = ""  # what `state` found wrong with the newest one, where it went back to the one before
        self._every = every
        self._pause = every
        self._committed = time.perf_counter()
        self._known: State | None = None  # committed, and read or written by this object

    @property
    def is_due(self) -> bool:
        """Whether the last one is a while ago."""
        return time.perf_counter() - self._committed >= self._pause

    @property
    def _files(self) -> dict[str, str]:
        return self._known.files if self._known else {}

    def save(self, state: State, best: Mapping[str, Tensor] | None, last: Mapping[str, Tensor] | None) -> None:
        """Commit a state, then remove what nothing needs any more.

        `best`: the best weights (fp32, by parameter name), None where they are those of the last commit. `last`: what
        the next step depends on, None between two stages. Every file is read back and compared before an older one
        goes. Raises OSError and leaves the state before, complete.
        """
        began = time.perf_counter()
        number = 1 + max((_number(path) for path in self.folder.glob("*.safetensors")), default=0)
        files = {} if best is not None else {n: digest for n, digest in self._files.items() if n.startswith("best")}
        for kind, tensors in (("best", best), ("last", last)):
            if tensors is not None:
                name = f"{kind}-{number:06d}.safetensors"
                files[name] = _written(self.folder / name, tensors)
        self._commit(dataclasses.replace(state, files=files))
        self._committed = time.perf_counter()
        self._pause = max(self._every, PATIENCE * (self._committed - began)) if self._every else 0.0

    def _commit(self, state: State) -> None:
        if self._known is not None:
            write_record(self.folder / STATES[1], self._known)
        write_record(self.folder / STATES[0], state)
        before, self._known = self._files, state
        self._remove_all_but({*state.files, *before})

    def tidy(self) -> None:
        """Forget the state before the newest: nothing will go on from it."""
        (self.folder / STATES[1]).unlink(missing_ok=True)
        self._remove_all_but(self._files)

    def _remove_all_but(self, needed: Container[str]) -> None:
        for path in self.folder.glob("*.safetensors"):
            if path.name not in needed:
                path.unlink(missing_ok=True)

    def state(self) -> State | None:
        """The newest committed state whose files are intact; None when nothing was committed yet.

        Where it is not the newest of all, `damage` says what is wrong with that. Raises RunError naming what is
        missing or damaged when no state is left.
        """
        found: list[str] = []
        for name in STATES:
            path = self.folder / name
            if not path.exists():
                continue
            try:
                state = read_record(path, State)
            except RunError as error:
                found.append(error.found)
                continue
            bad = next(
                (file for file, digest in state.files.items() if not is_intact(self.folder / file, digest)), None
            )
            if bad is None:
                self._known, self.damage = state, " ".join(found)
                return state
            found.append(f"{self.folder / bad} is missing or damaged.")
        if found:
            raise RunError(" ".join(dict.fromkeys(found)), "restore it from a backup, or start again in a new folder.")
        return None

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


def _number(path: Path) -> int:
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _written(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write tensors, read them back and compare. Returns the file's sha256."""
    held = {key: value.detach().contiguous().cpu() for key, value in tensors.items()}
    with written_whole(path) as temporary:
        save_file(held, temporary)
        with safe_open(temporary, framework="pt") as file:
            changed = [name for name, tensor in held.items() if not _same(file.get_tensor(name), tensor)]
        if changed:
            raise OSError(errno.EIO, "what was written is not what is read back", str(path))
    return digest_file(path)


def _same(one: Tensor, other: Tensor) -> bool:
    """Bit for bit, so that a NaN is a NaN."""
    return one.shape == other.shape and bool((one.view(-1).view(torch.uint8) == other.view(-1).view(torch.uint8)).all())


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
