"""A predictor that several threads ask answers each as if it were alone."""

from __future__ import annotations

import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tiny

from graft.fit_options import FitOptions
from graft.fitting import fit
from graft.predict import load
from graft.run import Given

ROUNDS, THREADS = 40, 6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = random.Random(0)
    rows = [f"{' '.join(drawn.choices(tiny.WORDS, k=8))},{number % 2}" for number in range(80)]
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return path


@pytest.mark.parametrize("recipe", ["probe", "fast"])
def test_threads_are_answered_as_one_alone(data: Path, recipe: str, tiny_bert: Path, tmp_path: Path) -> None:
    options = FitOptions(str(tiny_bert), recipe=recipe, settings={"epochs": "1"} if recipe == "fast" else {})
    for _ in fit(Given(data).splits(), tmp_path / "run", options):
        pass
    predictor, drawn = load(tmp_path / "run"), random.Random(1)
    texts = [[" ".join(drawn.choices(tiny.WORDS, k=8))] for _ in range(THREADS)]
    alone = [predictor.logits(one) for one in texts]

    def asked(number: int) -> bool:
        return all(np.allclose(predictor.logits(texts[number]), alone[number], atol=1e-4) for _ in range(ROUNDS))

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(asked, range(THREADS)))


def test_a_predictor_is_pickled_as_its_folder(
    data: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in fit(Given(data).splits(), "run", FitOptions(tiny_bert, recipe="probe")):
        pass
    predictor = load("run", precision="fp32", whole=True)
    pickled = pickle.dumps(predictor)
    assert len(pickled) < 1000
    assert pickle.loads(pickled)._whole is not None
    monkeypatch.chdir(data.parent)
    assert np.array_equal(pickle.loads(pickled).logits(["good soup"]), predictor.logits(["good soup"]))
