"""Adversarial objectives: values by hand, gradients, and no overflow."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import BCELoss

from lit_gans.losses.adversarial import OBJECTIVES, bce_discriminator, bce_generator


def log1pexp(x: float) -> float:
    return math.log(1 + math.exp(x))


def close(loss: Tensor, expected: float) -> None:
    assert loss.shape == ()
    torch.testing.assert_close(loss.item(), expected, rtol=1e-6, atol=1e-7)


def test_at_logits_of_0_the_losses_are_2_log_2_and_log_2() -> None:
    close(bce_discriminator(torch.zeros(5), torch.zeros(5)), 2 * math.log(2))
    close(bce_generator(torch.zeros(5)), math.log(2))


def test_hand_computed_values() -> None:
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])
    # -log s(x) = log(1 + e^-x), -log(1 - s(x)) = log(1 + e^x)
    expected = (log1pexp(-2) + log1pexp(1)) / 2 + (log1pexp(0.5) + log1pexp(-3)) / 2
    close(bce_discriminator(real, fake), expected)
    close(bce_generator(fake), (log1pexp(-0.5) + log1pexp(3)) / 2)


def test_real_and_fake_are_averaged_apart_so_their_counts_may_differ() -> None:
    close(bce_discriminator(torch.zeros(2), torch.zeros(7)), 2 * math.log(2))
    close(bce_discriminator(torch.full((2,), 3.0), torch.zeros(6)), log1pexp(-3) + math.log(2))


def test_logits_of_any_shape_are_averaged_over_all_elements() -> None:
    real, fake = torch.randn(3, 1, 4, 4), torch.randn(3, 1, 4, 4)
    torch.testing.assert_close(bce_discriminator(real, fake), bce_discriminator(real.flatten(), fake.flatten()))
    torch.testing.assert_close(bce_generator(fake), bce_generator(fake.flatten()))


def test_they_equal_the_sigmoid_and_bceloss_of_the_report_in_float64() -> None:
    torch.manual_seed(0)
    real, fake = 4 * torch.randn(64), 4 * torch.randn(64)
    bce, p_real, p_fake = BCELoss(), real.double().sigmoid(), fake.double().sigmoid()
    ones, zeros = torch.ones(64, dtype=torch.float64), torch.zeros(64, dtype=torch.float64)
    close(bce_discriminator(real, fake), (bce(p_real, ones) + bce(p_fake, zeros)).item())
    close(bce_generator(fake), bce(p_fake, ones).item())


def test_gradients_are_those_of_the_formula() -> None:
    real, fake = torch.tensor([2.0, -1.0], requires_grad=True), torch.tensor([0.5, -3.0], requires_grad=True)
    bce_discriminator(real, fake).backward()
    s_real, s_fake = real.detach().sigmoid(), fake.detach().sigmoid()
    torch.testing.assert_close(real.grad, (s_real - 1) / 2)
    torch.testing.assert_close(fake.grad, s_fake / 2)
    fake.grad = None
    bce_generator(fake).backward()
    torch.testing.assert_close(fake.grad, (s_fake - 1) / 2)


def test_descent_raises_real_logits_and_lowers_fake_ones_for_d_and_raises_fake_ones_for_g() -> None:
    logits = torch.linspace(-5, 5, 11)
    real, fake = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    (on_real, on_fake) = torch.autograd.grad(bce_discriminator(real, fake), (real, fake))
    assert (on_real < 0).all() and (on_fake > 0).all()
    assert (torch.autograd.grad(bce_generator(fake), fake)[0] < 0).all()


def test_large_logits_stay_finite_and_keep_their_gradient() -> None:
    real, fake = torch.tensor([-1e4], requires_grad=True), torch.tensor([1e4], requires_grad=True)
    loss = bce_discriminator(real, fake)
    close(loss, 2e4)
    loss.backward()
    torch.testing.assert_close((real.grad, fake.grad), (torch.tensor([-1.0]), torch.tensor([1.0])))
    lost = torch.tensor([-1e4], requires_grad=True)
    bce_generator(lost).backward()
    torch.testing.assert_close(lost.grad, torch.tensor([-1.0]))
    close(bce_discriminator(torch.tensor([1e4]), torch.tensor([-1e4])), 0.0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_give_the_float32_loss_of_their_values(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    real, fake = (4 * torch.randn(500)).to(dtype), (4 * torch.randn(500)).to(dtype)
    d, g = bce_discriminator(real, fake), bce_generator(fake)
    assert d.dtype == g.dtype == torch.float32
    p_real, p_fake = real.double().sigmoid(), fake.double().sigmoid()
    close(d, -(p_real.log().mean() + (1 - p_fake).log().mean()).item())
    close(g, -p_fake.log().mean().item())


REAL, FAKE = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])


# by hand, of the logits above: (discriminator, generator)
BY_HAND = {
    "bce": (
        (log1pexp(-2) + log1pexp(1)) / 2 + (log1pexp(0.5) + log1pexp(-3)) / 2,
        (log1pexp(-0.5) + log1pexp(3)) / 2,
    ),
    "minimax": (
        (log1pexp(-2) + log1pexp(1)) / 2 + (log1pexp(0.5) + log1pexp(-3)) / 2,
        -(log1pexp(0.5) + log1pexp(-3)) / 2,
    ),
    "lsgan": (((1 + 4) / 2 + (0.25 + 9) / 2) / 2, (0.25 + 16) / 2 / 2),
    "wgan": (-1.25 - 0.5, 1.25),
    "hinge": ((0 + 2) / 2 + (1.5 + 0) / 2, 1.25),
    "rpgan": ((log1pexp(-1.5) + log1pexp(-2)) / 2, (log1pexp(1.5) + log1pexp(2)) / 2),
}


def test_every_objective_has_a_value_by_hand() -> None:
    assert BY_HAND.keys() == OBJECTIVES.keys()


@pytest.mark.parametrize("name", OBJECTIVES)
class TestEveryObjective:
    def test_values_by_hand(self, name: str) -> None:
        objective, (discriminator, generator) = OBJECTIVES[name], BY_HAND[name]
        close(objective.discriminator(REAL, FAKE), discriminator)
        close(objective.generator(FAKE, REAL if objective.relativistic else None), generator)

    def test_descent_parts_real_from_fake_for_d_and_raises_the_fake_logits_for_g(self, name: str) -> None:
        objective = OBJECTIVES[name]
        real, fake = (torch.linspace(-0.9, 0.9, 7, requires_grad=True) for _ in range(2))
        of_d = objective.discriminator(real, fake)
        on_real, on_fake = torch.autograd.grad(of_d, (real, fake))
        assert on_real.sum() < 0 < on_fake.sum()
        of_g = objective.generator(fake, real.detach() if objective.relativistic else None)
        assert (torch.autograd.grad(of_g, fake)[0] < 0).all()

    def test_half_precision_logits_give_a_float32_loss(self, name: str) -> None:
        objective = OBJECTIVES[name]
        real, fake = REAL.bfloat16(), FAKE.bfloat16()
        assert objective.discriminator(real, fake).dtype == torch.float32
        assert objective.generator(fake, real if objective.relativistic else None).dtype == torch.float32

    def test_large_logits_stay_finite(self, name: str) -> None:
        objective = OBJECTIVES[name]
        for sign in (1.0, -1.0):
            real, fake = torch.tensor([sign * 1e4], requires_grad=True), torch.tensor([-sign * 1e4], requires_grad=True)
            loss = objective.discriminator(real, fake) + objective.generator(fake, real)
            gradients = torch.autograd.grad(loss, (real, fake), allow_unused=True)
            assert loss.isfinite() and all(g is None or g.isfinite().all() for g in gradients)


def test_a_relativistic_loss_depends_on_pairs_only_through_their_difference() -> None:
    objective = OBJECTIVES["rpgan"]
    torch.testing.assert_close(objective.discriminator(REAL + 5, FAKE + 5), objective.discriminator(REAL, FAKE))
    torch.testing.assert_close(objective.generator(FAKE, REAL), objective.discriminator(FAKE, REAL))
