"""A classifier's sections of the report."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report import samples

from graft.records import Evaluation, Manifest, Mistake
from graft.report.blocks import Estimate, Heatmap, Intervals, Reliability, Section, Table
from graft.tasks.classification_report import sections


def made(name: str = "two", **changes: object) -> dict[str, Section]:
    manifest, _, evaluation = samples.SAMPLES[name]()
    assert evaluation is not None
    metrics = changes.pop("metrics", evaluation.metrics)
    return by_id(replace(samples.with_details(evaluation, **changes), metrics=metrics), manifest)  # type: ignore[arg-type]


def by_id(evaluation: Evaluation, manifest: Manifest) -> dict[str, Section]:
    return {section.id: section for section in sections(evaluation, manifest)}


def table(section: Section, number: int = 0) -> Table:
    return [block for block in section.blocks if isinstance(block, Table)][number]


def test_sections_come_in_reading_order() -> None:
    assert list(made()) == ["numbers", "classes", "confusion", "calibration", "mistakes"]


def test_sections_without_material_are_left_out() -> None:
    assert list(made(per_class=(), confusion=(), reliability=(), mistakes=())) == ["numbers"]


def test_numbers_stand_beside_the_yardsticks() -> None:
    numbers = made()["numbers"]
    chart = numbers.blocks[0]
    assert isinstance(chart, Intervals)
    assert [row.name for row in chart.rows] == ["This model", "TF-IDF + logistic", "Majority class"]
    rows = {row[0]: row for row in table(numbers).rows}
    ours, majority, tfidf = rows["Accuracy"][1:4]
    assert isinstance(ours, Estimate)
    assert isinstance(tfidf, Estimate)
    assert ours.value > tfidf.value == 0.812
    assert rows["Log-loss"][1] == Estimate(0.412, (0.371, 0.455), "decimal")
    assert rows["Matthews correlation"][2] is None  # the majority class has none here
    assert isinstance(majority, Estimate)


def test_a_metric_unknown_here_is_shown_all_the_same() -> None:
    rows = table(made(metrics={"accuracy": 0.9, "top_5_accuracy": 0.99})["numbers"]).rows
    assert [row[0] for row in rows] == ["Accuracy", "Top 5 accuracy"]


def test_classes_carry_support_and_intervals() -> None:
    manifest, _, evaluation = samples.two()
    assert evaluation is not None
    rows = table(by_id(evaluation, manifest)["classes"]).rows
    assert evaluation.details is not None
    first = evaluation.details.per_class[0]
    assert rows[0][:2] == (first.name, first.support)
    assert rows[0][4] == Estimate(first.f1, first.intervals["f1"])


def test_few_classes_show_the_matrix_and_many_the_pairs_first() -> None:
    assert [type(block) for block in made("two")["confusion"].blocks] == [Heatmap]
    many = made("many")["confusion"]
    assert [type(block) for block in many.blocks] == [Table, Heatmap]
    counts = [row[2] for row in table(many).rows]
    assert counts == sorted(counts, reverse=True)  # type: ignore[type-var]
    assert table(many).searchable


def test_the_pairs_are_the_cells_beside_the_diagonal_that_hold_texts() -> None:
    section = made("many")["confusion"]
    heat = section.blocks[1]
    assert isinstance(heat, Heatmap)
    beside = {
        (heat.names[row], heat.names[column]): count
        for row, line in enumerate(heat.counts)
        for column, count in enumerate(line)
        if row != column and count
    }
    shown = {(row[0], row[1]): row[2] for row in table(section).rows}
    assert shown.items() <= beside.items()
    assert len(shown) == min(len(beside), 200)


def test_the_most_confused_pair_is_said() -> None:
    lead = made(confusion=((90, 10), (3, 97)))["confusion"].lead
    assert lead == "Most often, “negative” is taken for “positive”: 10 texts, 10% of that class."
    assert "No text" in made(confusion=((9, 0), (0, 9)))["confusion"].lead


def test_calibration_says_the_direction() -> None:
    calibration = made()["calibration"]
    assert "more confident than it is right" in calibration.lead
    assert isinstance(calibration.blocks[0], Reliability)


def test_mistakes_can_be_found_again() -> None:
    mistake = Mistake("test.csv", 17, "a text", "negative", "positive", 0.93)
    section = made(mistakes=(mistake,), confusion=((9, 1), (0, 9)))["mistakes"]
    assert table(section).rows == ((17, "a text", "negative", "positive", 0.93),)
    assert table(section).searchable
    assert "test.csv" in section.lead


def test_mistakes_of_several_files_name_each() -> None:
    mistakes = (Mistake("a.csv", 1, "x", "n", "p", 0.9), Mistake("b.csv", 2, "y", "n", "p", 0.8))
    assert [row[1] for row in table(made(mistakes=mistakes)["mistakes"]).rows] == ["a.csv", "b.csv"]


def test_long_texts_and_long_lists_are_cut_and_that_is_said() -> None:
    mistakes = tuple(Mistake("a.csv", line, "word " * 1000, "n", "p", 0.9) for line in range(1000))
    section = made(mistakes=mistakes, confusion=((0, 2000), (0, 0)))["mistakes"]
    rows = table(section).rows
    assert len(rows) == 400
    assert all(len(str(row[1])) <= 600 for row in rows)
    assert "2,000 texts were labelled wrongly; the 400 most confident are listed." in str(section.blocks[-1])


@pytest.mark.parametrize("name", [name for name in samples.SAMPLES if name != "interrupted"])
def test_every_sample_has_its_sections(name: str) -> None:
    assert len(made(name)) == 5
