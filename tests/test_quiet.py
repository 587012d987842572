"""Libraries are quiet while any thread is loading, and as they were before once none is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import huggingface_hub.utils
import pytest
import transformers.utils

from graft import quiet
from graft.quiet import Shared

LIBRARIES = [(quiet.MODELS, transformers.utils.logging, 50), (quiet.HUB, huggingface_hub.utils.logging, 40)]


@pytest.mark.parametrize(("shared", "logging", "level"), LIBRARIES)
def test_the_last_one_out_restores_what_the_first_one_found(shared, logging, level):
    before = logging.get_verbosity()
    shared.__enter__()
    shared.__enter__()  # of another thread
    shared.__exit__()  # and it is the first that is done
    assert logging.get_verbosity() == level
    shared.__exit__()
    assert logging.get_verbosity() == before != level


def test_progress_bars_come_back():
    assert transformers.utils.logging.is_progress_bar_enabled()
    with quiet.MODELS:
        with quiet.MODELS:
            assert not transformers.utils.logging.is_progress_bar_enabled()
        assert not transformers.utils.logging.is_progress_bar_enabled()
    assert transformers.utils.logging.is_progress_bar_enabled()


def test_an_error_within_or_on_the_way_in_leaves_nothing_changed():
    said = []
    fails = [True, False]

    @contextmanager
    def change() -> Iterator[None]:
        if fails.pop(0):
            raise OSError("no library")
        said.append("in")
        try:
            yield
        finally:
            said.append("out")

    shared = Shared(change)
    with pytest.raises(OSError, match="no library"), shared:
        pass
    with pytest.raises(ValueError, match="within"), shared:
        raise ValueError("within")
    assert said == ["in", "out"]
