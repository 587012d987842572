"""Which files of a folder are read, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft.data.read import read
from graft.errors import DataError

SOUND = "text,label\n" + "".join(f"a text {number},{'ab'[number % 2]}\n" for number in range(12))


def fill(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content, encoding="utf-8")
    return folder


def test_splits_are_known_by_name(tmp_path: Path) -> None:
    fill(tmp_path, train__csv=SOUND, valid__csv=SOUND, test__csv=SOUND, README__md="about", notes__json="{}")
    dataset = read(tmp_path)
    assert list(dataset.parts) == ["train", "validation", "test"]
    assert dataset.name == tmp_path.name
    assert any("README.md, notes.json" in note for note in dataset.notes)


@pytest.mark.parametrize("other", ["test_unlabelled__csv", "README__txt", "PROVENANCE__md"])
def test_one_labelled_file_is_enough(other: str, tmp_path: Path) -> None:
    fill(tmp_path, all__csv=SOUND, **{other: "text\nnothing\n"})
    dataset = read(tmp_path)
    assert len(dataset.parts["train"]) == 12
    assert any(other.replace("__", ".") in note for note in dataset.notes)


def test_a_test_file_without_labels_is_left_and_said(tmp_path: Path) -> None:
    fill(tmp_path, train__csv=SOUND, test__csv="text\nan unlabelled text\n")
    dataset = read(tmp_path)
    assert list(dataset.parts) == ["train"]
    assert any("test.csv was ignored: it has no label column 'label'" in note for note in dataset.notes)


def test_a_test_file_named_by_the_person_is_not_left(tmp_path: Path) -> None:
    fill(tmp_path, train__csv=SOUND, other__csv="text\nan unlabelled text\n")
    with pytest.raises(DataError, match="no column 'label'"):
        read(tmp_path / "train.csv", test=tmp_path / "other.csv")


def test_named_files_replace_those_of_the_folder(tmp_path: Path) -> None:
    fill(tmp_path, train__csv=SOUND, test__csv="ragged\n\n", mine__csv=SOUND)
    assert len(read(tmp_path, test=tmp_path / "mine.csv").parts["test"]) == 12


def test_the_choices_are_named_with_a_command(tmp_path: Path) -> None:
    fill(tmp_path, train_10k_lower__csv=SOUND, test__csv=SOUND, test_lower__csv=SOUND)
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert "test.csv, test_lower.csv, train_10k_lower.csv" in str(caught.value)
    assert f"{tmp_path / 'train_10k_lower.csv'} --test {tmp_path / 'test_lower.csv'}" in str(caught.value)
