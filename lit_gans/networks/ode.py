"""Differential equations dx/dt = v(x, t), solved in steps of equal length."""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

Solver = Literal["euler", "heun"]


def solve(
    velocity: Callable[[Tensor, float], Tensor], x: Tensor, start: float, end: float, steps: int, solver: Solver
) -> Tensor:
    """x at time `end`, where it is `x` at time `start`, earlier or later.

    Args:
        velocity: (x, t) -> dx/dt, of x's shape.
        steps: at least 1; "euler" looks at the velocity once a step, "heun" twice (its error falls with the square of
            the steps).
    """
    for now, then in pairwise(torch.linspace(start, end, steps + 1, dtype=torch.float64).tolist()):
        slope = velocity(x, now)
        if solver == "heun":
            slope = (slope + velocity(x + (then - now) * slope, then)) / 2
        x = x + (then - now) * slope
    return x
