"""Equations with known solutions."""

import math

import pytest
import torch
from torch import Tensor

from lit_gans.networks.ode import Solver, solve

X = torch.tensor([1.0, -2.0], dtype=torch.float64)


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_a_constant_velocity_is_followed_exactly_in_both_directions(solver: Solver) -> None:
    def velocity(x: Tensor, time: float) -> Tensor:
        return torch.full_like(x, 3.0)

    torch.testing.assert_close(solve(velocity, X, 0.0, 1.0, 4, solver), X + 3)
    torch.testing.assert_close(solve(velocity, X, 1.0, 0.0, 4, solver), X - 3)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_the_error_falls_with_the_order_of_the_solver(solver: Solver, order: int) -> None:
    """dx/dt = x: x(1) = e * x(0). Twice the steps, half the error, or a quarter of it."""
    few, many = ((solve(lambda x, t: x, X, 0.0, 1.0, n, solver) - math.e * X).abs().max() for n in (64, 128))
    assert (few / many).log2().item() == pytest.approx(order, abs=0.1)


def test_the_velocity_is_asked_at_the_times_of_the_steps() -> None:
    seen: list[float] = []

    def velocity(x: Tensor, time: float) -> Tensor:
        seen.append(time)
        return x

    solve(velocity, X, 0.0, 1.0, 2, "euler")
    solve(velocity, X, 1.0, 0.0, 2, "heun")
    assert seen == [0.0, 0.5, 1.0, 0.5, 0.5, 0.0]
