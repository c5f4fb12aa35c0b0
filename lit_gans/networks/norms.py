"""Normalization by name, so that a discriminator can do without BatchNorm where its loss forbids it."""

from typing import Literal, get_args

from torch import nn

from lit_gans import checks

NormName = Literal["batch", "instance", "layer", "none"]


def norm_layer(name: NormName, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> nn.Module:
    """A normalization of (B, channels, H, W) with a gain and a bias for each channel; nothing for "none".

    "batch" takes its statistics over the batch, "instance" over one channel of one image (it needs more than one
    pixel), "layer" over one image. Only the last three keep an image's logit independent of the other images.

    Args:
        momentum: weight of the newest batch in the running statistics (torch's meaning; Keras states 1 - momentum).
        eps: added to the variance.

    Raises:
        InputError: an unknown name.
    """
    if name == "batch":
        return nn.BatchNorm2d(channels, eps, momentum)
    if name == "instance":
        return nn.InstanceNorm2d(channels, eps, affine=True)
    if name == "layer":
        return nn.GroupNorm(1, channels, eps)
    checks.choice("norm", name, get_args(NormName))
    return nn.Identity()
