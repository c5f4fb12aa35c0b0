"""A generator whose every stage is scaled and shifted by latent and condition."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from lit_gans import checks
from lit_gans.kernels.convolutions import FromVector
from lit_gans.kernels.upsampling import UpsampledConv2d
from lit_gans.networks.cdcgan import doublings
from lit_gans.networks.layers import PixelNorm


class ModulatedGenerator(nn.Module):
    """Latent, and condition if there is one, -> image; conditions are labels of the whole picture: attributes and tags.

    The latent alone draws the first 4x4 map, as in a DCGAN. Latent and embedded condition pass through a mapping
    network; its output scales and shifts the channels after each normalised convolution (Perez et al. 2018; Karras et
    al. 2019). From a constant map instead, a few faces came again and again
    (docs/log/2026-11-28-conditional-gan-other-labels.md).

    Args:
        num_classes: length of the multi-hot condition; 0 for pictures from the latent alone.
        image_size: 8, 16, 32, 64, ...
        latent_dim: length of z.
        style_dim: length of the mapping's output.
        width: channels of the last stage; they double with each stage before it, up to eightfold.
        channels: of the images: 3, or 1 for grey.

    Shapes:
        z (B, latent_dim), condition (B, num_classes) or none -> (B, channels, image_size, image_size) in [-1, 1]
    """

    def __init__(
        self,
        num_classes: int = 24,
        image_size: int = 64,
        latent_dim: int = 128,
        style_dim: int = 256,
        width: int = 32,
        channels: int = 3,
    ) -> None:
        super().__init__()
        checks.channels(channels)
        checks.whole("num_classes", num_classes, at_least=0)
        checks.counts(latent_dim=latent_dim, width=width)
        stages = doublings(image_size) + 1
        widths = [width * 2 ** min(3, stages - 1 - i) for i in range(stages)]
        self.latent_dim = latent_dim
        if num_classes:
            self.embed = nn.Linear(num_classes, style_dim)
        self.mapping = nn.Sequential(
            nn.Linear(latent_dim + style_dim * bool(num_classes), style_dim),
            nn.LeakyReLU(0.2),
            nn.Linear(style_dim, style_dim),
            nn.LeakyReLU(0.2),
        )
        self.start = FromVector(latent_dim, widths[0], 4)
        convolutions = [nn.Conv2d(widths[0], widths[0], 3, padding=1)]
        convolutions += [UpsampledConv2d(before, after, 3) for before, after in pairwise(widths)]
        self.stages = nn.ModuleList(ModulatedStage(convolution, style_dim) for convolution in convolutions)
        self.to_rgb = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        style = self.mapping(z if condition is None else torch.cat([z, self.embed(condition)], dim=1))
        x = self.start(z)
        for stage in self.stages:
            x = stage(x, style)
        return torch.tanh(self.to_rgb(x))


class ModulatedStage(nn.Module):
    """The convolution, normalisation over its channels, scale and shift by the style, LeakyReLU."""

    def __init__(self, convolution: nn.Conv2d, style_dim: int) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = PixelNorm()
        self.modulation = nn.Linear(style_dim, 2 * convolution.out_channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        scale, shift = self.modulation(style).unsqueeze(-1).unsqueeze(-1).chunk(2, dim=1)
        return leaky_relu(self.norm(self.convolution(x)) * (1 + scale) + shift, 0.2)
