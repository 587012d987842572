"""What a run says on its way, as lines and as progress.

Knows the events that graft's generators yield; `screen.py` knows where they are drawn.
"""

from __future__ import annotations

import textwrap
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from graft.cli.screen import Screen, spoken, written
from graft.folder import RunFolder
from graft.records import (
    Epoch,
    Evaluation,
    HeadRecord,
    Heat,
    Manifest,
    Progress,
    Ranking,
    Recipe,
    Said,
    Skip,
    StageRecord,
    Trial,
    Unranked,
)
from graft.records.metrics import metric

LABEL = 24  # characters of a progress label, so that a narrow terminal keeps room for the bar


@dataclass
class Story:
    """What was shown, and what is left at the end."""

    screen: Screen
    folder: Path | None = None  # the run's, where the recipe is looked up once it is written
    manifest: Manifest | None = None
    evaluation: Evaluation | None = None
    ranking: Ranking | None = None
    _recipe: Recipe | None = None
    _is_random: bool = False  # whether the head is still random: such a start never stays
    _under_way: tuple[str, float] | None = None  # the stage's label and share

    def follow(self, events: Iterator[object]) -> None:
        """Show every event. However it ends, a generator is closed at once and the screen left tidy."""
        try:
            for event in events:
                self.show(event)
        finally:
            if isinstance(events, Generator):
                events.close()
            self.screen.close()

    def show(self, event: object) -> None:
        match event:
            case Said():
                self.screen.line(event.text)
            case Progress():
                self.screen.advance(*self._progress(event))
            case HeadRecord():
                self._is_random = event.start == "random"
                self.screen.line(f"Head: {event.kind}; {event.why}.")
            case Epoch():
                self.screen.line(self._epoch(event))
                self._is_random &= event.number == 0  # a later stage begins with what was trained
            case Skip():
                where = f"stage {event.stage}, epoch {event.epoch}, step {event.step}"
                self.screen.line(f"Left out, as a number in it is not finite: {where} ({event.place}).")
            case Unranked():
                self.screen.line(f"Not compared: {event.name} ({event.why}).")
            case Heat():
                told = f"{metric(event.metric).short} {written(event.metric, event.value)} on {event.judged:,} rows"
                after = f"after {event.rows:,}; {spoken(event.seconds)}"
                self.screen.line(f"Race, round {event.round}: {event.name}: {told} {after}.")
            case Ranking():
                self.ranking = event
            case Trial():
                self.screen.line(f"Tried a rate of {event.lr:g}: {self._value(event.validation)}.")
            case StageRecord():
                self._under_way = None
                self.screen.line(
                    f"Stage {event.name}: {count(event.epochs, 'epoch')} in {spoken(event.seconds)}; {event.why}."
                )
            case Manifest():
                self.manifest = event
                self._recipe = event.recipe
            case Evaluation():
                self.evaluation = event

    def recipe(self) -> Recipe | None:
        """The run's recipe, once it is known."""
        if self._recipe is None and self.folder is not None and RunFolder(self.folder).exists:
            self._recipe = RunFolder(self.folder).manifest().recipe
        return self._recipe

    def _progress(self, event: Progress) -> tuple[str, float]:
        """(label, share done). Epochs of a stage are one work, so that the time left is the stage's."""
        share = event.done / max(event.total, 1)
        name, _, number = event.phase.rpartition(" ")
        epochs = self._planned(name)
        if epochs and number.isdigit():
            self._under_way = f"{name[:LABEL]}, {count(epochs, 'epoch')}", (int(number) - 1 + share) / epochs
        elif event.phase != "validate" or self._under_way is None:
            label = event.phase.partition(" from text ")[0]
            return textwrap.shorten(label, LABEL, placeholder="…"), share
        return self._under_way  # validating between two epochs is a part of the stage

    def _epoch(self, epoch: Epoch) -> str:
        """One line of at most 60 columns for usual names."""
        epochs = self._planned(epoch.stage)
        number = f"{epoch.number}/{epochs}" if epochs else f"{epoch.number}"
        loss = f"loss {epoch.loss:.3f}" if epoch.loss is not None else "at start"
        mark = "  best" if epoch.best and not (self._is_random and epoch.number == 0) else ""
        return f"{epoch.stage} {number:<6} {loss:<10}  {self._value(epoch.validation)}  {spoken(epoch.seconds)}{mark}"

    def _value(self, validation: dict[str, float]) -> str:
        """The metric by which the best is kept."""
        recipe = self.recipe()
        name = recipe.metric if recipe else next(iter(validation))
        return f"{metric(name).short} {written(name, validation[name], 4)}" if name in validation else ""

    def _planned(self, stage: str) -> int:
        """The epochs of a stage by its name; 0 when it is no stage."""
        recipe = self.recipe()
        return next((known.epochs for known in recipe.stages if known.name == stage), 0) if recipe else 0


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
