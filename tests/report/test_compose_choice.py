"""A comparison of models as a section: what was not compared, with one mark at each reason's end."""

from __future__ import annotations

from graft.records import Candidate, Costs, Forecast, Ranking, Sampled, Unranked
from graft.report.blocks import Fold, Prose
from graft.report.compose_choice import choice_section


def test_a_reason_ends_with_one_mark() -> None:
    candidate = Candidate("embedded", "bert", 2, 2, 384, 20_000_000, 512)
    costs = Costs(1.0, 10**9, 10**8, 1.5)
    pick = Forecast(candidate, 0.9, (0.8, 0.95), None, None, costs, ("A reason.",))
    reasons = ("it has no weights", "it is gated.", "no folder → did you mean x?")
    skipped = tuple(Unranked(f"model {number}", why) for number, why in enumerate(reasons))
    sampled = Sampled(500, 900)
    ranking = Ranking("accuracy", sampled, (pick,), {}, skipped, (), "embedded", "it was the best", "On 24.", 9.0)
    (left,) = (block for block in choice_section(ranking).blocks if isinstance(block, Fold))
    assert left.blocks == (
        Prose("model 0: it has no weights."),
        Prose("model 1: it is gated."),
        Prose("model 2: no folder → did you mean x?"),
    )
