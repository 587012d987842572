"""What every benchmark here shares: the machine line, real data, medians and ratios."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from graft.data.read import read
from graft.data.split import split
from graft.data.table import Splits
from graft.machine import choose, versions
from graft.records import MachineRecord

T = TypeVar("T")


def data(name: str) -> Path:
    """A folder of real data, or an exit that says where it was looked for."""
    root = Path(os.environ.get("GRAFT_DATA", "../shared/data"))
    if not (root / name).exists():
        sys.exit(f"{root / name} is missing: set GRAFT_DATA to a folder that holds {name}.")
    return root / name


def splits(name: str) -> Splits:
    return split(read(data(name)))


def header(title: str) -> MachineRecord:
    """Print what is measured, on what machine, with which versions."""
    machine = choose()
    print(title)
    print(f"  {machine.name}, {machine.cores} cores, {platform.system()}, {machine.device} {machine.precision}")
    print("  " + ", ".join(f"{name} {version}" for name, version in versions().items()))
    return machine


def seconds(work: Callable[[], T]) -> tuple[float, T]:
    """How long it took, and what it gave."""
    start = time.perf_counter()
    given = work()
    return time.perf_counter() - start, given


def median(values: list[float]) -> str:
    """A median with its range."""
    return f"{statistics.median(values):.2f} s (of {len(values)}: {min(values):.2f} to {max(values):.2f})"
