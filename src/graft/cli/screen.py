"""Where lines and progress go: a terminal with a bar and the time left, or a plain log without control characters.

Both write to standard error, so that standard output holds only what was asked for. What a file's name, a class or a
model could have a terminal do is shown, not obeyed.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Protocol, TextIO

from graft.records.metrics import metric
from graft.report.words import decimal, number, visible

EVERY = 10.0  # seconds between progress lines in a plain log
REDRAW = 0.1  # seconds between two drawings of the bar


class Screen(Protocol):
    """A place for lines, and for one work under way at a time."""

    def line(self, text: str) -> None:
        """Show a whole line."""

    def advance(self, label: str, share: float) -> None:
        """Show that `share` (0 to 1) of the work `label` is done; another label is another work."""

    def close(self) -> None:
        """Leave the screen tidy."""


def screen(quiet: bool = False) -> Screen:
    """The screen that standard error allows."""
    if quiet:
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # the hub's own, of downloads
        return Silent()
    if sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", ""):
        return Terminal(sys.stderr)
    return Log(sys.stderr)


class Silent:
    """Shows nothing."""

    def line(self, text: str) -> None:
        pass

    def advance(self, label: str, share: float) -> None:
        pass

    def close(self) -> None:
        pass


class Log:
    """Plain lines; progress now and then."""

    def __init__(self, file: TextIO, every: float = EVERY) -> None:
        self._file = file
        self._every = every
        self._label = ""
        self._began = self._told = 0.0

    def line(self, text: str) -> None:
        print(visible(text), file=self._file, flush=True)
        self._told = time.monotonic()

    def advance(self, label: str, share: float) -> None:
        now = time.monotonic()
        if label != self._label:
            self._label, self._began = label, now
        if now - max(self._told, self._began) < self._every or share <= 0:
            return
        left = (now - self._began) * (1 - share) / share
        self.line(f"{label}: {share:.0%}, {spoken(left)} left")

    def close(self) -> None:
        pass


class Terminal:
    """A bar at the bottom of a terminal, lines above it. Drawn only when something moves, by no thread of its own."""

    def __init__(self, file: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._console = Console(file=file, force_terminal=True, highlight=False, markup=False, emoji=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=self._console,
            transient=True,
            expand=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._label = ""
        self._drawn = 0.0

    def line(self, text: str) -> None:
        self._console.print(visible(text))

    def advance(self, label: str, share: float) -> None:
        if label != self._label:
            self._label = label
            for task in self._bar.task_ids:
                self._bar.remove_task(task)
            self._bar.add_task(label, total=1.0)
            self._bar.start()
        now = time.monotonic()
        if now - self._drawn >= REDRAW:
            self._drawn = now
            self._bar.update(self._bar.task_ids[0], completed=share)
            self._bar.refresh()

    def close(self) -> None:
        self._bar.stop()


def spoken(seconds: float) -> str:
    """A duration in words: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def written(name: str, value: float, digits: int = 3) -> str:
    """A metric's value with so many digits, shares of 1; any number where the metric has a unit of its own."""
    return (number(value) if metric(name).unit == "number" else decimal(value, digits)).replace("−", "-")
