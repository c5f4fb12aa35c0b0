"""Equations with known solutions."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from lit_gans.networks.ode import Solver, evenly, solve, solve_with_divergence, towards_images

X = torch.tensor([1.0, -2.0], dtype=torch.float64)


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_a_constant_velocity_is_followed_exactly_in_both_directions(solver: Solver) -> None:
    def velocity(x: Tensor, time: float) -> Tensor:
        return torch.full_like(x, 3.0)

    torch.testing.assert_close(solve(velocity, X, evenly(0.0, 1.0, 4), solver), X + 3)
    torch.testing.assert_close(solve(velocity, X, evenly(1.0, 0.0, 4), solver), X - 3)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_the_error_falls_with_the_order_of_the_solver(solver: Solver, order: int) -> None:
    """dx/dt = x: x(1) = e * x(0). Twice the steps, half the error, or a quarter of it."""
    few, many = ((solve(lambda x, t: x, X, evenly(0.0, 1.0, n), solver) - math.e * X).abs().max() for n in (64, 128))
    assert (few / many).log2().item() == pytest.approx(order, abs=0.1)


def test_the_velocity_is_asked_at_the_times_of_the_steps() -> None:
    seen: list[float] = []

    def velocity(x: Tensor, time: float) -> Tensor:
        seen.append(time)
        return x

    solve(velocity, X, evenly(0.0, 1.0, 2), "euler")
    solve(velocity, X, evenly(1.0, 0.0, 2), "heun")
    assert seen == [0.0, 0.5, 1.0, 0.5, 0.5, 0.0]


def test_the_divergence_is_that_of_the_jacobian_and_the_way_is_that_of_solve() -> None:
    """dx/dt = t A x has the divergence t * trace(A). The unit vectors as probes add up to the trace, whatever A is."""
    matrix = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def velocity(x: Tensor, time: float) -> Tensor:
        return time * x @ matrix.T

    x, units = torch.ones(4, 4, dtype=torch.float64), torch.eye(4, dtype=torch.float64)
    end, change = solve_with_divergence(velocity, x, evenly(1.0, 0.0, 8), "heun", units)
    torch.testing.assert_close(end, solve(velocity, x, evenly(1.0, 0.0, 8), "heun"))
    torch.testing.assert_close(change.sum(), -matrix.trace() / 2)  # heun's rule is exact for what is linear in time


@pytest.mark.parametrize("end", [1.0, 0.95])
def test_times_towards_the_images_begin_at_noise_end_where_asked_and_become_denser(end: float) -> None:
    times = towards_images(end, 8)
    lengths = [then - now for now, then in pairwise(times)]
    assert times[0] == 0 and times[-1] == pytest.approx(end) and len(lengths) == 8
    assert all(after < before for before, after in pairwise(lengths))
