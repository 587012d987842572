"""The chunked loss is the plain one: value and gradients, whatever the chunks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from graft.backbone.vocabulary import IGNORED, summed_loss, token_losses

ROWS, WIDTH, WORDS = 300, 16, 700


@pytest.fixture
def made() -> tuple[Tensor, nn.Linear, Tensor]:
    torch.manual_seed(0)
    head = nn.Linear(WIDTH, WORDS).double()
    targets = torch.randint(0, WORDS, (ROWS,))
    targets[::7] = IGNORED
    return torch.randn(ROWS, WIDTH, dtype=torch.float64, requires_grad=True), head, targets


def plain(hidden: Tensor, head: nn.Linear, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(head(hidden), targets, reduction="sum")


def gradients(loss: Tensor, hidden: Tensor, head: nn.Linear) -> list[Tensor]:
    (0.37 * loss).backward()
    found = [hidden.grad, head.weight.grad, head.bias.grad]
    hidden.grad = head.weight.grad = head.bias.grad = None
    return [gradient for gradient in found if gradient is not None]


@pytest.mark.parametrize("rows", [1, 64, 100, 1000, None])
def test_value_and_gradients_are_the_plain_ones(made: tuple[Tensor, nn.Linear, Tensor], rows: int | None) -> None:
    hidden, head, targets = made
    chunked, whole = summed_loss(hidden, head, targets, rows), plain(hidden, head, targets)
    assert chunked.item() == pytest.approx(whole.item(), rel=1e-12)
    for ours, theirs in zip(gradients(chunked, hidden, head), gradients(whole, hidden, head), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rows", [64, None])
def test_smoothing_is_the_librarys(made: tuple[Tensor, nn.Linear, Tensor], rows: int | None) -> None:
    hidden, head, targets = made
    ours = summed_loss(hidden, head, targets, rows, smoothing=0.1)
    theirs = nn.functional.cross_entropy(head(hidden), targets, reduction="sum", label_smoothing=0.1)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    for one, other in zip(gradients(ours, hidden, head), gradients(theirs, hidden, head), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_fp32_agrees_to_six_digits(made: tuple[Tensor, nn.Linear, Tensor]) -> None:
    hidden, head, targets = made
    exact = plain(hidden, head, targets)
    single = hidden.detach().float().requires_grad_()
    chunked = summed_loss(single, head.float(), targets, 64)
    assert chunked.item() == pytest.approx(exact.item(), rel=1e-6)


def test_the_weights_gradient_is_summed_in_fp32_for_bf16(made: tuple[Tensor, nn.Linear, Tensor]) -> None:
    hidden, head, targets = (made[0].detach().bfloat16().requires_grad_(), made[1].bfloat16(), made[2])
    summed_loss(hidden, head, targets, 64).backward()
    ours = head.weight.grad
    exact = nn.Linear(WIDTH, WORDS).double()
    exact.load_state_dict({name: value.double() for name, value in head.state_dict().items()})
    plain(hidden.detach().double(), exact, targets).backward()
    assert ours is not None
    assert exact.weight.grad is not None
    assert float((ours.double() - exact.weight.grad).norm() / exact.weight.grad.norm()) < 0.01


def test_a_target_of_no_probability_has_a_finite_loss() -> None:
    head = nn.Linear(1, 3, bias=False)
    head.weight.data = torch.tensor([[500.0], [0.0], [-500.0]])
    hidden, targets = torch.ones(2, 1, requires_grad=True), torch.tensor([2, 0])
    assert summed_loss(hidden, head, targets).item() == pytest.approx(1000.0)


def test_frozen_parts_get_no_gradient(made: tuple[Tensor, nn.Linear, Tensor]) -> None:
    hidden, head, targets = made
    head.requires_grad_(False)
    summed_loss(hidden, head, targets, 64).backward()
    assert hidden.grad is not None
    assert head.weight.grad is None
    assert head.bias.grad is None


def test_token_losses_are_each_tokens_own(made: tuple[Tensor, nn.Linear, Tensor]) -> None:
    hidden, head, _ = made
    targets = torch.randint(0, WORDS, (ROWS,))
    whole = nn.functional.cross_entropy(head(hidden), targets, reduction="none")
    torch.testing.assert_close(token_losses(hidden, head, targets), whole)
    assert len(token_losses(hidden[:0], head, targets[:0])) == 0
