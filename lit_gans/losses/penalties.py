"""Gradient penalties: where the discriminator's gradient is sampled, times what of it is penalised.

All is in float32 with autocast off: in half precision the double backward overflows (bf16 networks, fp32 penalties).
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import relu

Where = Literal["real", "fake", "line"]
Target = Literal["one", "zero", "lp"]

# Inside the root, so that a gradient of exactly zero has a finite derivative.
EPS = 1e-12


def sample_points(where: Where, real: Tensor, fake: Tensor) -> Tensor:
    """Images at which the gradient is looked at, (B, C, H, W).

    "real" (R1: Mescheder et al. 2018), "fake" (R2), or "line": for each pair of images a point of its own, uniform on
    the straight line between them (WGAN-GP: Gulrajani et al. 2017, algorithm 1).
    """
    fake = fake.to(real.dtype)  # under autocast the generator gives half precision
    if where == "real":
        return real
    if where == "fake":
        return fake
    share = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    return torch.lerp(real, fake, share)


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], points: Tensor, target: Target) -> Tensor:
    """Mean over the images of a function of the norm g of the discriminator's gradient, taken over all pixels.

    "one": (g - 1)^2; "lp": max(0, g - 1)^2 (Petzka et al. 2018); "zero": g^2, whose half times gamma is R1 or R2.

    Args:
        discriminator: images (B, C, H, W) -> logits (B,), each a function of its own image alone (no BatchNorm).
        points: from `sample_points`; they get no gradient.

    Returns:
        A scalar in float32 (float64 for float64 points), differentiable with respect to the discriminator's weights.
    """
    with torch.autocast(points.device.type, enabled=False), torch.enable_grad():
        points = points.detach()
        points = (points if points.dtype == torch.float64 else points.float()).requires_grad_()
        logits = discriminator(points)
        (gradient,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
        squared = gradient.flatten(1).square().sum(dim=1)
        if target == "zero":
            return squared.mean()
        excess = (squared + EPS).sqrt() - 1
        return (relu(excess) if target == "lp" else excess).square().mean()
