"""What training curves say."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from graft.records import Epoch, Manifest, Skipped, Stopping
from graft.report.blocks import Callout
from graft.report.diagnose_training import diagnose_training
from report import numbers_samples, samples


def found(manifest: Manifest, epochs: list[Epoch]) -> dict[str, Callout]:
    return {one.title: one for one in diagnose_training(manifest, epochs) if one}


def curve(*numbers: tuple[float | None, float]) -> list[Epoch]:
    """Epochs of the last stage from (training loss, validation accuracy)."""
    return [
        Epoch("full", number, loss, {"accuracy": accuracy, "log_loss": 1 - accuracy}, 10.0 * number, 100, 10.0, False)
        for number, (loss, accuracy) in enumerate(numbers, start=1)
    ]


@pytest.fixture
def manifest() -> Manifest:
    return samples.two()[0]


def test_a_healthy_curve_says_nothing(manifest: Manifest) -> None:
    assert found(manifest, curve((0.4, 0.85), (0.3, 0.88), (0.2, 0.882))) == {}
    assert found(manifest, []) == {}


def test_overfitting_names_the_best_epoch(manifest: Manifest) -> None:
    callout = found(manifest, curve((0.4, 0.85), (0.2, 0.89), (0.1, 0.86)))["Overfitting after the best epoch"]
    assert callout.severity == "warning"
    assert "stages.2.epochs=2" in callout.setting
    assert "89.0%" in callout.text


def test_settings_in_force_are_not_advised_again(manifest: Manifest) -> None:
    *before, last = manifest.recipe.stages
    stages = (*before, replace(last, stopping=Stopping(1), optimiser=replace(last.optimiser, warmup=0.2)))
    swept = replace(manifest, recipe=replace(manifest.recipe, stages=stages, sweep=(1e-4,)))
    overfit = found(swept, curve((0.4, 0.85), (0.2, 0.89), (0.1, 0.86)))["Overfitting after the best epoch"]
    assert overfit.setting == "`--set stages.2.epochs=2`; more texts help most."
    rising = found(swept, curve((0.4, 0.85), (0.2, 0.86), (0.35, 0.86)))["The training loss rises again"]
    assert rising.setting == "`--set stages.2.optimiser.lr=7e-05` (it was 0.0002)."
    assert "warmup" not in found(swept, curve((0.4, 0.5), (None, 0.5)))["The training loss broke"].setting
    assert "sweep" not in found(swept, curve((0.70, 0.5), (0.69, 0.5)))["The model hardly learns"].setting


def test_a_step_left_out_in_fp32_is_not_sent_to_fp32(manifest: Manifest) -> None:
    left = replace(manifest, outcome=replace(manifest.outcome, skipped=Skipped(2)))
    healthy = curve((0.4, 0.85), (0.3, 0.88))
    assert "`--precision fp32`" in found(left, healthy)["2 training steps left out"].setting
    precise = replace(left, machine=replace(left.machine, precision="fp32"))
    assert "fp32" not in found(precise, healthy)["2 training steps left out"].setting


def test_overfitting_by_a_loss_is_a_rising_loss(manifest: Manifest) -> None:
    by_loss = replace(manifest, recipe=replace(manifest.recipe, metric="log_loss"))
    assert "Overfitting after the best epoch" in found(by_loss, curve((0.4, 0.85), (0.2, 0.89), (0.1, 0.86)))


def test_noise_is_not_overfitting(manifest: Manifest) -> None:
    assert "Overfitting after the best epoch" not in found(manifest, curve((0.4, 0.85), (0.2, 0.89), (0.1, 0.888)))


def test_a_last_epoch_that_is_clearly_the_best_asks_for_more(manifest: Manifest) -> None:
    climbing = curve((0.4, 0.80), (0.3, 0.84), (0.2, 0.87))
    assert "`--set stages.2.epochs=5`" in found(manifest, climbing)["Still improving at the end"].setting
    interrupted = replace(manifest, outcome=replace(manifest.outcome, status="interrupted"))
    assert "Still improving at the end" not in found(interrupted, climbing)
    assert "Still improving at the end" not in found(manifest, climbing[:2])  # ended before its planned epochs


@pytest.mark.parametrize("loss", [math.nan, math.inf, None])
def test_a_loss_that_is_no_number_is_a_problem_and_the_only_one(manifest: Manifest, loss: float | None) -> None:
    callouts = found(manifest, curve((0.4, 0.5), (loss, 0.5)))
    assert [one.severity for one in callouts.values()] == ["problem"]
    assert "The training loss broke" in callouts


def test_a_loss_of_guessing_is_a_problem(manifest: Manifest) -> None:
    assert "The model hardly learns" in found(manifest, curve((0.70, 0.5), (0.69, 0.5), (0.69, 0.5)))


def test_a_low_loss_of_guessing_on_unequal_classes_is_still_guessing(manifest: Manifest) -> None:
    train, *others = manifest.data.splits
    unequal = replace(train, per_class={"negative": 6720, "positive": 200})
    skewed = replace(manifest, data=replace(manifest.data, splits=(unequal, *others)))
    assert "The model hardly learns" in found(skewed, curve((0.14, 0.97), (0.135, 0.97)))


def test_a_rising_training_loss(manifest: Manifest) -> None:
    callout = found(manifest, curve((0.4, 0.85), (0.2, 0.86), (0.35, 0.86)))["The training loss rises again"]
    assert "optimiser.lr=7e-05" in callout.setting


def test_a_stage_that_brought_nothing(manifest: Manifest) -> None:
    early = replace(manifest, outcome=replace(manifest.outcome, best_stage="top", best_epoch=2))
    epochs = [replace(epoch, stage="top") for epoch in curve((0.4, 0.88))] + curve((0.3, 0.87), (0.3, 0.87))
    assert "Stage “full” brought nothing" in found(early, epochs)


def kept_start(manifest: Manifest, start: str) -> Manifest:
    assert manifest.head is not None
    outcome = replace(manifest.outcome, best_stage="full", best_epoch=0)
    return replace(manifest, outcome=outcome, head=replace(manifest.head, start=start))


def test_a_kept_start_is_said_and_is_neither_improving_nor_overfitting(manifest: Manifest) -> None:
    callouts = found(kept_start(manifest, "probe"), [*numbers_samples.epochs_by("accuracy", 0.9, 0.85, 0.86, 0.88)])
    assert "Still improving at the end" not in callouts
    kept = callouts["Training did not improve on the start"]
    assert kept.severity == "warning"
    assert "90.0% before the first step, and 88.0% at best after" in kept.text
    assert "`--set stages.2.optimiser.lr=7e-05`" in kept.setting
    assert "`--recipe probe`" in kept.setting
    falling = found(kept_start(manifest, "probe"), [*numbers_samples.epochs_by("accuracy", 0.9, 0.88, 0.86, 0.84)])
    assert "Overfitting after the best epoch" not in falling


def test_a_random_start_that_was_kept_has_learnt_nothing(manifest: Manifest) -> None:
    epochs = [*numbers_samples.epochs_by("accuracy", 0.02, 0.0, 0.0, 0.0)]
    kept = found(kept_start(manifest, "random"), epochs)["Training did not improve on the start"]
    assert "Its head is random" in kept.text
    assert "`--set stages.2.epochs=8`" in kept.setting
    assert "probe" not in kept.setting


def test_a_pretrained_head_that_was_kept_is_not_sent_to_the_probe(manifest: Manifest) -> None:
    epochs = [*numbers_samples.epochs_by("accuracy", 0.9, 0.8)]
    assert (
        "probe"
        not in found(kept_start(manifest, "pretrained"), epochs)["Training did not improve on the start"].setting
    )


def test_a_start_is_kept_without_finding_where_nothing_was_trained_or_not_all(manifest: Manifest) -> None:
    kept = kept_start(manifest, "probe")
    assert found(kept, [*numbers_samples.epochs_by("accuracy", 0.9)]) == {}
    interrupted = replace(kept, outcome=replace(kept.outcome, status="interrupted"))
    assert "Training did not improve on the start" not in found(
        interrupted, [*numbers_samples.epochs_by("accuracy", 0.9, 0.8)]
    )


def test_a_last_stage_whose_start_was_kept_brought_nothing(manifest: Manifest) -> None:
    kept = kept_start(manifest, "probe")
    epochs = [replace(epoch, stage="top") for epoch in numbers_samples.epochs_by("accuracy", 0.8, 0.88)]
    callouts = found(kept, [*epochs, *numbers_samples.epochs_by("accuracy", 0.88, 0.87)])
    assert "Stage “full” brought nothing" in callouts
    assert "Training did not improve on the start" not in callouts


def test_steps_in_a_unit_of_its_own_are_told_by_their_share(manifest: Manifest) -> None:
    """19,839.4 after 19,838.6 was called learning by heart."""
    by_rmse = replace(manifest, recipe=replace(manifest.recipe, metric="rmse"))

    def courses(*values: float) -> dict[str, Callout]:
        made = zip(curve(*((0.4 - 0.1 * place, 0.5) for place in range(len(values)))), values, strict=True)
        return found(by_rmse, [replace(one, validation={"rmse": value}) for one, value in made])

    assert "Overfitting after the best epoch" not in courses(20000.0, 19838.56, 19839.38)
    assert "Overfitting after the best epoch" in courses(0.00090, 0.00080, 0.00088)
    assert "Still improving at the end" not in courses(20000.0, 19839.38, 19838.56)
    assert "by 0.0001" in courses(0.0010, 0.0009, 0.0008)["Still improving at the end"].text
