"""Flow matching on straight paths (rectified flow: Liu et al. 2022, arXiv 2209.03003; Lipman et al. 2022, arXiv
2210.02747)."""

import torch
from torch import Tensor


def on_the_path(image: Tensor, noise: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
    """The point between noise (time 0) and image (time 1), and the velocity of the way: image - noise.

    Args:
        image, noise: (B, C, H, W).
        time: (B,) in [0, 1].
    """
    return torch.lerp(noise, image, time.view(-1, 1, 1, 1)), image - noise


def logit_normal(normal: Tensor) -> Tensor:
    """Times in (0, 1) of standard normal numbers: most of them near the middle of the path, where it is hardest to tell
    where it leads (Esser et al. 2024, arXiv 2403.03206, section 3.1)."""
    return torch.sigmoid(normal)


def velocity_loss(predicted: Tensor, velocity: Tensor) -> Tensor:
    """Mean squared difference of (B, C, H, W), a scalar; float32 whatever the precision of the prediction."""
    return (predicted.float() - velocity).square().mean()
