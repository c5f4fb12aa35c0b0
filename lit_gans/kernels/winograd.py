"""3x3 convolutions with less than half of the multiplications, for wide layers on a CPU.

Winograd's F(2x2, 3x3) (Lavin and Gray 2015, arXiv 1509.09308): a tile of 4x4 values gives 2x2 of the result by 16
products instead of 36,

    result = A' [(G kernel G') * (B' tile B)] A

where A, B and G hold 0, 1, -1 and 1/2. For all tiles and channels together each of the 16 is a matrix product, which
the processor does best. Each step is linear in either factor, and so is its gradient: the functions called `..._back`.

In bf16 it rounds in more places than torch does: its errors are 2.5 to 3 times those of torch's convolution. In float32
they are within what a sum of as many products rounds to (tests/kernels/test_winograd.py). Kept for the gradients are
the tiles, four times the memory of the input.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from lit_gans.kernels.base import Kernel
from lit_gans.kernels.cpu import has_avx2_alone
from lit_gans.kernels.im2col import AMX, computed_in

# Channels from which on the sums cost less than they save (benchmarks/convolutions.py). In float32 torch's convolutions
# are slower than its matrix products with AVX2, and faster with AVX512.
WIDE = {torch.bfloat16: 256, torch.float32: 128}

AVX2_ALONE = has_avx2_alone()

# G for both axes at once: the 9 values of a kernel to 16
G = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]])
GG = torch.kron(G, G)


class Conv3x3(Kernel, nn.Conv2d):
    """nn.Conv2d with 3x3 kernels and no padding."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3)

    def fast(self, input: Tensor) -> Tensor:
        pixels = input.to(computed_in(input)).permute(0, 2, 3, 1)
        return Winograd.apply(pixels, self.weight, self.bias).permute(0, 3, 1, 2)

    def pays(self, input: Tensor) -> bool:
        """Not measured with AMX, where torch's convolutions are other ones."""
        dtype = computed_in(input)
        return (
            input.device.type == "cpu"
            and dtype in WIDE
            and (AVX2_ALONE if dtype == torch.float32 else not AMX)
            and min(self.weight.shape[:2]) >= WIDE[dtype]
            and input.shape[-2] % 2 == input.shape[-1] % 2 == 0
            and not torch.compiler.is_compiling()
        )


class Winograd(Function):
    """Pixels (B, H, W, I), weight (O, I, 3, 3), bias (O,) -> (B, H - 2, W - 2, O); H and W even.

    In the precision of the pixels; the weight and its gradient are transformed in float32 or better.
    """

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        tiles, kernels = to_tiles(pixels), to_kernels(weight, pixels.dtype)
        ctx.save_for_backward(tiles, kernels)
        products = torch.bmm(flat(tiles), kernels.transpose(1, 2))
        return from_tiles(products.view(*tiles.shape[:-1], -1)).add_(bias.to(pixels.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        tiles, kernels = ctx.saved_tensors
        products = flat(from_tiles_back(gradients[0].contiguous()))
        of_pixels = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_pixels = to_tiles_back(torch.bmm(products, kernels).view_as(tiles))
        if ctx.needs_input_grad[1]:
            of_weight = to_kernels_back(torch.bmm(products.transpose(1, 2), flat(tiles)))
        if ctx.needs_input_grad[2]:
            of_bias = gradients[0].sum((0, 1, 2), dtype=torch.promote_types(kernels.dtype, torch.float32))
        return of_pixels, of_weight, of_bias


def flat(tiles: Tensor) -> Tensor:
    """(4, 4, B, H, W, C) -> (16, B H W, C)."""
    return tiles.flatten(2, 4).flatten(0, 1)


def to_kernels(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """G kernel G': (O, I, 3, 3) -> (16, O, I)."""
    with torch.autocast("cpu", enabled=False):
        kernels = torch.matmul(GG.to(weight.dtype), weight.permute(0, 2, 3, 1).flatten(1, 2))
    return kernels.to(dtype).transpose(0, 1).contiguous()


def to_kernels_back(kernels: Tensor) -> Tensor:
    """(16, O, I) -> (O, I, 3, 3), in float32 at least."""
    _, outputs, inputs = kernels.shape
    with torch.autocast("cpu", enabled=False):
        values = kernels.to(torch.promote_types(kernels.dtype, torch.float32))
        weight = torch.mm(GG.t().to(values.dtype), values.flatten(1))
    return weight.view(3, 3, outputs, inputs).permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)


def to_tiles(pixels: Tensor) -> Tensor:
    """B' tile B of all tiles, which overlap by 2: (B, H + 2, W + 2, C) -> (4, 4, B, H / 2, W / 2, C)."""
    batch, height, width, channels = pixels.shape
    down, right = height // 2 - 1, width // 2 - 1
    pairs = pixels.reshape(batch, down + 1, 2, right + 1, 2, channels)
    rows = pixels.new_empty(4, batch, down, right + 1, 2, channels)
    tiles = pixels.new_empty(4, 4, batch, down, right, channels)
    differences(pairs.permute(2, 1, 0, 3, 4, 5), out=rows.transpose(1, 2))
    differences(rows.permute(4, 3, 0, 1, 2, 5), out=tiles.permute(1, 4, 0, 2, 3, 5))
    return tiles


def to_tiles_back(tiles: Tensor) -> Tensor:
    _, _, batch, down, right, channels = tiles.shape
    rows = tiles.new_empty(4, batch, down, right + 1, 2, channels)
    pairs = tiles.new_empty(batch, down + 1, 2, right + 1, 2, channels)
    differences_back(tiles.permute(1, 4, 0, 2, 3, 5), out=rows.permute(4, 3, 0, 1, 2, 5))
    differences_back(rows.transpose(1, 2), out=pairs.permute(2, 1, 0, 3, 4, 5))
    return pairs.view(batch, 2 * down + 2, 2 * right + 2, channels)


def from_tiles(tiles: Tensor) -> Tensor:
    """A' tile A of all tiles, side by side: (4, 4, B, H / 2, W / 2, C) -> (B, H, W, C)."""
    _, _, batch, down, right, channels = tiles.shape
    rows = tiles.new_empty(2, 4, batch, down, right, channels)
    pairs = tiles.new_empty(batch, down, 2, right, 2, channels)
    sums(tiles, out=rows)
    sums(rows.transpose(0, 1), out=pairs.permute(4, 2, 0, 1, 3, 5))
    return pairs.view(batch, 2 * down, 2 * right, channels)


def from_tiles_back(pixels: Tensor) -> Tensor:
    batch, height, width, channels = pixels.shape
    down, right = height // 2, width // 2
    pairs = pixels.reshape(batch, down, 2, right, 2, channels)
    rows = pixels.new_empty(2, 4, batch, down, right, channels)
    tiles = pixels.new_empty(4, 4, batch, down, right, channels)
    sums_back(pairs.permute(4, 2, 0, 1, 3, 5), out=rows.transpose(0, 1))
    sums_back(rows, out=tiles)
    return tiles


def differences(pairs: Tensor, out: Tensor) -> None:
    """B' along one axis, from its values at even and at odd places: (2, N + 1, ...) -> (4, N, ...)."""
    even, odd = pairs
    torch.sub(even[:-1], even[1:], out=out[0])
    torch.add(odd[:-1], even[1:], out=out[1])
    torch.sub(even[1:], odd[:-1], out=out[2])
    torch.sub(odd[:-1], odd[1:], out=out[3])


def differences_back(values: Tensor, out: Tensor) -> None:
    even, odd = out
    torch.add(values[1], values[2], out=even[1:]).sub_(values[0])
    even[0] = 0
    even[:-1] += values[0]
    torch.sub(values[1], values[2], out=odd[:-1]).add_(values[3])
    odd[-1] = 0
    odd[1:] -= values[3]


def sums(values: Tensor, out: Tensor) -> None:
    """A' along one axis: (4, ...) -> (2, ...)."""
    torch.add(values[1], values[2], out=out[0]).add_(values[0])
    torch.sub(values[1], values[2], out=out[1]).sub_(values[3])


def sums_back(values: Tensor, out: Tensor) -> None:
    out[0] = values[0]
    torch.add(values[0], values[1], out=out[1])
    torch.sub(values[0], values[1], out=out[2])
    torch.neg(values[1], out=out[3])
