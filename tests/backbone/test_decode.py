"""Stepping with a cache is reading the whole row each time, for every family; a row's neighbours change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_causal
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel

from graft.backbone.decode import KEPT, Stepper
from graft.backbone.sampling import Chooser, candidates, penalised
from graft.records.writing import Sampling

WINDOW = 24


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PreTrainedModel]:
    root: Path = tmp_path_factory.mktemp("causal")
    return {
        name: AutoModelForCausalLM.from_pretrained(tiny_causal.make(name, root / name), dtype=torch.float64).eval()
        for name in tiny_causal.FAMILIES
    }


@torch.inference_mode()
def uncached(model: PreTrainedModel, row: list[int]) -> Tensor:
    """The next token's logits, every token read anew."""
    logits: Tensor = model(input_ids=torch.tensor([row]), use_cache=False).logits[0, -1]
    return logits.float()


@pytest.mark.parametrize("family", tiny_causal.FAMILIES)
def test_steps_are_what_reading_everything_anew_gives(models: dict[str, PreTrainedModel], family: str) -> None:
    model = models[family]
    rows = [[5, 9, 12, 7, 30, 11], [8], [40, 41, 42]]
    stepper = Stepper(model, rows, WINDOW)
    for step in range(12):
        logits = stepper.logits()
        for row, found in zip(rows, logits, strict=True):
            torch.testing.assert_close(found, uncached(model, row))
        ids = [20 + step, 3 + step, 60 - step]
        stepper.append(ids)
        rows = [[*row, token] for row, token in zip(rows, ids, strict=True)]


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_row_that_fills_the_window_goes_on_from_its_last_part(
    models: dict[str, PreTrainedModel], family: str
) -> None:
    model = models[family]
    long, short = list(range(10, 10 + WINDOW - 2)), [7, 8]
    stepper = Stepper(model, [long, short], WINDOW)
    room = int(WINDOW * KEPT)
    assert stepper.slid == [True, False]
    part = long[-room:]
    for token in range(100, 100 + WINDOW):
        stepper.append([token, token])
        part = [*part, token] if len(part) < WINDOW else [*part, token][-room:]
        short.append(token)
        torch.testing.assert_close(stepper.logits()[0], uncached(model, part))
        if len(short) <= WINDOW:
            torch.testing.assert_close(stepper.logits()[1], uncached(model, short))
    assert stepper.slid == [True, True]


def test_rows_that_are_dropped_leave_the_others_as_they_were(models: dict[str, PreTrainedModel]) -> None:
    model = models["gpt2"]
    rows = [[5, 6, 7, 8], [9], [10, 11]]
    stepper = Stepper(model, rows, WINDOW)
    stepper.append([12, 13, 14])
    stepper.keep([2, 0])
    assert len(stepper) == 2
    stepper.append([15, 16])
    torch.testing.assert_close(stepper.logits()[0], uncached(model, [10, 11, 14, 15]))
    torch.testing.assert_close(stepper.logits()[1], uncached(model, [5, 6, 7, 8, 12, 16]))


def test_a_row_without_tokens_is_refused(models: dict[str, PreTrainedModel]) -> None:
    with pytest.raises(ValueError, match="a token to start from"):
        Stepper(models["gpt2"], [[3], []], WINDOW)


def shares(logits: list[float], sampling: Sampling) -> dict[int, float]:
    """Each token's probability after the filters."""
    ids, found = candidates(torch.tensor([logits]) / sampling.temperature, sampling)
    names = range(len(logits)) if ids is None else ids[0].tolist()
    whole = float(found.sum())
    return {name: share / whole for name, share in zip(names, found[0].tolist(), strict=True) if share > 0}


LOGITS = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05]).log().tolist()


def test_filters_keep_what_their_rules_say() -> None:
    plain = Sampling(temperature=1.0, top_p=1.0)
    assert shares(LOGITS, plain) == pytest.approx(dict(enumerate([0.4, 0.3, 0.15, 0.1, 0.05])))
    assert set(shares(LOGITS, Sampling(temperature=1.0, top_p=0.7))) == {0, 1}
    assert set(shares(LOGITS, Sampling(temperature=1.0, top_p=0.71))) == {0, 1, 2}
    assert set(shares(LOGITS, Sampling(temperature=1.0, top_p=1.0, top_k=3))) == {0, 1, 2}
    assert set(shares(LOGITS, Sampling(temperature=1.0, top_p=1.0, min_p=0.26))) == {0, 1, 2}
    assert set(shares(LOGITS, Sampling(temperature=1.0, top_p=0.01))) == {0}
    both = shares(LOGITS, Sampling(temperature=1.0, top_k=2, top_p=0.5))  # of the two that are left, the first has 4/7
    assert both == pytest.approx({0: 1.0})


def test_a_flat_distribution_is_looked_at_whole() -> None:
    """More candidates than are looked at first."""
    assert len(shares([0.0] * 2000, Sampling(temperature=1.0, top_p=0.9))) in (1800, 1801)
    assert len(shares([0.0] * 2000, Sampling(temperature=1.0, top_p=1.0, min_p=0.5))) == 2000


def sorted_whole(logits: Tensor, sampling: Sampling) -> list[set[int]]:
    """What each row keeps by the rules, with its whole vocabulary in order."""
    shares, ids = torch.softmax(logits.double(), 1).sort(1, descending=True)
    kept = (shares.cumsum(1) - shares < sampling.top_p) & (shares >= sampling.min_p * shares[:, :1])
    return [set(row[flags].tolist()) for row, flags in zip(ids, kept, strict=True)]


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0, 9.0])
@pytest.mark.parametrize(("top_p", "min_p"), [(0.95, 0.0), (0.3, 0.0), (0.999, 0.0), (1.0, 0.02), (0.9, 0.05)])
def test_what_is_kept_is_what_ordering_the_whole_vocabulary_keeps(spread: float, top_p: float, min_p: float) -> None:
    logits = spread * torch.randn(5, 3000, generator=torch.Generator().manual_seed(1))
    logits[:, 100] = -torch.inf
    logits[4, 7] = 40.0  # a row that is certain beside rows that are not
    sampling = Sampling(temperature=1.0, top_p=top_p, min_p=min_p)
    ids, found = candidates(logits, sampling)
    assert ids is not None
    for row, flags, expected in zip(ids, found > 0, sorted_whole(logits, sampling), strict=True):
        kept = set(row[flags].tolist())
        assert len(kept ^ expected) <= 1  # the one that crosses the border, by rounding
        assert 100 not in kept
    assert bool((found[:, :-1] >= found[:, 1:]).logical_or(found[:, 1:] == 0).all())


def test_draws_follow_the_probabilities() -> None:
    chooser = Chooser(Sampling(temperature=1.0, top_p=1.0), [(number,) for number in range(4000)])
    drawn = chooser(torch.tensor([LOGITS]).expand(4000, -1))
    counts = torch.bincount(drawn, minlength=5) / 4000
    torch.testing.assert_close(counts, torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05]), atol=0.03, rtol=0)


def test_a_rows_draws_are_its_own() -> None:
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    sampling = Sampling(temperature=1.0, seed=5)
    together = Chooser(sampling, [(0,), (1,), (2,)])
    alone = Chooser(sampling, [(1,)])
    for _ in range(300):
        assert together(logits)[1] == alone(logits[1:2])[0]
    together.keep([1])
    assert together(logits[1:2]) == alone(logits[1:2])


def test_no_temperature_takes_the_likeliest() -> None:
    logits = torch.randn(4, 30)
    assert torch.equal(Chooser(Sampling(temperature=0), [(n,) for n in range(4)])(logits), logits.argmax(1))


def test_the_penalty_makes_what_occurred_less_likely() -> None:
    logits, seen = torch.tensor([[2.0, -2.0, 1.0]]), torch.tensor([[True, True, False]])
    torch.testing.assert_close(penalised(logits, seen, 2.0), torch.tensor([[1.0, -4.0, 1.0]]))
