"""The frozen values that travel between rooms and go to disk.

Each is a plain dataclass of plain fields, so that one file (`files.py`) can write and read them all as JSON.
What lives only in memory (token arrays, tensors, models) is defined in the room that makes it.
"""

from graft.records.details import ClassificationDetails, ClassScores, Details, Mistake, ReliabilityBin
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
    Cost,
    Evaluation,
    MachineRecord,
    Manifest,
    Outcome,
    Phase,
    Prediction,
    Progress,
    Request,
    Said,
)
from graft.records.training import Batches, Epoch, Loss, Optimiser, Recipe, Stage, StageRecord, Stopping, Trial

__all__ = [
    "LEAKY",
    "BackboneRecord",
    "Baseline",
    "Batches",
    "ClassScores",
    "ClassificationDetails",
    "Columns",
    "Cost",
    "DataSummary",
    "Details",
    "Epoch",
    "Evaluation",
    "HeadRecord",
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
    "Recipe",
    "ReliabilityBin",
    "Request",
    "Said",
    "Source",
    "SplitName",
    "SplitSummary",
    "Stage",
    "StageRecord",
    "Stopping",
    "Trial",
    "Truncation",
]
