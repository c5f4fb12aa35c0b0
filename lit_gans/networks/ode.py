"""Differential equations dx/dt = v(x, t), solved in steps."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

Solver = Literal["euler", "heun"]
Velocity = Callable[[Tensor, float], Tensor]


def evenly(start: float, end: float, steps: int) -> list[float]:
    """Times from `start` to `end`, either of which may be the later one, in at least one step of equal length."""
    return torch.linspace(start, end, steps + 1, dtype=torch.float64).tolist()


def towards_images(end: float, steps: int, power: float = 3.0) -> list[float]:
    """Times from 0 (noise) to `end`, at most 1 (images), in ever smaller steps: even in (1 - time) ** (1 / power).

    The spacing of Karras et al. 2022 (arXiv 2206.00364, equation 5), with a smaller power, for paths that may go on to
    1 itself. Near 1 a density changes as fast as 1 / (1 - time).
    """
    return [1 - left**power for left in evenly(1.0, (1 - end) ** (1 / power), steps)]


def solve(velocity: Velocity, x: Tensor, times: Sequence[float], solver: Solver) -> Tensor:
    """x at the last of the times, where it is `x` at the first; times rise or fall.

    Args:
        velocity: (x, t) -> dx/dt, of x's shape. "euler" looks at it once a step, "heun" twice (its error falls with the
            square of the steps).
    """
    for now, then in pairwise(times):
        slope = velocity(x, now)
        if solver == "heun":
            slope = (slope + velocity(x + (then - now) * slope, then)) / 2
        x = x + (then - now) * slope
    return x


def solve_with_divergence(
    velocity: Velocity, x: Tensor, times: Sequence[float], solver: Solver, probe: Tensor
) -> tuple[Tensor, Tensor]:
    """What `solve` gives, and the integral over time of the velocity's divergence on the way, (B,).

    The density of x changes by it: log p_last = log p_first - integral (Chen et al. 2018, arXiv 1806.07366, theorem 1).

    Args:
        probe: of x's shape, mean 0 and covariance the identity, such as random signs; the divergence is estimated by
            probe^T J probe (Hutchinson's estimator; Grathwohl et al. 2018, arXiv 1810.01367), exact in the mean.
    """

    def slopes(state: Tensor, time: float) -> Tensor:
        point = state[:, :-1].reshape(x.shape).detach().requires_grad_()
        with torch.enable_grad():
            slope = velocity(point, time)
            (product,) = torch.autograd.grad(slope, point, probe)
        divergence = (product * probe).flatten(1).sum(dim=1, keepdim=True)
        return torch.cat([slope.detach().flatten(1), divergence], dim=1)

    state = solve(slopes, torch.cat([x.flatten(1), x.new_zeros(len(x), 1)], dim=1), times, solver)
    return state[:, :-1].reshape(x.shape), state[:, -1]
