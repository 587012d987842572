"""The records that a report is made of. Any task or verb can compose them; `page.py` alone knows how they look.

A `Report` has one `Hero` (the answer) and `Section`s of blocks. Their texts are plain, never markup, and shown escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from graft.records import Interval
from graft.report.passages import MarkedTexts, SideBySide
from graft.report.words import Unit

Severity = Literal["problem", "warning", "note", "good"]
ColumnKind = Literal["text", "name", "count", "share", "decimal", "number", "seconds", "estimate", "range"]


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, short."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval, where it has one."""

    value: float
    interval: Interval | None = None
    unit: Unit = "share"


Cell: TypeAlias = str | int | float | Estimate | None


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: `text` is long and wraps, `name` is short, the others are numbers, set to the right.

    An `estimate` shows its interval in small type; a `range` draws it as well, on one scale for the whole table.
    """

    title: str
    kind: ColumnKind = "name"
    note: str = ""  # shown on hover


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that can be sorted by each column where that makes sense. Each row has one cell per column."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    searchable: bool = False
    page: int = 0  # rows shown at a time; 0: all
    sortable: bool = True

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"each row of the table {self.caption!r} needs {len(self.columns)} cells")


@dataclass(frozen=True, slots=True)
class Point:
    """A place on a curve; `label` is said on hover."""

    seconds: float
    value: float
    label: str
    best: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """Points joined by a line. The same name in several stages is one thing, drawn with a break between the stages."""

    name: str
    points: tuple[Point, ...]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity against seconds; panels of a chart share the time axis."""

    name: str
    unit: Unit
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A stage on the time axis."""

    name: str
    start: float  # seconds
    end: float
    note: str  # where it is cut


@dataclass(frozen=True, slots=True)
class Curves:
    """Quantities against seconds, stages marked, the best point ringed."""

    caption: str
    panels: tuple[Panel, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """One row of an interval chart."""

    name: str
    value: float
    interval: Interval | None
    ours: bool = False  # drawn with emphasis
    note: str = ""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Values with intervals on one axis: a model beside its yardsticks."""

    caption: str
    unit: Unit
    rows: tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class Heatmap:
    """Counts by truth (rows) and prediction (columns); shaded by share of the row."""

    caption: str
    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of like confidence."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Accuracy against confidence, with the count of predictions in each bin."""

    caption: str
    bins: tuple[Bin, ...]
    note: str = ""  # how to read it, shown beside


@dataclass(frozen=True, slots=True)
class Scatter:
    """Predicted against true numbers, with the diagonal on which they agree."""

    caption: str
    points: tuple[tuple[float, float], ...]  # truth, predicted
    note: str = ""  # how to read it, shown beside


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a plot; `label` is said on hover."""

    across: float
    value: float
    label: str
    interval: Interval | None = None
    ours: bool = False  # drawn with emphasis


@dataclass(frozen=True, slots=True)
class Trace:
    """Spots with one name, which stands at the last one; joined by a line or not."""

    name: str
    spots: tuple[Spot, ...]
    joined: bool = True
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """Values against a number above 0, on a linear or a logarithmic axis."""

    caption: str
    axis: str  # what stands below it
    traces: tuple[Trace, ...]
    logarithmic: bool = False
    unit: Unit = "share"


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    value: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    """Parts of a whole, such as seconds per phase or rows per class."""

    caption: str
    unit: Literal["seconds", "count"]
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Callout:
    """One finding: how grave, what was seen, and the setting to change (code in it stands between backticks)."""

    severity: Severity
    title: str
    text: str
    setting: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Text to copy."""

    caption: str
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks behind a heading that opens on demand; printed open."""

    title: str
    blocks: tuple[Block, ...]


Block: TypeAlias = (
    Prose
    | Facts
    | Table
    | Curves
    | Intervals
    | Heatmap
    | Reliability
    | Scatter
    | Plot
    | Bars
    | Callout
    | Code
    | MarkedTexts
    | SideBySide
    | Fold
)


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter; `id` is its address on the page (letters, digits, hyphens)."""

    id: str
    title: str
    lead: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Hero:
    """The answer at the top: a headline in three parts (before, figure, after), sentences, a chart and some facts."""

    eyebrow: str
    headline: tuple[str, str, str]
    sentences: tuple[str, ...]
    chart: Intervals | None
    facts: Facts


@dataclass(frozen=True, slots=True)
class Report:
    """A whole page."""

    title: str
    hero: Hero
    sections: tuple[Section, ...]
    footer: str
