"""Layers that several networks share."""

from torch import Tensor, nn


class PixelNorm(nn.Module):
    """Divides each pixel's channels by their root mean square (Karras et al. 2018, section 4.2). No weights."""

    def forward(self, input: Tensor) -> Tensor:
        return input * (input.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def upsampling_block(before: int, after: int) -> nn.Sequential:
    """(B, before, H, W) -> (B, after, 2H, 2W): nearest neighbours, convolution, PixelNorm, LeakyReLU."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, padding=1), PixelNorm(), nn.LeakyReLU(0.2)
    )
