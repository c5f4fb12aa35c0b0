"""A discriminator in the features of a frozen network (projected GANs: Sauer et al. 2021, arXiv 2111.01007).

What the discriminator has to learn about pictures, a network trained on a million photographs knows already. Its
features are mixed at random across channels and scales, so that no depth can be ignored, and each depth is judged by a
small network of its own.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu
from torch.nn.utils.parametrizations import spectral_norm

from lit_gans.networks.efficientnet_lite import DEPTH_CHANNELS, EfficientNetLite0

SIDE = 4
"""Height and width of the logits of a head."""
MIXED = (32, 64, 128, 256)
"""Channels of each depth after the mixing."""


class ProjectedDiscriminator(nn.Module):
    """Image, and condition where there is one -> 4x4 logits of each of four depths.

    The frozen network is no part of this one: its weights are in no checkpoint and no optimizer, and it is loaded when
    an image is judged for the first time. Nor are the random mixtures trained; they are in the checkpoint.

    Args:
        features: gives the frozen network.
        size: height and width that images are brought to before (bilinear); a multiple of 32. Larger ones cost more and
            tell more.
        num_classes: length of the multi-hot condition; 0 for none.
        width: channels of the heads.

    Shapes:
        image (B, 3, H, W), or grey (B, 1, H, W), in [-1, 1], condition (B, num_classes) -> logits (B, 64)
    """

    def __init__(
        self, features: Callable[[], EfficientNetLite0], size: int, num_classes: int = 0, width: int = 64
    ) -> None:
        super().__init__()
        self.load, self.size = features, size
        self.loaded: list[EfficientNetLite0] = []  # in a list, so that it is no submodule
        channels = list(zip(DEPTH_CHANNELS, MIXED, strict=True))
        # Kaiming's start keeps the variance of what goes through
        self.across_channels = nn.ModuleList(fixed(nn.Conv2d(before, after, 1)) for before, after in channels)
        self.across_scales = nn.ModuleList(
            fixed(nn.Conv2d(deeper, after, 3, padding=1)) for deeper, after in zip(MIXED[1:], MIXED, strict=False)
        )
        self.heads = nn.ModuleList(
            Head(mixed, size // 2 ** (i + 2), width, num_classes) for i, mixed in enumerate(MIXED)
        )
        self.classify = nn.Linear(MIXED[-1], num_classes) if num_classes else None

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.logits(self.mixed(image), condition)

    def judge(self, image: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """The logits, and those of the classes (B, num_classes), which do not see the condition."""
        assert self.classify is not None
        mixed = self.mixed(image)
        return self.logits(mixed, condition), self.classify(mixed[-1].mean((2, 3)))

    def logits(self, mixed: list[Tensor], condition: Tensor | None) -> Tensor:
        return torch.cat([head(x, condition) for head, x in zip(self.heads, mixed, strict=True)], dim=1)

    def mixed(self, image: Tensor) -> list[Tensor]:
        """The features of each depth, mixed with those of all deeper ones: from the deepest on, each goes into the one
        above it."""
        image = image.expand(-1, 3, -1, -1)
        if image.shape[2:] != (self.size, self.size):
            # in float32: torch has no gradient of it in bf16
            image = interpolate(
                image.float(), (self.size, self.size), mode="bilinear", align_corners=False, antialias=True
            )
        found = [mix(x) for mix, x in zip(self.across_channels, self.frozen(image).depths(image), strict=True)]
        for i in reversed(range(len(found) - 1)):
            deeper = interpolate(found[i + 1], size=found[i].shape[2:], mode="bilinear", align_corners=False)
            found[i] = found[i] + self.across_scales[i](deeper)
        return found

    def frozen(self, like: Tensor) -> EfficientNetLite0:
        """The frozen network, on the image's device."""
        if not self.loaded:
            self.loaded.append(self.load().to(memory_format=torch.channels_last))
        return self.loaded[0].to(like.device)


class Head(nn.Module):
    """Judges the features of one depth: halves them until 4x4 are left, and adds the inner product of the embedded
    condition with what it sees there (Miyato and Koyama 2018). Spectral normalisation keeps it smooth."""

    def __init__(self, channels: int, size: int, width: int, num_classes: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([normalised(nn.Conv2d(channels, width, 3, padding=1))])
        while size > SIDE:
            self.layers.append(normalised(nn.Conv2d(width, width, 4, stride=2, padding=1)))
            size //= 2
        self.to_logit = normalised(nn.Conv2d(width, 1, 1))
        self.embed = normalised(nn.Linear(num_classes, width, bias=False)) if num_classes else None

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """(B, channels, h, w) -> (B, 16)"""
        for layer in self.layers:
            x = leaky_relu(layer(x), 0.2)
        logit = self.to_logit(x)
        if self.embed is not None:
            logit = logit + (x * self.embed(condition)[:, :, None, None]).sum(1, keepdim=True)
        # all depths count alike, those of fewer logits too
        return interpolate(logit, size=(SIDE, SIDE)).flatten(1)


def fixed(layer: nn.Conv2d) -> nn.Conv2d:
    """A random layer that no optimizer changes."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    nn.init.zeros_(cast(Tensor, layer.bias))
    return layer.requires_grad_(False)


def normalised(layer: nn.Module) -> nn.Module:
    """The layer with its largest singular value divided out."""
    normal: nn.Module = spectral_norm(layer)
    return normal
