"""Hub datasets: what counts as a name, and what is said without the package or the network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from graft.data.files.hub import looks_like_id
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


READ = "from graft.data.read import read\ntry: read('hub:owner/no-such')\nexcept Exception as e: print(repr(e))\n"
CLOCKED = "import time\nimport datasets, huggingface_hub\nbegan = time.monotonic()\n" + READ
CLOCKED += "print(time.monotonic() - began)\n"
CACHED = """
from pathlib import Path
import json
from datasets.packaged_modules.json.json import Json
datasets.disable_progress_bars()
rows = Path(datasets.config.HF_DATASETS_CACHE, "rows.jsonl")
rows.parent.mkdir(parents=True, exist_ok=True)
rows.write_text("\\n".join(json.dumps({"text": f"number {n}", "label": "ab"[n % 2]}) for n in range(12)))
builder = Json(dataset_name="name", data_files=str(rows), hash="0")
builder.download_and_prepare()
configuration = Path(builder.cache_dir).parent.parent
configuration.rename(configuration.with_name("default"))
configuration.parent.rename(configuration.parent.with_name("owner___name"))
found = read("hub:owner/name")
print(len(found.parts["train"]), found.notes)
"""


def without_hub(program: str, home: Path, offline: str) -> subprocess.CompletedProcess[str]:
    """Run a program where no hub answers."""
    pytest.importorskip("datasets", reason="the extra `datasets` is not installed")
    nobody = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": offline, "HF_HOME": str(home)}
    environment = {**os.environ, **nobody}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)


def test_offline_there_is_one_clear_message(tmp_path: Path) -> None:
    done = without_hub(READ, tmp_path, offline="1")
    assert done.stdout.startswith("DataError(")
    assert "hub:owner/no-such: no file is named so, offline mode is set" in done.stdout
    assert done.stderr == ""


def test_without_a_network_it_ends_soon_and_without_noise_or_reads_the_cache(tmp_path: Path) -> None:
    done = without_hub(CLOCKED + CACHED, tmp_path, offline="0")
    message, seconds, cached = done.stdout.splitlines()
    assert "the hub cannot be reached" in message
    assert float(seconds) < 8  # the package alone asks for half a minute
    assert cached.startswith("12 ")
    assert "the hub cannot be reached" in cached
    assert "the copy in the local cache was read" in cached
    assert done.stderr == ""
