"""What every benchmark here shares: the command line, the machine line, real data, medians and results.

A line that begins with "= " is a result; `python benchmarks` gathers these at its end.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from graft.data.read import read
from graft.data.splitting.split import split
from graft.data.table import Splits
from graft.machine import choose, versions
from graft.records import MachineRecord

T = TypeVar("T")
PEERS = ("accelerate", "sentence-transformers")


def command_line(about: str | None, rounds: int = 3) -> argparse.ArgumentParser:
    """A parser that shows a script's docstring and takes --rounds."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"how often all is measured, in turn ({rounds})")
    return parser


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
    found = versions() | {name: importlib.metadata.version(name) for name in PEERS}
    print("  " + ", ".join(f"{name} {version}" for name, version in found.items()), flush=True)
    return machine


def seconds(work: Callable[[], T]) -> tuple[float, T]:
    """How long it took, and what it gave."""
    start = time.perf_counter()
    given = work()
    return time.perf_counter() - start, given


def median(values: Sequence[float], unit: str = "s", digits: int = 2) -> str:
    """A median with its range."""
    low, middle, high = (f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} {unit} (of {len(values)}: {low} to {high})"


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The ratio of two medians."""
    return statistics.median(above) / statistics.median(below)


def result(text: str) -> None:
    """Print a line that the summary repeats."""
    print(f"= {text}", flush=True)


def command(*words: str | Path) -> list[str]:
    """A graft command line under this interpreter."""
    return [sys.executable, "-m", "graft", *map(str, words)]


def call(line: Sequence[str], cache: Path) -> str:
    """Run a command with its own empty cache of features; its standard output, or an exit with what it said."""
    environment = os.environ | {"GRAFT_CACHE": str(cache)}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(line)} failed:\n{done.stderr}")
    return done.stdout
