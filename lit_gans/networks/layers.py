"""Layers that several networks share.

The convolutions have torch's parameters and results, computed in a cheaper way.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lit_gans.errors import InputError
from lit_gans.networks.patches import as_matrix, conv2d, conv_transpose2d


class HalvingConv2d(nn.Conv2d):
    """nn.Conv2d of kernel 4, stride 2 and padding 1, by the cheaper of two ways.

    Shapes:
        (B, in_channels, H, W) -> (B, out_channels, H // 2, W // 2)
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 4, stride=2, padding=1)

    def forward(self, input: Tensor) -> Tensor:
        assert self.bias is not None
        return conv2d(input, self.weight, self.bias, stride=2, padding=1)


class ToPixel(nn.Conv2d):
    """nn.Conv2d of a picture as large as the kernel, as the matrix product that it is.

    Measured with benchmarks/convolutions.py (512 -> 256 channels, kernel 4, bf16): 11 times as fast.

    Shapes:
        (B, in_channels, kernel, kernel) -> (B, out_channels, 1, 1)

    Raises:
        InputError: a picture of another size.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__(in_channels, out_channels, kernel)

    def forward(self, input: Tensor) -> Tensor:
        if input.shape[-2:] != self.weight.shape[-2:]:
            height, width = input.shape[-2:]
            raise InputError(
                f"the last convolution has kernel {self.kernel_size[0]} but got features of {height}x{width} pixels: "
                "the images are not of the network's image_size"
            )
        return linear(as_matrix(input), as_matrix(self.weight), self.bias)[..., None, None]


class ConvTranspose2d(nn.ConvTranspose2d):
    """nn.ConvTranspose2d by the cheaper of two ways, whose bias is added outside of it.

    oneDNN's gradient of the inner bias takes several times as long as the sum over the picture that it is.
    """

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        assert output_size is None and self.bias is not None and not any(self.output_padding)
        y = conv_transpose2d(input, self.weight, self.stride[0], self.padding[0])  # type: ignore[arg-type]
        return y + self.bias.to(y.dtype).view(1, -1, 1, 1)


class FromVector(nn.ConvTranspose2d):
    """nn.ConvTranspose2d of a 1x1 picture without padding, as the matrix product that it is.

    Shapes:
        (B, in_channels) -> (B, out_channels, kernel, kernel)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__(in_channels, out_channels, kernel)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        assert output_size is None and self.bias is not None
        height, width = self.kernel_size
        # channels last, as the layers behind it want it
        y = torch.addmm(self.bias.repeat(height * width), input, as_matrix(self.weight))
        return y.view(-1, height, width, self.out_channels).permute(0, 3, 1, 2)


class PixelNorm(nn.Module):
    """Divides each pixel's channels by their root mean square (Karras et al. 2018, section 4.2). No weights."""

    def forward(self, input: Tensor) -> Tensor:
        return input * (input.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def upsampling_block(before: int, after: int) -> nn.Sequential:
    """(B, before, H, W) -> (B, after, 2H, 2W): nearest neighbours, convolution, PixelNorm, LeakyReLU."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, padding=1), PixelNorm(), nn.LeakyReLU(0.2)
    )
