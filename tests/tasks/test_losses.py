"""What a training loss is lowest for, where classes are weighted and targets smoothed at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graft.data.columns.marked import Marks
from graft.data.spans import spans_of
from graft.data.targets import Codes, Flags, Targets
from graft.records import Loss
from graft.tasks.classification import CLASSIFICATION
from graft.tasks.multilabel import MULTI_LABEL
from graft.tasks.tagging import TAGGING
from graft.tasks.task import Task

ROWS, RARE = 500, 10
BOTH = Loss(label_smoothing=0.1, class_weights="balanced")


def classes() -> Targets:
    return Codes(np.repeat(np.array([0, 1], np.int32), [ROWS - RARE, RARE]))


def labels() -> Targets:
    return Flags(np.repeat(np.array([[True, False], [True, True]]), [ROWS - RARE, RARE], axis=0))


def words() -> Targets:
    """One word a row, of two types, with a tag that no word has."""
    codes = np.repeat([0, 1], [ROWS - RARE, RARE]).tolist()
    return Marks(spans_of([(0, 1, code)] for code in codes), spans_of([(0, 1, 0)] for _ in codes))


def best(task: Task, targets: Targets, outputs: int, rows: np.ndarray) -> torch.Tensor:
    """The logits by which all these rows together are answered at the least loss."""
    criterion = task.criterion(targets, outputs, BOTH)
    logits = torch.zeros(outputs, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        found = criterion.losses(logits.expand(len(rows), -1), rows).sum() / criterion.weight(rows)
        found.backward()
        return found

    solver.step(loss)
    return logits.detach()


@pytest.mark.parametrize(
    ("task", "targets", "outputs"),
    [(CLASSIFICATION, classes(), 2), (CLASSIFICATION, classes(), 4), (TAGGING, words(), 2), (TAGGING, words(), 4)],
)
def test_a_row_is_best_answered_with_its_smoothed_class(task: Task, targets: Targets, outputs: int) -> None:
    for rows, code in ((np.arange(ROWS - RARE), 0), (np.arange(ROWS - RARE, ROWS), 1)):
        shares = best(task, targets, outputs, rows).softmax(0)
        expected = torch.full((outputs,), 0.1 / outputs, dtype=torch.float64)
        expected[code] += 0.9
        torch.testing.assert_close(shares, expected, atol=1e-4, rtol=0)


def test_a_label_is_best_answered_with_its_smoothed_flag() -> None:
    for rows, share in ((np.arange(ROWS - RARE), 0.05), (np.arange(ROWS - RARE, ROWS), 0.95)):
        assert float(best(MULTI_LABEL, labels(), 2, rows).sigmoid()[1]) == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize(("task", "targets"), [(CLASSIFICATION, classes()), (TAGGING, words())])
def test_all_rows_together_are_best_answered_evenly(task: Task, targets: Targets) -> None:
    shares = best(task, targets, 2, np.arange(ROWS)).softmax(0)
    torch.testing.assert_close(shares, torch.full_like(shares, 0.5), atol=1e-4, rtol=0)
