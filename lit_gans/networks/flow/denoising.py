"""From a flow's picture with noise to the one without."""

from typing import Any

import torch
from torch import Tensor


def denoised(flow: Any, x: Tensor, u: Any, noise: float) -> Tensor:
    """The mean of the pictures that Gaussian noise may have made x of: x + noise^2 * grad log p(x | u), p being the
    density of noisy pictures (Tweedie's formula: Efron 2011; for flows: Zhai et al. 2024, arXiv 2412.06329).

    Args:
        flow: has `log_prob(x, u)`, (B,).
        x: (B, C, H, W).
        noise: standard deviation, in x's units.
    """
    with torch.enable_grad():
        at = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(flow.log_prob(at, u).sum(), at)
    return x + noise**2 * gradient
