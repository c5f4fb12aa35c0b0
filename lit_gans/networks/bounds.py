"""The range of images, as the end of a network."""

from typing import Any

import torch
from torch import Tensor


def bounded(x: Tensor) -> Tensor:
    """x cut to [-1, 1]. What is beyond keeps the gradient that brings it back.

    The gradient of `clamp` is 0 there: a pixel that was once driven past white or black stays so, whatever a loss says.
    """
    return _Bounded.apply(x) if x.requires_grad else x.clamp(-1, 1)


class _Bounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        # a step goes against the gradient: it brings x back where both have the same sign
        return torch.where((x.abs() <= 1) | (x * gradient > 0), gradient, 0)
