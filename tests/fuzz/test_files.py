"""Whatever a file holds, reading it ends well or in one error of ours, with file and remedy."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.splitting.split import split
from graft.data.texts import read_texts
from graft.errors import DataError, GraftError, RecipeError
from graft.train import recipe as recipes
from graft.train.scale import Scale

from .conftest import bounded
from .mutations import KINDS, ODD, OF_TASKS, SOUND, spoiled

OPTIONS = st.builds(
    ReadOptions,
    labels=st.sampled_from(("strict", "exact", "fold")),
    unlabelled=st.sampled_from(("error", "drop")),
    quoting=st.sampled_from(("csv", "none")),
    encoding=st.sampled_from(("utf-8", "utf-8", "latin-1", "utf-16", "cp1252", "utf-7", "utf-8-sig", "utf-32")),
    max_bytes=st.sampled_from((1000, 100_000, 8 << 30)),
)


def is_told(error: GraftError) -> None:
    assert "→ " in str(error), error
    if isinstance(error, DataError):
        for problem in error.problems:
            assert problem.file
            assert problem.found
            assert problem.remedy
            assert problem.line is None or problem.line >= 1


def attempt(path: Path, options: ReadOptions) -> None:
    for door in (lambda: split(read(path, options=options)), lambda: read_texts(str(path), options=options)):
        try:
            door()
        except GraftError as error:
            is_told(error)


@bounded
@given(st.data(), st.sampled_from(sorted(SOUND)), OPTIONS)
def test_a_spoiled_file(tmp_path, data, name, options):
    path = tmp_path / name
    path.write_bytes(data.draw(spoiled(SOUND[name])))
    attempt(path, options)


@bounded
@given(st.data(), st.sampled_from(KINDS), OPTIONS)
def test_a_spoiled_file_of_any_task(tmp_path, data, kind, options):
    task, name = kind
    path = tmp_path / name
    path.write_bytes(data.draw(spoiled(OF_TASKS[task][name])))
    attempt(path, dataclasses.replace(options, task=task))


@bounded
@given(
    st.binary(max_size=300) | st.lists(st.sampled_from(ODD), max_size=6).map(b"".join), st.sampled_from(sorted(SOUND))
)
@example(b"", "data.csv")
@example(b"\xef\xbb\xbf", "data.csv")
def test_any_bytes_under_any_name(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    attempt(path, ReadOptions())


CELLS = st.one_of(st.text(max_size=12), st.sampled_from(["good", "bad", " good", "Good", "1", "1.0", "NaN", "", "a|b"]))
VALUES = CELLS | st.none() | st.integers() | st.floats() | st.booleans() | st.lists(st.text(max_size=3), max_size=3)


@bounded
@given(
    st.lists(st.dictionaries(st.sampled_from(["text", "label", "id", "", "text "]), VALUES, max_size=4), max_size=30)
)
def test_any_table_in_memory(records):
    try:
        split(read(records))
    except GraftError as error:
        is_told(error)


@bounded
@given(st.lists(st.tuples(CELLS, CELLS), max_size=40), st.booleans())
def test_any_cells(tmp_path, rows, quoted):
    import csv

    path = tmp_path / "cells.csv"
    with open(path, "w", encoding="utf-8", newline="", errors="surrogatepass") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
        writer.writerows([("text", "label"), *rows])
    attempt(path, ReadOptions())


SCALE = Scale(1000, 20_000, 3, 6, 384)
WRITTEN = recipes.write(recipes.named("thorough", SCALE)).encode()


@bounded
@given(spoiled(WRITTEN))
def test_a_spoiled_recipe(tmp_path, content):
    path = tmp_path / "recipe.toml"
    path.write_bytes(content)
    try:
        recipe = recipes.named(str(path), SCALE)
    except RecipeError as error:
        is_told(error)
    else:
        assert tomllib.loads(recipes.write(recipe))


FIELDS = st.sampled_from(
    ["lr", "epochs", "seed", "stages.0.unfrozen", "stages.9.lr", "sweep", "metric", "", "stages", "a.b"]
)


@bounded
@given(st.dictionaries(FIELDS | st.text(max_size=8), st.text(max_size=12) | st.integers().map(str), max_size=3))
def test_any_setting(settings):
    try:
        recipes.changed(recipes.named("fast", SCALE), settings, SCALE)
    except RecipeError as error:
        is_told(error)


@pytest.mark.parametrize("name", sorted(SOUND))
def test_the_sound_files_are_sound(tmp_path, name):
    (tmp_path / name).write_bytes(SOUND[name])
    assert len(split(read(tmp_path / name)).train) > 5


@pytest.mark.parametrize(("task", "name"), KINDS)
def test_the_sound_files_of_tasks_are_sound(tmp_path, task, name):
    (tmp_path / name).write_bytes(OF_TASKS[task][name])
    assert len(split(read(tmp_path / name, options=ReadOptions(task=task))).train) > 5
