"""The frozen values that travel between rooms and go to disk.

Each is a plain dataclass of plain fields, so that one file (`files.py`) can write and read them all as JSON.
What lives only in memory (token arrays, tensors, models) is defined in the room that makes it.
"""

from graft.records.choosing import Candidate, Costs, Forecast, Heat, Ranking, Skipped, View
from graft.records.material import (
    LEAKY,
    BackboneRecord,
    Columns,
    DataSummary,
    HeadRecord,
    Interval,
    Source,
    SplitName,
    SplitSummary,
    Truncation,
)
from graft.records.outcome import (
    Baseline,
    ClassScores,
    Cost,
    Evaluation,
    MachineRecord,
    Manifest,
    Mistake,
    Outcome,
    Phase,
    Prediction,
    Progress,
    ReliabilityBin,
    Request,
    Said,
)
from graft.records.training import Batches, Epoch, Loss, Optimiser, Recipe, Stage, StageRecord, Stopping, Trial

__all__ = [
    "LEAKY",
    "BackboneRecord",
    "Baseline",
    "Batches",
    "Candidate",
    "ClassScores",
    "Columns",
    "Cost",
    "Costs",
    "DataSummary",
    "Epoch",
    "Evaluation",
    "Forecast",
    "HeadRecord",
    "Heat",
    "Interval",
    "Loss",
    "MachineRecord",
    "Manifest",
    "Mistake",
    "Optimiser",
    "Outcome",
    "Phase",
    "Prediction",
    "Progress",
    "Ranking",
    "Recipe",
    "ReliabilityBin",
    "Request",
    "Said",
    "Skipped",
    "Source",
    "SplitName",
    "SplitSummary",
    "Stage",
    "StageRecord",
    "Stopping",
    "Trial",
    "Truncation",
    "View",
]
