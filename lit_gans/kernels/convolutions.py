"""Convolutions with torch's parameters and results."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d, linear

from lit_gans.errors import InputError
from lit_gans.kernels import im2col
from lit_gans.kernels.base import Kernel
from lit_gans.kernels.im2col import as_matrix


class HalvingConv2d(Kernel, nn.Conv2d):
    """nn.Conv2d of kernel 4, stride 2 and padding 1; wide ones as a matrix product on a CPU with AMX.

    Shapes:
        (B, in_channels, H, W) -> (B, out_channels, H // 2, W // 2)
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 4, stride=2, padding=1)

    def fast(self, input: Tensor) -> Tensor:
        assert self.bias is not None
        return im2col.convolution(input, self.weight, self.bias, stride=2, padding=1)

    def pays(self, input: Tensor) -> bool:
        return im2col.pays(input, self.weight, 2)


class ConvTranspose2d(Kernel, nn.ConvTranspose2d):
    """nn.ConvTranspose2d without output padding, whose bias is added outside of it; wide ones as a matrix product on a
    CPU with AMX.

    oneDNN's gradient of the inner bias takes several times as long as the sum over the picture that it is.
    """

    def fast(self, input: Tensor) -> Tensor:
        assert self.bias is not None and not any(self.output_padding)
        stride, padding = self.stride[0], self.padding[0]
        assert isinstance(padding, int)
        if im2col.pays(input, self.weight, stride):
            y = im2col.transposed_convolution(input, self.weight, stride, padding)
        else:
            y = conv_transpose2d(input, self.weight, None, stride, padding)
        return y + self.bias.to(y.dtype).view(1, -1, 1, 1)


class ToPixel(Kernel, nn.Conv2d):
    """nn.Conv2d of a picture as large as the kernel, as the matrix product that it is.

    Measured with benchmarks/convolutions.py (512 -> 256 channels, kernel 4, bf16): 11 times as fast.

    Shapes:
        (B, in_channels, kernel, kernel) -> (B, out_channels, 1, 1)

    Raises:
        InputError: a picture of another size.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__(in_channels, out_channels, kernel)

    def fast(self, input: Tensor) -> Tensor:
        return linear(as_matrix(input), as_matrix(self.weight), self.bias)[..., None, None]

    def forward(self, input: Tensor, *_: Any) -> Tensor:
        if input.shape[-2:] != self.weight.shape[-2:]:
            height, width = input.shape[-2:]
            raise InputError(
                f"the last convolution has kernel {self.kernel_size[0]} but got features of {height}x{width} pixels: "
                "the images are not of the network's image_size"
            )
        return super().forward(input)


class FromVector(Kernel, nn.ConvTranspose2d):
    """nn.ConvTranspose2d of a 1x1 picture without padding, as the matrix product that it is.

    Shapes:
        (B, in_channels) -> (B, out_channels, kernel, kernel)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__(in_channels, out_channels, kernel)

    def plain(self, input: Tensor) -> Tensor:
        return super().plain(input[..., None, None])

    def fast(self, input: Tensor) -> Tensor:
        assert self.bias is not None
        height, width = self.kernel_size
        # channels last, as the layers behind it want it
        y = torch.addmm(self.bias.repeat(height * width), input, as_matrix(self.weight))
        return y.view(-1, height, width, self.out_channels).permute(0, 3, 1, 2)
