"""Convolutions of stride 2 as matrix products, where those are the faster ones: wide layers in bf16 on a CPU with AMX.

The product is of one row a pixel of the smaller picture: all values under the kernel (im2col). oneDNN's own kernels use
a fraction of AMX here. Measured with benchmarks/convolutions.py on a Xeon with AMX, forward and backward: 3.0 times as
fast for 256 -> 512 channels, 1.4 times for 128 -> 256, half as fast for 64 -> 128, since the copies grow with the
picture. With AVX512 alone there is no difference.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import linear, pad

from lit_gans.kernels.cpu import has_amx

AMX = has_amx()
WIDE = 128  # channels of the larger picture


def convolution(input: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
    """torch's conv2d, with square kernels, strides and paddings."""
    pixels = input.to(computed_in(input)).permute(0, 2, 3, 1)
    rows = Rows.apply(pixels, weight.shape[-1], stride, padding)
    return linear(rows, as_matrix(weight), bias).permute(0, 3, 1, 2)


def transposed_convolution(input: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """torch's conv_transpose2d without bias, with square kernels, strides and paddings."""
    kernel = weight.shape[-1]
    height, width = ((side - 1) * stride + kernel - 2 * padding for side in input.shape[-2:])
    rows = linear(input.permute(0, 2, 3, 1), as_matrix(weight).t())
    return Pixels.apply(rows, height, width, kernel, stride, padding).permute(0, 3, 1, 2)


def pays(input: Tensor, weight: Tensor, stride: int) -> bool:
    """Both kinds keep the larger picture's channels in the second place of their weight."""
    return (
        AMX
        and input.device.type == "cpu"
        and stride > 1
        and weight.shape[1] >= WIDE
        and computed_in(input) == torch.bfloat16
    )


def computed_in(input: Tensor) -> torch.dtype:
    """What torch's layers would take it as on a CPU."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else input.dtype


def as_matrix(weight: Tensor) -> Tensor:
    """(O, I, K, K) -> (O, K K I): a view of what is in channels_last."""
    return weight.permute(0, 2, 3, 1).flatten(1)


class Rows(Function):
    """The values under the kernel at each of its places: pixels (B, H, W, C) -> (B, H', W', K K C).

    Its gradient is Pixels and the other way round: each is the other's transpose.
    """

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
        ctx.back = (*pixels.shape[1:3], kernel, stride, padding)
        padded = pad(pixels, (0, 0, padding, padding, padding, padding)).contiguous()
        batch, *sides, channels = padded.shape
        height, width = ((side - kernel) // stride + 1 for side in sides)
        a, b, c, _ = padded.stride()
        # one row of the kernel lies in one piece
        shape, strides = (batch, height, width, kernel, kernel * channels), (a, stride * b, stride * c, b, 1)
        return padded.as_strided(shape, strides).reshape(batch, height, width, -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return Pixels.apply(gradients[0], *ctx.back), None, None, None


class Pixels(Function):
    """The sum at each pixel of all that the kernel's places put there: (B, H', W', K K C) -> (B, H, W, C)."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, height: int, width: int, kernel: int, stride: int, padding: int) -> Tensor:
        ctx.back = (kernel, stride, padding)
        batch, down, right, values = rows.shape
        places = rows.view(batch, down, right, kernel, kernel, values // kernel**2)
        padded = rows.new_zeros(batch, height + 2 * padding, width + 2 * padding, places.shape[-1])
        for i in range(kernel):
            for j in range(kernel):
                below, beside = i + stride * (down - 1) + 1, j + stride * (right - 1) + 1
                padded[:, i:below:stride, j:beside:stride] += places[:, :, :, i, j]
        return padded[:, padding : padding + height, padding : padding + width].contiguous()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return Rows.apply(gradients[0], *ctx.back), None, None, None, None, None
