"""Dropout with cheaper random numbers."""

import torch
from torch import Tensor, nn

from lit_gans.kernels.base import Kernel


class Dropout(Kernel, nn.Dropout):
    """nn.Dropout, on a CPU with a mask of 16 random bits a value, four values from each number drawn.

    torch draws a number for each value there, on processors of some makers one after the other. Measured on a CPU
    (64x32x32x32 values in bf16, two threads): 3.5 times as fast. The probability is rounded to a multiple of 1 / 65536.
    """

    def pays(self, input: Tensor) -> bool:
        return self.training and input.device.type == "cpu" and 0 < threshold(self.p) < 2**16

    def fast(self, input: Tensor) -> Tensor:
        return dropped(input, self.p)


def threshold(probability: float) -> int:
    """Of the 65536 values of 16 bits, so many stand for a zero."""
    return round(probability * 2**16)


def dropped(input: Tensor, probability: float) -> Tensor:
    count = input.numel()
    bits = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)[:count]
    # laid out as the values are: in which order they get their random numbers does not matter
    kept = bits.as_strided(input.shape, torch.empty_like(input).stride()) >= threshold(probability) - 2**15
    return input * kept.to(input.dtype).mul_(2**16 / (2**16 - threshold(probability)))
