"""What this machine is and what it does best: device, precision, memory, versions.

Choices are measured where a guess would be wrong, recorded in the manifest before use, and obeyed on resume.
torch is imported inside functions, so that the command line can read this module without it.
"""

from __future__ import annotations

import ctypes
import errno
import importlib.metadata
import os
import platform
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from graft.errors import RecipeError, RunError
from graft.files import cache_root, read_record, write_record
from graft.records import MachineRecord

if TYPE_CHECKING:
    import torch

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "fp32", "bf16"]
NAMED = "named by you"  # why a precision was taken, where a person named it
HELD = 1 << 30  # bytes of freed memory that the process holds on to, and the smallest piece that it asks for alone
_NO_LIMIT = 1 << 60  # bytes; version 1 of control groups writes "no limit" as a number of this size
_NO_MEMORY = (
    *("out of memory", "can't allocate memory", "not enough memory", "bad_alloc"),  # torch, by device
    *("cublas_status_alloc_failed", "cudnn_status_alloc_failed"),  # CUDA's libraries, for their own buffers
    "could not create a primitive",  # oneDNN, when it cannot have its buffers
    "can't start new thread",  # Python, when there is no room for another stack
    "cannot allocate memory",  # the system
)
VERSIONED = ("graft-ml", "torch", "transformers", "tokenizers", "safetensors", "numpy", "scikit-learn", "pyarrow")


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on this machine, kept beside the cache: how many times faster bf16 is, by device."""

    gains: dict[str, float]


def choose(device: Device = "auto", precision: Precision = "auto") -> MachineRecord:
    """The device and the working precision for a run.

    bf16 is taken where a measured matrix product is at least 1.5 times faster in it than in fp32.
    Raises RecipeError when a named device is not on this machine.
    """
    import torch

    if device not in get_args(Device) or precision not in get_args(Precision):
        raise RecipeError(
            f"There is no device {device!r} with precision {precision!r}.",
            "devices: auto, cpu, cuda, mps; precisions: auto, fp32, bf16.",
        )
    _hold_memory()
    chosen = _device(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    name, threads = _device_name(chosen), torch.get_num_threads()
    if precision != "auto":
        return MachineRecord(chosen, name, cores, precision, NAMED, threads)
    ratio = _gain_known(chosen, f"{chosen}, {name}, {cores} cores, torch {importlib.metadata.version('torch')}")
    why = f"a matrix product is {ratio:.1f} times as fast in bf16 as in fp32 here"
    return MachineRecord(chosen, name, cores, "bf16" if ratio >= 1.5 else "fp32", why, threads)


def _hold_memory() -> None:
    """Let memory that is freed be used again: every step frees tensors of tens of megabytes, which glibc gives back to
    the system at once and fetches again page by page, zeroed, for the next. Left alone where a person has set it.

    man 3 mallopt: M_TRIM_THRESHOLD is -1, M_MMAP_THRESHOLD -3.
    """
    chosen_already = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ)
    option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" and not chosen_already else None
    if option is not None:
        option(-1, HELD)
        option(-3, HELD)


def _device(asked: Device) -> Literal["cpu", "cuda", "mps"]:
    import torch

    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if asked == "auto":
        return "cuda" if present["cuda"] else "mps" if present["mps"] else "cpu"
    if not present[asked]:
        at_hand = ", ".join(name for name, is_here in present.items() if is_here)
        raise RecipeError(f"The device {asked} is not on this machine.", f"--device auto, or one of: {at_hand}.")
    return asked


def _device_name(device: str) -> str:
    import torch

    if device == "cuda":
        return str(torch.cuda.get_device_name())
    return processor_name(Path("/proc/cpuinfo")) or platform.processor() or platform.machine()


def processor_name(cpuinfo: Path) -> str:
    """The processor as Linux describes it, with family and model: behind one name of a cloud's virtual machines there
    may be processors whose bf16 differs by a factor of two. Empty where the system does not say."""
    try:
        lines = [line.partition(":") for line in cpuinfo.read_text(errors="replace").splitlines()]
    except OSError:
        return ""
    found: dict[str, str] = {}
    for key, _, value in lines:
        found.setdefault(key.strip(), value.strip())  # the first processor's
    name = found.get("model name", "")
    numbers = [f"{word} {found[key]}" for word, key in (("family", "cpu family"), ("model", "model")) if key in found]
    return f"{name} ({' '.join(numbers)})" if name and numbers else name


def _gain_known(device: str, place: str) -> float:
    """What was measured on this device once: a busy moment must not change what a repeated run computes in."""
    path = cache_root() / "machine.json"
    try:
        gains = read_record(path, Measured).gains
    except RunError:
        gains = {}
    if place not in gains:
        gains[place] = _bf16_gain(device)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_record(path, Measured(gains))
    return gains[place]


def _bf16_gain(device: str) -> float:
    """How many times faster a square matrix product is in bf16 than in fp32: the best of a few short trials, as
    whatever else runs can only slow one down. On a GPU it is a larger one: small ones take no longer than to launch."""
    import torch

    size = 768 if device == "cpu" else 4096

    def seconds(dtype: torch.dtype) -> float:
        left = torch.ones(size, size, dtype=dtype, device=device)
        trials = []
        for _ in range(6):
            start = time.perf_counter()
            product = left @ left
            product[0, 0].item()  # waits for an asynchronous device
            trials.append(time.perf_counter() - start)
        return min(trials[1:])

    return seconds(torch.float32) / seconds(torch.bfloat16)


def sent(tensor: torch.Tensor, device: str | torch.device) -> torch.Tensor:
    """A tensor of the processor's on that device. To a GPU it goes through pinned memory, in the order of what the GPU
    was given to do, so that nobody waits until that is done."""
    import torch

    if torch.device(device).type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def dtype_of(machine: MachineRecord) -> torch.dtype:
    """The working dtype as torch names it."""
    import torch

    return torch.bfloat16 if machine.precision == "bf16" else torch.float32


def peak_memory() -> int:
    """The largest resident set of this process so far, in bytes (0 where the system does not say)."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def resident_memory() -> int:
    """The resident set of this process now, in bytes (0 where the system does not say)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def memory_limit(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int | None:
    """The least memory limit of this process's control groups, in bytes; None where there is none.

    Version 2 has one tree with `memory.max` in each group above the process; version 1 a tree of its own for memory.
    """
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return None
    files: list[Path] = []
    for line in (line for line in lines if len(line) == 3):
        top, name = (groups, "memory.max") if line[1] == "" else (groups / "memory", "memory.limit_in_bytes")
        if line[1] in ("", "memory"):
            group = top / line[2].lstrip("/")
            files += [place / name for place in (group, *group.parents) if place.is_relative_to(top)]
    found = [limit for file in files if (limit := _number(file)) is not None]
    return min((limit for limit in found if limit < _NO_LIMIT), default=None)


def _number(path: Path) -> int | None:
    """What a file of the system says; None where it says "max" or nothing."""
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def free_memory() -> int:
    """Bytes of memory that this process can still have, by the machine and its own limit (0: no one says)."""
    found = []
    limit = memory_limit()
    if limit is not None:
        found.append(max(limit - resident_memory(), 1))
    with suppress(OSError):
        lines = [line.split() for line in Path("/proc/meminfo").read_text().splitlines()]
        found += [1024 * int(line[1]) for line in lines if line[0] == "MemAvailable:"]
    return min(found, default=0)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory could not be had: Python's own, the system's, torch's on a CPU or a GPU."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _NO_MEMORY)


def give_back() -> None:
    """Return what is free within the heap to the system, where its C library can (glibc): freed tensors leave holes
    that nothing else of the process could use."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def versions() -> dict[str, str]:
    """Versions of Python and of every package whose change could change a result."""
    found = {"python": platform.python_version()}
    for package in VERSIONED:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
