"""A U-Net that reads a time and a condition: the network of flow matching and of diffusion models.

Residual blocks whose normalisation is modulated by the embedded time and condition (Dhariwal and Nichol 2021, section
3), attention in the middle. The picture is squeezed 2x2 pixels to one at the entrance: layers at full size are narrow,
and narrow layers waste a processor.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle, pixel_unshuffle, scaled_dot_product_attention, silu

from lit_gans import checks
from lit_gans.errors import InputError

GROUPS = 8
FREQUENCIES = 64
HEAD = 32


class UNet(nn.Module):
    """(noisy image, time, condition) -> an image of numbers, such as a velocity; 0 for every input at the start.

    Args:
        num_classes: length of the multi-hot condition.
        image_size: a multiple of 2 ** levels.
        width: channels of the first level, a multiple of 8; each further one has twice as many, the last a multiple
            of 32.
        levels: sizes, from image_size / 2 on.
        blocks: residual blocks a level, on the way down; one more on the way up.
        channels: of the images: 3, or 1 for grey.

    Shapes:
        x (B, channels, image_size, image_size), time (B,) in [0, 1], condition (B, num_classes), kept (B,) bool: for
        which images the condition is told; None for all -> the shape of x

    Raises:
        InputError: sizes that do not fit.
    """

    def __init__(
        self,
        num_classes: int,
        image_size: int = 64,
        width: int = 64,
        levels: int = 3,
        blocks: int = 2,
        channels: int = 3,
    ) -> None:
        super().__init__()
        checks.channels(channels)
        checks.counts(num_classes=num_classes, image_size=image_size, width=width, levels=levels, blocks=blocks)
        if image_size % 2**levels:
            raise InputError(f"image_size is {image_size}; a U-Net of {levels} levels needs a multiple of {2**levels}")
        if width % GROUPS or width * 2 ** (levels - 1) % HEAD:
            raise InputError(
                f"width is {width}; expected a multiple of {GROUPS} that makes the channels of the last level, "
                f"{2 ** (levels - 1)} times as many, a multiple of {HEAD}"
            )
        told = 4 * width
        self.time = nn.Sequential(nn.Linear(2 * FREQUENCIES, told), nn.SiLU(), nn.Linear(told, told))
        self.condition = nn.Linear(num_classes, told)
        self.without = nn.Parameter(torch.zeros(told))  # in place of a condition that is not told
        self.enter = nn.Conv2d(4 * channels, width, 3, padding=1)
        widths = [width * 2**i for i in range(levels)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        current, skips = width, [width]
        for i, wide in enumerate(widths):
            for _ in range(blocks):
                self.down.append(ResidualBlock(current, wide, told))
                current = wide
                skips.append(current)
            if i < levels - 1:
                self.down.append(Downsample(current))
                skips.append(current)
        self.middle = nn.ModuleList(
            [ResidualBlock(current, current, told), SelfAttention(current), ResidualBlock(current, current, told)]
        )
        for i, wide in reversed(list(enumerate(widths))):
            for _ in range(blocks + 1):
                self.up.append(ResidualBlock(current + skips.pop(), wide, told))
                current = wide
            if i:
                self.up.append(Upsample(current))
        self.norm, self.last = nn.GroupNorm(GROUPS, current), nn.Conv2d(current, 4 * channels, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, time: Tensor, condition: Tensor, kept: Tensor | None = None) -> Tensor:
        embedded = self.condition(condition)
        if kept is not None:
            embedded = torch.where(kept[:, None], embedded, self.without)
        told = silu(self.time(waves(time)) + embedded)
        h = self.enter(pixel_unshuffle(x, 2))
        skips = [h]
        for layer in self.down:
            h = layer(h, told)
            skips.append(h)
        for layer in self.middle:
            h = layer(h, told)
        for layer in self.up:
            h = layer(h if isinstance(layer, Upsample) else torch.cat([h, skips.pop()], dim=1), told)
        return pixel_shuffle(self.last(silu(self.norm(h))), 2)


class ResidualBlock(nn.Module):
    """Two convolutions; the second normalisation is scaled and shifted by what the network is told."""

    def __init__(self, before: int, channels: int, told: int) -> None:
        super().__init__()
        self.first_norm, self.first = nn.GroupNorm(GROUPS, before), nn.Conv2d(before, channels, 3, padding=1)
        self.second_norm = nn.GroupNorm(GROUPS, channels, affine=False)
        self.modulation = nn.Linear(told, 2 * channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.skip = nn.Identity() if before == channels else nn.Conv2d(before, channels, 1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.modulation(told)[:, :, None, None].chunk(2, dim=1)
        h = self.first(silu(self.first_norm(x)))
        h = self.second(silu(self.second_norm(h) * (1 + scale) + shift))
        return self.skip(x) + h


class SelfAttention(nn.Module):
    """Each pixel looks at all pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // HEAD
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.inner, self.last = nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        parts = self.inner(self.norm(x)).reshape(batch, 3, self.heads, HEAD, height * width).transpose(3, 4)
        seen = scaled_dot_product_attention(*parts.unbind(1)).transpose(2, 3).reshape(batch, channels, height, width)
        return x + self.last(seen)


class Downsample(nn.Module):
    """Half the height and width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        halved: Tensor = self.conv(x)
        return halved


class Upsample(nn.Module):
    """Twice the height and width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        doubled: Tensor = self.conv(interpolate(x, scale_factor=2.0, mode="nearest"))
        return doubled


def waves(time: Tensor) -> Tensor:
    """(B,) in [0, 1] -> (B, 2 * FREQUENCIES): sines and cosines of wavelengths from 2 pi / 1000 to 2 pi."""
    rates = torch.exp(torch.linspace(0, math.log(1000), FREQUENCIES, device=time.device, dtype=time.dtype))
    angles = time[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
