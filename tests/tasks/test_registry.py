"""What holds for every task, and how tasks and metrics are named."""

from __future__ import annotations

import pytest

from graft.errors import RecipeError
from graft.records.metrics import METRICS
from graft.tasks.registry import TASKS, task_named
from graft.tasks.task import known_metric, rank


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_tasks_metrics_hold_together(task):
    assert set(task.validation) <= set(task.metrics) <= set(METRICS)
    assert task.tie_breaker in task.validation
    assert known_metric(task, "") == task.validation[0]
    assert task_named(task.name) is task


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_rank_is_higher_for_the_better(task):
    worse, better = (dict.fromkeys(task.validation, 0.2) for _ in range(2))
    for name in task.validation:
        better[name] = 0.3 if METRICS[name].higher else 0.1
    for name in task.validation:
        assert rank(task, name, better) > rank(task, name, worse)


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(RecipeError, match=r"(?s)'clasification'.*did you mean classification\?"):
        task_named("clasification")


@pytest.mark.parametrize("name", ["macro_f1", "Macro-F1", " macro f1 "])
def test_a_metrics_name_may_be_spelled_freely(name):
    assert known_metric(TASKS["classification"], name) == "macro_f1"


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(RecipeError, match=r"(?s)\"acuracy\".*did you mean accuracy\?.*log_loss"):
        known_metric(TASKS["classification"], "acuracy")
