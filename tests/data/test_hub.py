"""Hub datasets: what counts as a name, and what is said without the package or the network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from graft.data.hub import looks_like_id
from graft.data.read import read
from graft.errors import DataError, MissingExtra


@pytest.mark.parametrize("name", ["owner/name", "imdb", "tweet_eval:emotion", "a-b/c.d:e"])
def test_names_of_the_hub(name: str) -> None:
    assert looks_like_id(name)


@pytest.mark.parametrize("name", ["/data/x", "a/b/c", "../x", "a b", "", "./x"])
def test_what_can_only_be_a_path(name: str) -> None:
    assert not looks_like_id(name)


@pytest.mark.parametrize("name", ["hub:owner/name", "owner/name"])
def test_without_the_package_the_extra_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"pip install 'graft-ml\[datasets\]'"):
        read(name)


def test_a_mistyped_folder_is_not_sought_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_reviews").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="did you mean my_reviews"):
        read("my_reveiws")


def test_offline_there_is_one_clear_message(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="the extra `datasets` is not installed")
    program = "from graft.data.read import read\ntry: read('hub:owner/no-such')\nexcept Exception as e: print(repr(e))"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("DataError(")
    assert "hub:owner/no-such: no file is named so" in done.stdout
