"""Several labels per text as a task: its answers as they are written."""

from __future__ import annotations

import csv
import io

import numpy as np

from graft.assess import predictions_csv
from graft.data.read import ReadOptions, read
from graft.tasks.multilabel import MULTI_LABEL
from graft.tasks.task import Outputs


def test_predictions_and_truth_are_written_in_one_order() -> None:
    """The likelier label came first, so that right answers differed from the truth beside them."""
    cells = [["a", "b"], ["b", "c"], [], ["c"]] * 5
    dataset = read([(f"text {n}", cell) for n, cell in enumerate(cells)], options=ReadOptions(task="multi-label"))
    rows = dataset.parts["train"]
    order = np.array([3, 1, 2])  # the later a label the likelier
    logits = np.where(rows.targets.values, order, -order).astype(np.float32)
    outputs = Outputs(dataset.classes)
    lines = list(csv.DictReader(io.StringIO(predictions_csv(MULTI_LABEL, rows, logits, outputs))))
    assert [line["predicted"] for line in lines] == [line["labels"] for line in lines]
    first, second, *_ = MULTI_LABEL.answers(rows, logits, outputs)
    assert first.labels == ("a", "b")
    assert second.labels == ("c", "b")
    assert MULTI_LABEL.cells(second)[0] == "c|b"
