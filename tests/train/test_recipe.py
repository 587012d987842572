"""Recipes: named ones, TOML and settings by dotted name; every mistake gets one message with the nearest right name."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.errors import RecipeError
from graft.records import Batches, Loss, Optimiser, Recipe, Stage, Stopping
from graft.tasks.classification import CLASSIFICATION
from graft.tasks.classification_metrics import VALIDATION_METRICS
from graft.tasks.regression import REGRESSION
from graft.train.recipe import changed, named, read, write
from graft.train.row_recipes import NAMED
from graft.train.scale import Scale

BLOCKS = 6
SCALE = Scale(rows=1000, tokens=30_000, classes=3, blocks=BLOCKS, width=384)

share = st.floats(0, 0.99)
rate = st.floats(1e-7, 1.0)
optimisers = st.builds(
    Optimiser,
    lr=rate,
    head_lr=st.none() | rate,
    layer_decay=st.floats(0.1, 1),
    weight_decay=st.floats(0, 1),
    warmup=st.floats(0, 1),
    schedule=st.sampled_from(["constant", "linear", "cosine"]),
    clip=st.floats(0, 10),
    betas=st.tuples(share, share),
)
stages = st.builds(
    Stage,
    name=st.text(min_size=1),
    unfrozen=st.integers(0, BLOCKS) | st.just("all"),
    epochs=st.integers(1, 50),  # without steps, settings that change nothing are refused
    optimiser=optimisers,
    batches=st.builds(Batches, st.integers(1, 512), st.integers(1, 10**6), st.booleans()),
    loss=st.builds(Loss, share, st.sampled_from(["none", "balanced"]), share, share),
    stopping=st.builds(Stopping, st.integers(0, 9)),
    cache=st.sampled_from(["auto", "on", "off"]),
)
recipes = st.builds(
    Recipe,
    name=st.text(min_size=1),
    stages=st.lists(stages, min_size=1, max_size=3, unique_by=lambda stage: stage.name).map(tuple),
    head=st.sampled_from(["native", "pooled"]),
    start=st.sampled_from(["probe", "random"]),
    metric=st.sampled_from(VALIDATION_METRICS),
    max_tokens=st.integers(3, 10_000),
    seed=st.integers(0, 2**62),
    sweep=st.lists(rate, max_size=3).map(tuple),
).filter(
    lambda recipe: (
        (recipe.head, recipe.start) != ("pooled", "random") and not (recipe.sweep and recipe.stages[-1].unfrozen == 0)
    )
)


def toml(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(action, *parts):
    with pytest.raises(RecipeError) as caught:
        action()
    assert caught.value.remedy
    for part in parts:
        assert part in str(caught.value)


# ------------------------------------------------------------------------------------------------------------ named


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("blocks", [1, 2, 6, 24])
@pytest.mark.parametrize("tokens", [0, 500, 10**6])
def test_named_recipes_suit_every_scale(name, blocks, tokens, tmp_path):
    scale = Scale(rows=100, tokens=tokens, classes=2, blocks=blocks, width=768)
    recipe = named(name, scale)
    assert recipe.name == name
    assert read(toml(tmp_path, write(recipe)), scale) == recipe  # so every named recipe passes the checks


def test_an_unknown_name_suggests_the_nearest():
    refused(lambda: named("fastt", SCALE), "'fastt'", "did you mean fast?")
    refused(lambda: named("xyz", SCALE), "fast, thorough, probe, book")


def test_the_book_is_the_books():
    head, everything = named("book", SCALE).stages
    assert (head.unfrozen, head.optimiser.lr, head.batches.rows) == (0, 1e-3, 32)
    assert (everything.unfrozen, everything.optimiser.lr, everything.epochs) == ("all", 1e-5, 4)
    assert head.stopping.patience > 0
    assert named("book", SCALE).max_tokens == 512


# ------------------------------------------------------------------------------------------------------------- TOML


@settings(max_examples=150, deadline=None)
@given(recipe=recipes)
def test_a_recipe_survives_toml(recipe, tmp_path_factory):
    path = toml(tmp_path_factory.getbasetemp(), write(recipe))
    assert read(path, SCALE) == recipe
    assert named(str(path), SCALE) == recipe


def test_a_base_is_changed_where_the_file_says_so(tmp_path):
    path = toml(tmp_path, 'base = "book"\nseed = 7\nmetric = "Macro-F1"')
    assert read(path, SCALE) == dataclasses.replace(named("book", SCALE), seed=7, metric="macro_f1")


def test_stages_replace_those_of_the_base(tmp_path):
    path = toml(tmp_path, 'base = "thorough"\n[[stages]]\nname = "only"\nunfrozen = 2\nepochs = 3')
    assert read(path, SCALE) == dataclasses.replace(named("thorough", SCALE), stages=(Stage("only", 2, 3),))


def test_a_file_names_its_recipe(tmp_path):
    path = toml(tmp_path, '[[stages]]\nname = "s"\nunfrozen = "all"\nepochs = 1\noptimiser.lr = 1e-5')
    assert read(path, SCALE) == Recipe("mine", (Stage("s", "all", 1, Optimiser(lr=1e-5)),), metric="accuracy")


STAGE = '[[stages]]\nname = "s"\nunfrozen = 1\nepochs = 1\n'
MISTAKES = {
    "not TOML": ("stages = [", "not valid TOML", "line"),
    "too long": ("seed = " + 5000 * "1", "not valid TOML", "line"),
    "too deep": ("stages = " + 2000 * "[", "too deeply", "recipes.md"),
    "unknown base": ('base = "fsat"', "'fsat'", "did you mean fast?"),
    "base of another type": ("base = 3", "3"),
    "base that is a list": ('base = ["fast"]', "['fast']", "Bases: fast"),
    "base that is a table": ("[base]\nname = 'fast'", "no base", "Bases: fast"),
    "base that is a file": ('base = "mine.toml"', "mine.toml"),
    "unknown field": ("sed = 1\n" + STAGE, "'sed'", "did you mean 'seed'?"),
    "unknown field of a stage": (STAGE + "epoch = 2", "'epoch'", "did you mean 'epochs'?"),
    "unknown field of a part": (STAGE + "optimiser.lrr = 2", "'lrr'", "did you mean 'lr'?"),
    "no stages": ("seed = 1", "stages"),
    "empty stages": ("stages = []", "at least one stage"),
    "stages that are a number": ("stages = 3", "stages"),
    "stages that are a table": ("[stages]\nname = 's'", "stages"),
    "stages that are numbers": ("stages = [1, 2]", "stages"),
    "optimiser that is a number": (STAGE + "optimiser = 3", "optimiser"),
    "a missing field": ('[[stages]]\nname = "s"\nepochs = 1', "unfrozen"),
    "a wrong type": (STAGE + 'optimiser.lr = "fast"', "lr"),
    "a truth for a number": (STAGE.replace("epochs = 1", "epochs = true"), "epochs"),
    "unfrozen in other words": (STAGE.replace("unfrozen = 1", 'unfrozen = "most"'), "unfrozen"),
    "too many blocks": (STAGE.replace("unfrozen = 1", "unfrozen = 7"), "unfreezes 7 of 6 blocks", "0 … 6"),
    "a negative number of blocks": (STAGE.replace("unfrozen = 1", "unfrozen = -1"), "unfreezes -1"),
    "two stages of one name": (STAGE + STAGE, "same name"),
    "unknown metric": ('metric = "acuracy"\n' + STAGE, "acuracy", "did you mean accuracy?"),
    "unknown head": ('head = "round"\n' + STAGE, "head"),
    "no tokens": ("max_tokens = 2\n" + STAGE, "max_tokens"),
    "a negative seed": ("seed = -1\n" + STAGE, "seed"),
    "a sweep over nothing": ("sweep = [0.0]\n" + STAGE, "sweep"),
}


@pytest.mark.parametrize(("content", "parts"), [(v[0], v[1:]) for v in MISTAKES.values()], ids=MISTAKES)
def test_a_mistake_is_named(content, parts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = toml(tmp_path, content)
    refused(lambda: read(path, SCALE), str(path) if "metric" not in content else "", *parts)


OUT_OF_RANGE = [
    ("epochs", "-1"),
    ("snapshots", "0"),
    ("keep", "0"),
    ("keep", "1.5"),
    ("keep", "nan"),
    *[("lr", value) for value in ("0.0", "-1e-5", "nan", "inf")],
    *[("head_lr", value) for value in ("0.0", "-1.0", "nan")],
    *[("layer_decay", value) for value in ("0.0", "1.1", "nan")],
    *[("weight_decay", value) for value in ("-0.1", "nan", "inf")],
    *[("warmup", value) for value in ("-0.1", "1.1")],
    ("clip", "-1.0"),
    ("betas", "[0.9, 1.0]"),
    ("rows", "0"),
    ("tokens", "0"),
    *[
        (name, value)
        for name in ("label_smoothing", "dropout", "attention_dropout")
        for value in ("-0.1", "1.0", "nan")
    ],
    ("patience", "-1"),
    ("seed", "-1"),
    ("max_tokens", "1"),
    ("sweep", "[1e-5, -1e-5]"),
]


@pytest.mark.parametrize(("name", "value"), OUT_OF_RANGE)
def test_out_of_range(name, value):
    refused(lambda: changed(named("thorough", SCALE), {name: value}, SCALE), name)


@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_a_file_that_cannot_be_read(tmp_path, kind):
    path = tmp_path / "mine.toml"
    if kind == "folder":
        path.mkdir()
    if kind == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    refused(lambda: named(str(path), SCALE), str(path))


# --------------------------------------------------------------------------------------------------------- settings


def test_settings_reach_the_recipe_every_stage_or_one():
    recipe = named("book", SCALE)
    found = changed(
        recipe,
        {"seed": "3", "lr": "2e-5", "stages.1.optimiser.clip": "0.5", "stages.0.unfrozen": "2", "metric": "log-loss"},
        SCALE,
    )
    assert (found.seed, found.metric) == (3, "log_loss")
    assert [stage.optimiser.lr for stage in found.stages] == [2e-5, 2e-5]
    assert [stage.optimiser.clip for stage in found.stages] == [0.0, 0.5]
    assert [stage.unfrozen for stage in found.stages] == [2, "all"]
    assert recipe == named("book", SCALE)  # the one given stays as it was


def test_values_are_toml_and_bare_words_are_strings():
    found = changed(named("fast", SCALE), {"unfrozen": "all", "bucket": "false", "sweep": "[1e-5, 3e-5]"}, SCALE)
    assert (found.stages[0].unfrozen, found.stages[0].batches.bucket, found.sweep) == ("all", False, (1e-5, 3e-5))
    assert changed(named("fast", SCALE), {"cache": '"off"'}, SCALE).stages[0].cache == "off"


def test_a_head_rate_of_its_own_keeps_its_ratio_unless_it_is_set():
    before = named("fast", SCALE).stages[0].optimiser
    slower = changed(named("fast", SCALE), {"lr": f"{before.lr / 4}"}, SCALE).stages[0].optimiser
    assert slower.head_lr / slower.lr == pytest.approx(before.head_lr / before.lr)
    both = changed(named("fast", SCALE), {"head_lr": "1e-3", "lr": "1e-5"}, SCALE).stages[0].optimiser
    assert (both.lr, both.head_lr) == (1e-5, 1e-3)


def test_a_head_rate_of_its_own_can_be_taken_away(tmp_path):
    assert changed(named("fast", SCALE), {"head_lr": "none"}, SCALE).stages[0].optimiser.head_lr is None
    both = changed(named("fast", SCALE), {"stages.0.optimiser.head_lr": "none", "lr": "1e-5"}, SCALE)
    assert (both.stages[0].optimiser.lr, both.stages[0].optimiser.head_lr) == (1e-5, None)
    path = toml(tmp_path, STAGE + 'optimiser.head_lr = "none"')
    assert read(path, SCALE).stages[0].optimiser.head_lr is None
    refused(lambda: changed(named("fast", SCALE), {"lr": "none"}, SCALE), "lr")


@pytest.mark.parametrize("name", ["fast", "thorough", "book"])
def test_a_stage_without_steps_is_told_of_what_was_set(name):
    refused(
        lambda: changed(named(name, SCALE), {"epochs": "0"}, SCALE), "0 epochs", "1 epoch or more", "--recipe probe"
    )


def test_no_settings_change_nothing():
    for name in NAMED:
        assert changed(named(name, SCALE), {}, SCALE) == named(name, SCALE)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("lrr", ("'lrr'", "did you mean lr?")),
        ("epoch", ("did you mean epochs?",)),
        ("optimiser.lr", ("did you mean lr?",)),
        ("stages.0.lr", ("did you mean stages.0.optimiser.lr?",)),
        ("stages.1.optimizer.lr", ("did you mean stages.1.optimiser.lr?",)),
        ("stages.0.optimiser.patence", ("did you mean stages.0.stopping.patience?",)),
        ("stages.0.seed", ("did you mean seed?",)),
        ("stages.9.epochs", ("stages.9.epochs", "did you mean stages.1.epochs?")),
        ("stages.x.epochs", ("stages.x.epochs",)),
        ("stages.0.optimiser.rate", ("stages.0.optimiser.rate",)),
        ("stages.0", ("stages.0",)),
        ("", ("''",)),
    ],
)
def test_an_unknown_setting_suggests_the_nearest(name, parts):
    refused(lambda: changed(named("book", SCALE), {name: "1"}, SCALE), *parts)


@pytest.mark.parametrize("value", ["fast", "", "1e", "[1]", "true", "{}", "1 2"])
def test_a_setting_of_a_wrong_type(value):
    refused(lambda: changed(named("book", SCALE), {"lr": value}, SCALE), "lr")
    refused(lambda: changed(named("book", SCALE), {"stages": value}, SCALE), "stages")


@pytest.mark.parametrize("unfrozen", [0, 6, "all"])
def test_a_shared_block_thaws_whole_or_not_at_all(unfrozen):
    scale = Scale(rows=1000, tokens=30_000, classes=3, blocks=6, width=384, shared=True)
    for name in NAMED:
        assert {stage.unfrozen for stage in changed(named(name, scale), {}, scale).stages} <= {0, "all"}
    assert changed(named("fast", scale), {"unfrozen": str(unfrozen)}, scale).stages[0].unfrozen == unfrozen
    with pytest.raises(RecipeError, match="one shared block"):
        changed(named("fast", scale), {"unfrozen": "2"}, scale)


@pytest.mark.parametrize(
    ("rows", "tokens", "epochs"),
    [(6000, 20_000, (6, 6)), (6000, 90_000, (2, 2)), (6000, 190_000, (2, 1)), (4000, 190_000, (2, 2))],
)
def test_a_sentence_embedder_learns_numbers_of_many_pairs_in_one_epoch(rows, tokens, epochs):
    """Their cosine, which the head starts from, is near its best before; another backbone's is not."""
    scale = Scale(rows, tokens, 1, BLOCKS, 384, task=REGRESSION)
    both = (scale, dataclasses.replace(scale, by_embedder=True))
    assert tuple(named("fast", one).stages[0].epochs for one in both) == epochs
    classes = dataclasses.replace(both[1], classes=2, task=CLASSIFICATION)
    assert named("fast", classes).stages[0].epochs == epochs[0]


@pytest.mark.parametrize("before", ["0", "abc", "[1e-4]", "true"])
def test_a_rate_that_is_none_is_refused_and_not_divided_by(before):
    with pytest.raises(RecipeError):
        changed(named("fast", SCALE), {"lr": before, "stages.0.optimiser.lr": before}, SCALE)
