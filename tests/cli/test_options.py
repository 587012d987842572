"""What the command line offers is what the readers take: its lists stand apart, so that help loads little."""

from __future__ import annotations

from typing import get_args

from graft.cli import options
from graft.data.options import Apart, Format, TaskName


def test_the_choices_are_those_of_the_readers():
    assert ("auto", *options.TASKS) == get_args(TaskName)
    assert get_args(Format) == options.FORMATS
    assert get_args(Apart) == options.DOCUMENTS
