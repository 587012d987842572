"""What a report says about a run."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from graft.records import Evaluation
from graft.report.blocks import Code, Curves, Fold, Prose, Section, Table
from graft.report.compose import compose, model_name, yardsticks
from report import numbers_samples, samples


def composed(name: str, extra: tuple[Section, ...] = ()) -> dict[str, Section]:
    manifest, epochs, evaluation = samples.SAMPLES[name]()
    return {section.id: section for section in compose(manifest, epochs, evaluation, extra).sections}


def with_accuracy(value: float, low: float, high: float) -> Evaluation:
    numbers = samples.two()[2]
    assert numbers is not None
    metrics, spans = {**numbers.metrics, "accuracy": value}, {**numbers.intervals, "accuracy": (low, high)}
    return replace(numbers, n=1821, metrics=metrics, intervals=spans)


def test_the_answer_is_a_sentence_with_its_interval_and_best_yardstick() -> None:
    manifest, epochs, _ = samples.two()
    hero = compose(manifest, epochs, with_accuracy(0.884, 0.869, 0.898), ()).hero
    assert "".join(hero.headline) == "Right on 88.4% of 1,821 unseen texts"
    (said,) = hero.sentences
    assert "86.9–89.8%" in said
    assert "TF-IDF + logistic gets 81.2%: 7.2 points fewer." in said
    assert "Always answering with the majority class" in said
    assert dict(hero.facts.items)["Total time"] == "1 min 13 s"


@pytest.mark.parametrize(
    ("numbers", "words"),
    [((0.83, 0.80, 0.86), "1.8 points fewer, but the intervals overlap"), ((0.80, 0.78, 0.82), "1.2 points more")],
)
def test_a_yardstick_that_is_near_or_ahead_is_said_so(numbers: tuple[float, float, float], words: str) -> None:
    manifest, epochs, _ = samples.two()
    assert words in compose(manifest, epochs, with_accuracy(*numbers), ()).hero.sentences[0]


def test_texts_that_stand_in_train_are_not_called_unseen() -> None:
    manifest, epochs, _ = samples.two()
    *others, test = manifest.data.splits
    leaking = replace(manifest, data=replace(manifest.data, splits=(*others, replace(test, leaks=test.rows))))
    hero = compose(leaking, epochs, with_accuracy(0.999, 0.99, 1.0), ()).hero
    assert "".join(hero.headline) == "Right on 99.9% of 1,821 texts"
    assert hero.sentences[0].startswith("100% of these texts also stand in train")


def test_yardsticks_stand_below_the_model_best_first() -> None:
    rows = yardsticks(with_accuracy(0.9, 0.88, 0.92), "accuracy").rows
    assert [row.name for row in rows] == ["This model", "TF-IDF + logistic", "Majority class"]
    assert [row.ours for row in rows] == [True, False, False]


def test_a_run_without_test_numbers_says_so() -> None:
    manifest, epochs, evaluation = samples.interrupted()
    hero = compose(manifest, epochs, evaluation, ()).hero
    assert "".join(hero.headline) == "Interrupted before the test"
    assert "validation accuracy 85.2%" in hero.sentences[0]
    assert "--resume" in hero.sentences[1]
    assert "use" not in composed("interrupted")  # there is no model to use yet
    fitted = replace(manifest, outcome=replace(manifest.outcome, status="fitted"))
    assert "graft evaluate ." in compose(fitted, epochs, None, ()).hero.sentences[1]


def test_a_run_that_has_only_begun_has_a_report() -> None:
    manifest, _, _ = samples.interrupted()
    begun = replace(manifest, outcome=replace(manifest.outcome, stages=(), best_value=None, best_stage=""))
    report = compose(begun, (), None, ())
    assert "No epoch was finished yet." in report.hero.sentences
    assert "training" not in {section.id for section in report.sections}


def test_sections_come_in_reading_order_with_the_task_s_own_after_the_diagnosis() -> None:
    order = list(composed("two", (Section("numbers", "Numbers", "", ()),)))
    assert order == ["diagnosis", "numbers", "asked", "data", "training", "cost", "use", "manifest"]


def test_the_data_section_counts_classes_and_what_is_cut() -> None:
    table, facts, _ = composed("three")["data"].blocks
    assert isinstance(table, Table)
    assert table.rows[0] == ("billing", 160, 20, 50, pytest.approx(1 / 3))
    assert ("Longer than 128 tokens", "14.1% of texts, 11.5% of tokens cut off") in facts.items  # type: ignore[union-attr]


def test_curves_mark_stages_cuts_and_one_best_point() -> None:
    chart = composed("two")["training"].blocks[0]
    assert isinstance(chart, Curves)
    assert [(span.name, span.note) for span in chart.spans] == [
        ("head", "6/6 frozen, cached"),
        ("top", "4/6 frozen, cached"),
        ("full", "everything trains"),
    ]
    assert [panel.name for panel in chart.panels] == ["Validation accuracy", "Training loss and validation loss"]
    best = [point for panel in chart.panels for series in panel.series for point in series.points if point.best]
    assert [(point.seconds, point.value) for point in best] == [(52.6, 0.891)]


def test_a_sweep_is_a_table_with_the_rate_that_was_taken() -> None:
    (sweep,) = [one for one in composed("many")["training"].blocks if isinstance(one, Table) and "sweep" in one.caption]
    assert [(row[0], row[-1]) for row in sweep.rows] == [("3e-05", ""), ("0.0001", "yes"), ("0.0003", "")]
    assert [column.title for column in sweep.columns] == ["Rate", "Val. accuracy", "Val. log-loss", "Taken"]
    assert not any(isinstance(one, Table) and "sweep" in one.caption for one in composed("two")["training"].blocks)


def test_averaged_validation_is_said_where_it_was_on() -> None:
    (said,) = [one.text for one in composed("many")["training"].blocks if isinstance(one, Prose)]
    assert "Stage “full”" in said
    assert "mean of the weights" in said
    assert not any(isinstance(one, Prose) for one in composed("two")["training"].blocks)


@pytest.mark.parametrize(("epochs", "snapshots", "told"), [(1, 1, False), (1, 4, True), (2, 1, True)])
def test_a_mean_is_said_where_there_is_more_than_one_thing_to_take_it_of(
    epochs: int, snapshots: int, told: bool
) -> None:
    manifest, known, evaluation = samples.two()
    stages = tuple(replace(stage, average=True, epochs=epochs, snapshots=snapshots) for stage in manifest.recipe.stages)
    averaged = replace(manifest, recipe=replace(manifest.recipe, stages=stages))
    sections = {section.id: section for section in compose(averaged, known, evaluation, ()).sections}
    assert any(isinstance(one, Prose) and "mean of" in one.text for one in sections["training"].blocks) is told


def test_a_broken_loss_leaves_a_gap_and_no_crash() -> None:
    manifest, epochs, evaluation = samples.two()
    broken = (*epochs[:-1], replace(epochs[-1], loss=float("nan"), validation={"accuracy": 0.5}))
    chart = {section.id: section for section in compose(manifest, broken, evaluation, ()).sections}["training"].blocks[
        0
    ]
    assert isinstance(chart, Curves)
    assert all(
        point.value == point.value for panel in chart.panels for series in panel.series for point in series.points
    )


def test_a_run_is_used_in_three_ways_unless_its_head_is_graft_s_own() -> None:
    assert len(composed("two")["use"].blocks) == 3
    manifest, epochs, evaluation = samples.two()
    assert manifest.head is not None
    pooled = replace(manifest, head=replace(manifest.head, kind="pooled"))
    use = {section.id: section for section in compose(pooled, epochs, evaluation, ()).sections}["use"]
    assert not any("transformers" in block.text for block in use.blocks if isinstance(block, Code))


def test_the_python_on_the_page_compiles() -> None:
    for block in composed("two")["use"].blocks:
        if isinstance(block, Code) and block.language == "python":
            compile(block.text, block.caption, "exec")


def test_the_manifest_is_there_in_full_and_folded() -> None:
    folds = [block for block in composed("two")["manifest"].blocks if isinstance(block, Fold)]
    assert len(folds) == 3
    (code,) = folds[-1].blocks
    assert isinstance(code, Code)
    assert '"created": "2026-02-03T10:20:30+00:00"' in code.text


def test_names_of_models() -> None:
    manifest = samples.two()[0]
    folder = replace(manifest, backbone=replace(manifest.backbone, name="models/tiny/", source="folder"))
    hub = replace(manifest, backbone=replace(manifest.backbone, name="google/electra-small", source="hub"))
    assert [model_name(one) for one in (manifest, folder, hub)] == ["all-MiniLM-L6-v2", "tiny", "google/electra-small"]


def test_a_task_without_classes_counts_none() -> None:
    made = compose(numbers_samples.regression(), samples.epochs(), None, ())
    assert ("Data", "6,920 texts to learn from") in made.hero.facts.items
    (data,) = (section for section in made.sections if section.id == "data")
    assert "class" not in data.lead


def test_names_are_counted_by_their_types_and_not_by_the_tags_that_say_where_they_begin() -> None:
    manifest = samples.two()[0]
    splits = tuple(replace(split, per_class={"ORG": 30, "PER": 20}) for split in manifest.data.splits)
    data = replace(
        manifest.data, task="token-classification", classes=("O", "B-ORG", "I-ORG", "B-PER", "I-PER"), splits=splits
    )
    made = compose(replace(manifest, data=data), samples.epochs(), None, ())
    assert "2 types of names, " in dict(made.hero.facts.items)["Data"]
    (section,) = (section for section in made.sections if section.id == "data")
    assert " with 2 types of names from " in section.lead


def test_a_run_that_was_stopped_tells_its_best_epoch_from_the_epochs() -> None:
    manifest, epochs, _ = samples.interrupted()
    stopped = replace(manifest, outcome=replace(manifest.outcome, best_value=None, best_stage="", best_epoch=0))
    made = compose(stopped, epochs, None, ())
    best = next(epoch for epoch in reversed(epochs) if epoch.best)
    assert f"stage “{best.stage}”, epoch {best.number}" in made.hero.sentences[0]
    (training,) = (section for section in made.sections if section.id == "training")
    assert f"epoch {best.number} of stage “{best.stage}”" in training.lead


@pytest.mark.parametrize(
    ("command", "verb"),
    [("graft fit a.csv", "fit"), ("graft.fit", "fit"), ("graft run a", "run"), ("graft.run", "run")],
)
def test_what_was_stopped_goes_on_by_the_command_that_began_it(command: str, verb: str) -> None:
    manifest, epochs, _ = samples.interrupted()
    asked = replace(manifest, request=replace(manifest.request, command=command))
    assert f"graft {verb} --resume --out ." in compose(asked, epochs, None, ()).hero.sentences[1]


def test_a_run_that_was_killed_is_not_said_to_run() -> None:
    manifest, epochs, _ = samples.interrupted()
    killed = replace(manifest, outcome=replace(manifest.outcome, status="running"))
    assert "".join(compose(killed, epochs, None, ()).hero.headline) == "Not finished"


def of_names(start: str, *values: float) -> dict[str, Section]:
    """The sections of a run of one stage by its validation values, the first before the first step; each is a best."""
    manifest = samples.two()[0]
    assert manifest.head is not None
    run = replace(
        manifest, head=replace(manifest.head, start=start), recipe=replace(manifest.recipe, metric="entity_f1")
    )
    curve = tuple(replace(epoch, best=True) for epoch in numbers_samples.epochs_by("entity_f1", *values))
    return {section.id: section for section in compose(run, curve, None, ()).sections}


def table_of(section: Section) -> Table:
    (fold,) = (block for block in section.blocks if isinstance(block, Fold) and block.title == "All epochs")
    (table,) = fold.blocks
    assert isinstance(table, Table)
    return table


def test_a_random_head_s_luck_is_said_and_is_no_best() -> None:
    training = of_names("random", 0.046, 0.0, 0.01)["training"]
    (said,) = (block.text for block in training.blocks if isinstance(block, Prose))
    assert "Epoch 0 reached 4.6%" in said
    assert [row[-1] for row in table_of(training).rows] == ["", "yes", "yes"]


@pytest.mark.parametrize(("start", "values"), [("probe", (0.5, 0.6)), ("random", (0.0, 0.6))])
def test_luck_is_only_said_where_it_was_better(start: str, values: tuple[float, ...]) -> None:
    training = of_names(start, *values)["training"]
    assert not any(isinstance(block, Prose) and "Epoch 0" in block.text for block in training.blocks)


def test_a_probe_without_a_training_loss_draws_no_empty_panel() -> None:
    manifest = samples.two()[0]
    probed = replace(manifest, recipe=replace(manifest.recipe, metric="spearman"))
    (epoch,) = numbers_samples.epochs_by("spearman", 0.7)
    training = {one.id: one for one in compose(probed, (epoch,), None, ()).sections}["training"]
    (chart,) = (block for block in training.blocks if isinstance(block, Curves))
    assert [panel.name for panel in chart.panels] == ["Validation Spearman correlation"]


def data_of(task: str, per_class: dict[str, int]) -> Table:
    """The table of what is in each split of a run of a task."""
    manifest = samples.two()[0]
    splits = tuple(replace(split, rows=40, per_class=per_class) for split in manifest.data.splits)
    made = compose(replace(manifest, data=replace(manifest.data, task=task, splits=splits)), (), None, ())
    (section,) = (section for section in made.sections if section.id == "data")
    table = section.blocks[0]
    assert isinstance(table, Table)
    return table


def test_a_label_s_share_is_of_the_texts_and_a_type_s_of_the_names() -> None:
    labels = data_of("multi-label", {"joy": 30, "fear": 20})
    assert labels.caption == "Texts per label and split"
    assert [row[-1] for row in labels.rows] == [0.75, 0.5]
    names = data_of("token-classification", {"ORG": 30, "PER": 20})
    assert names.caption == "Names per type and split"
    assert [row[-1] for row in names.rows] == [0.6, 0.4]


def test_a_given_split_that_others_were_cut_from_is_said_so() -> None:
    manifest = samples.two()[0]
    splits = tuple(replace(split, made=split.name != "train") for split in manifest.data.splits)
    made = compose(replace(manifest, data=replace(manifest.data, splits=splits)), (), None, ())
    (section,) = (section for section in made.sections if section.id == "data")
    told = dict(section.blocks[1].items)  # type: ignore[union-attr]
    assert told["Train"].endswith("given, less validation and test")
    assert told["Test"].endswith("split off by graft")


@pytest.mark.parametrize("task", ["classification", "question-answering", "rewrite"])
def test_lines_to_copy_quote_the_names_of_columns(task: str) -> None:
    manifest = samples.two()[0]
    second = "" if task == "rewrite" else 'the "other" one'
    columns = replace(manifest.data.columns, text="first text", second=second)
    run = replace(manifest, data=replace(manifest.data, task=task, columns=columns))
    use = {section.id: section for section in compose(run, (), None, ()).sections}["use"]
    (line,) = (line for line in use.blocks[0].text.splitlines() if "--file" in line)  # type: ignore[union-attr]
    words = shlex.split(line)
    assert words[words.index("--text") + 1] == "first text"
    assert not second or words[words.index("--text-pair") + 1] == second


def test_what_is_better_lower_is_said_so() -> None:
    manifest, epochs, _ = samples.two()
    assert "lower is better" not in compose(manifest, epochs, with_accuracy(0.884, 0.869, 0.898), ()).hero.sentences[0]
    numbers = Evaluation("test", 4, {"bits_per_character": 1.793}, {"bits_per_character": (1.7, 1.9)}, {}, 1.0)
    writes = replace(manifest, data=replace(manifest.data, task="write"))
    made = compose(writes, epochs, numbers, ())
    assert "1.700–1.900; lower is better." in made.hero.sentences[0]
    (asked,) = (section for section in made.sections if section.id == "asked")
    assert ("Windows of", "256 tokens") in asked.blocks[1].items  # type: ignore[union-attr]


def test_values_that_are_written_alike_are_no_lead() -> None:
    manifest, epochs, _ = samples.two()
    numbers = numbers_samples.of_numbers(0.7874, 0.7866, 0.5, 0.0)
    assert "0.787: as much, as far as these digits tell." in compose(manifest, epochs, numbers, ()).hero.sentences[0]
    near = numbers_samples.of_numbers(0.7876, 0.7874, 0.5, 0.0)
    assert "0.787: 0.001 less" in compose(manifest, epochs, near, ()).hero.sentences[0]


def test_documents_that_are_read_in_windows_are_not_said_to_be_short() -> None:
    manifest = samples.two()[0]
    cut = replace(manifest.truncation, texts_cut=0, tokens_cut=0, longest=5055)
    made = compose(replace(manifest, truncation=cut), (), None, ())
    (section,) = (section for section in made.sections if section.id == "data")
    assert ("Longer than 256 tokens", "read in windows, nothing cut off") in section.blocks[1].items  # type: ignore[union-attr]
