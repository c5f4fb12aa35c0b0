"""Convolutions with Keras's "same" padding, which for an even kernel is not symmetric."""

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from lit_gans.kernels.convolutions import ConvTranspose2d


class SameConv2d(nn.Conv2d):
    """nn.Conv2d whose output has ceil(size / stride) pixels a side, padded with zeros as Keras does.

    The padding is as small as possible, and an odd one has its extra row and column at the bottom and on the right:
    kernel 4 pads 1 before and 2 after at stride 1, 1 and 1 at stride 2 on an even size, 1 and 2 on an odd size.

    Shapes:
        (B, in_channels, H, W) -> (B, out_channels, ceil(H / stride), ceil(W / stride))
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel, stride)

    def forward(self, input: Tensor) -> Tensor:
        top, bottom = same_padding(input.shape[-2], self.kernel_size[0], self.stride[0])
        left, right = same_padding(input.shape[-1], self.kernel_size[1], self.stride[1])
        if (top, left) == (bottom, right):  # one pass over the picture less
            return conv2d(input, self.weight, self.bias, self.stride, (top, left))
        return conv2d(pad(input, (left, right, top, bottom)), self.weight, self.bias, self.stride)


class SameConvTranspose2d(ConvTranspose2d):
    """nn.ConvTranspose2d of stride 1 whose output is as large as its input, cropped as Keras does: of kernel 4, one row
    and column before and two after.

    Shapes:
        (B, in_channels, H, W) -> (B, out_channels, H, W)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=(kernel - 1) // 2)

    def forward(self, input: Tensor, *_: Any) -> Tensor:
        return super().forward(input)[..., : input.shape[-2], : input.shape[-1]]


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after one axis of this many pixels."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
