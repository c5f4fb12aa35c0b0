"""Nearest-neighbour upsampling by 2 and the convolution behind it, as the one transposed convolution that they are.

Upsampling is itself a transposed convolution, with a 2x2 kernel of ones and stride 2. So the two together are one of
stride 2 whose kernel is the convolution's, spread by those ones: 25 instead of 64 products for each 2x2 pixels of
output with kernel 4, 16 instead of 36 with kernel 3, and no large picture in between. Parameters and results are those
of the two layers. Measured on a CPU (64 images, 128 -> 64 channels, kernel 4, 16 -> 32 px, forward and backward, one
thread): 2.6 times as fast in fp32, 2.2 times in bf16.
"""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv_transpose2d, interpolate, pad

from lit_gans.kernels.base import Kernel


class UpsampledConvTranspose2d(Kernel, nn.ConvTranspose2d):
    """nn.Upsample(scale_factor=2), then nn.ConvTranspose2d of stride 1, cropped to the upsampled size: with kernel 4 by
    one row and column before and two after, as Keras does.

    Shapes:
        (B, in_channels, H, W) -> (B, out_channels, 2H, 2W)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=(kernel - 1) // 2)

    def plain(self, input: Tensor) -> Tensor:
        height, width = input.shape[-2:]
        return super().plain(interpolate(input, scale_factor=2))[..., : 2 * height, : 2 * width]

    def fast(self, input: Tensor) -> Tensor:
        assert self.bias is not None
        return upsampled_transpose(input, self.weight, self.bias, before=(self.kernel_size[0] - 1) // 2)


class UpsampledConv2d(Kernel, nn.Conv2d):
    """nn.Upsample(scale_factor=2), then nn.Conv2d with padding="same": of kernel 3 one row and column on each side.

    Shapes:
        (B, in_channels, H, W) -> (B, out_channels, 2H, 2W)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__(in_channels, out_channels, kernel)

    def plain(self, input: Tensor) -> Tensor:
        before, after = (self.kernel_size[0] - 1) // 2, self.kernel_size[0] // 2
        return super().plain(pad(interpolate(input, scale_factor=2), (before, after, before, after)))

    def fast(self, input: Tensor) -> Tensor:
        assert self.bias is not None
        # a convolution is the transposed one of the turned kernel, cropped from the other end
        turned = self.weight.flip(2, 3).transpose(0, 1)
        return upsampled_transpose(input, turned, self.bias, before=self.kernel_size[0] // 2)


def upsampled_transpose(input: Tensor, weight: Tensor, bias: Tensor, before: int) -> Tensor:
    """Transposed convolution (stride 1) of the upsampled input, of which `before` rows and columns are cropped at the
    top and left, and what is more than twice the input's size at the bottom and right.

    Args:
        weight: (in_channels, out_channels, kernel, kernel).
    """
    height, width = input.shape[-2:]
    # a sum over 2x2 windows, padded by 1: the full convolution with 2x2 ones
    spread = avg_pool2d(weight, kernel_size=2, stride=1, padding=1, divisor_override=1)
    length = 2 * (height - 1) + spread.shape[-1] - 2 * before
    extra = max(0, 2 * height - length)
    y = conv_transpose2d(input, spread, None, stride=2, padding=before, output_padding=extra)
    return y[..., : 2 * height, : 2 * width] + bias.to(y.dtype).view(1, -1, 1, 1)
