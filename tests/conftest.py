"""Shared by all tests: the cache lies in a temporary folder, no network is asked, and tiny models are at hand."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, so that a failure belongs to the change that brought it; `make fuzz` draws anew.
settings.register_profile("same", derandomize=True, deadline=None, database=None)
if "GRAFT_FUZZ" not in os.environ:
    settings.load_profile("same")


@pytest.fixture(scope="session", autouse=True)
def _outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What fixtures of the whole session make leaves the person's own cache alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_CACHE", str(tmp_path_factory.mktemp("session-cache")))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh cache folder for each test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GRAFT_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tiny

    return tiny.bert(tmp_path_factory.mktemp("models") / "tiny-bert", layers=2)


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tiny

    return tiny.roberta(tmp_path_factory.mktemp("models") / "tiny-roberta", layers=2)


@pytest.fixture(scope="session")
def tiny_distilbert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tiny

    return tiny.distilbert(tmp_path_factory.mktemp("models") / "tiny-distilbert", layers=2)


@pytest.fixture(scope="session")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a dozen documents in a narrow style: few words, the same sentence shapes again and again."""
    folder = tmp_path_factory.mktemp("stories")
    drawn = random.Random(0)
    for number in range(12):
        folder.joinpath(f"story{number}.txt").write_text(story(drawn), encoding="utf-8")
    return folder


def story(drawn: random.Random, paragraphs: int = 8) -> str:
    """Some paragraphs of made-up sentences."""
    things, verbs = ("cat", "lamp", "door", "moon", "river", "stone"), ("saw", "left", "feared", "heard")
    sentences = (
        f"The {drawn.choice(things)} {drawn.choice(verbs)} the {drawn.choice(things)} in the {drawn.choice(things)}."
        for _ in range(6 * paragraphs)
    )
    return "\n\n".join(" ".join(next(sentences) for _ in range(6)) for _ in range(paragraphs))


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tiny_causal

    return tiny_causal.make("gpt2", tmp_path_factory.mktemp("models") / "tiny-gpt2", seed=1)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, stories: Path, tiny_gpt2: Path) -> Path:
    """A finished run of the task `write`; tests must not change it."""
    from graft.data.options import ReadOptions
    from graft.fit_options import FitOptions
    from graft.run import Given, RunOptions, run

    out = tmp_path_factory.mktemp("runs") / "stories"
    settings = {"epochs": "3", "stages.0.optimiser.lr": "3e-3"}
    fit = FitOptions(str(tiny_gpt2), settings=settings, precision="fp32")
    given = Given(stories, reading=ReadOptions(task="write"))
    list(run(given, fit, RunOptions(out, beside={"neutral": str(Path(__file__).parents[1] / "README.md")})))
    return out
