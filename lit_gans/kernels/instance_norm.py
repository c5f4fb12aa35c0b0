"""Instance normalisation that keeps the memory layout of what it gets."""

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from lit_gans.kernels.base import Kernel


class InstanceNorm2d(Kernel, nn.InstanceNorm2d):
    """nn.InstanceNorm2d without running statistics, on a CPU by one batch_norm an image.

    torch's takes channels_last apart and puts it together again (measured, bf16: 2.0 instead of 7.0 ms for
    2x64x128x128, forward and backward).
    """

    def __init__(self, channels: int, affine: bool = False) -> None:
        super().__init__(channels, affine=affine)

    def pays(self, input: Tensor) -> bool:
        return input.device.type == "cpu"

    def fast(self, input: Tensor) -> Tensor:
        return torch.cat(
            [batch_norm(image, None, None, self.weight, self.bias, training=True) for image in input.split(1)]
        )
