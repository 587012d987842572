"""What stands out in a model that gives several labels: too many of them, or no more right than the commonest."""

from __future__ import annotations

from collections.abc import Sequence

from graft.records import Evaluation, Manifest, MultiLabelDetails
from graft.report import words
from graft.report.blocks import Callout
from graft.report.diagnose_settings import either, longer
from graft.report.diagnose_yardsticks import beside, gravity

TOO_MANY = 1.5  # labels given to labels there are from which it is said
ENOUGH = 10  # labels too many that chance does not make
_COMPARED = ("macro_f1", "micro_f1", "subset_accuracy")


def diagnose_labels(manifest: Manifest, evaluation: Evaluation, details: MultiLabelDetails) -> list[Callout | None]:
    """At most one callout per check."""
    return [_too_many(manifest, details), _commonest(manifest, evaluation)]


def _too_many(manifest: Manifest, details: MultiLabelDetails) -> Callout | None:
    given, true, texts = _labels(details.given), _labels(details.true), sum(details.true)
    if given < TOO_MANY * true or given - true < ENOUGH:
        return None
    return Callout(
        "warning",
        "Too many labels are given",
        f"Texts are given {words.decimal(given / texts, 2)} labels on average, and have "
        f"{words.decimal(true / texts, 2)}. Each label's threshold is the best for its F1 on validation, which is low "
        "where the model can hardly tell the label.",
        f"{either(*longer(manifest), 'more labelled texts')}; until then, take labels from a higher probability on, "
        "which `graft predict` gives of each.",
    )


def _labels(texts: Sequence[int]) -> int:
    """All labels of texts that are counted by how many they have."""
    return sum(number * count for number, count in enumerate(texts))


def _commonest(manifest: Manifest, evaluation: Evaluation) -> Callout | None:
    """Fewer right labels than a constant has, which macro-F1 does not show: there a constant has next to nothing."""
    rival = evaluation.baselines.get("common")
    if rival is None or any(name not in one.metrics for name in _COMPARED for one in (evaluation, rival)):
        return None
    ours, theirs = evaluation.metrics, rival.metrics
    if ours["micro_f1"] > theirs["micro_f1"] or ours["macro_f1"] <= theirs["macro_f1"]:
        return None
    micro, subset = (beside(name, ours[name], theirs[name]) for name in ("micro_f1", "subset_accuracy"))
    return Callout(
        gravity(evaluation, rival, "micro_f1"),
        "No better than the commonest labels over all texts",
        f"By micro-F1, over all labels together, always giving the commonest ones does as well or better: {micro}. "
        f"Subset accuracy is {subset}. Macro-F1 is higher because it counts rare labels as much as common ones.",
        f"{either(*longer(manifest), 'more labelled texts')}.",
    )
