"""From a flow's picture with noise to the one without."""

from typing import Any

import torch
from torch import Tensor


def denoised(flow: Any, x: Tensor, noise: float, label: Tensor, low: Tensor | None = None) -> Tensor:
    """The mean of the pictures that Gaussian noise may have made x of: x + noise^2 * grad log p(x | label), p being the
    density of noisy pictures (Tweedie's formula: Efron 2011; for flows: Zhai et al. 2024, arXiv 2412.06329).

    Args:
        flow: has `guided(label, 0, low)`, what it is told, and `log_prob(x, told)`, (B,).
        x: (B, C, H, W).
        noise: standard deviation, in x's units.
    """
    # a Trainer's test runs in inference mode, whose tensors have no gradients: hence the clones
    with torch.inference_mode(False), torch.enable_grad():
        told = flow.guided(label.clone(), 0.0, None if low is None else low.clone())
        at = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(flow.log_prob(at, told).sum(), at)
    return x + noise**2 * gradient
