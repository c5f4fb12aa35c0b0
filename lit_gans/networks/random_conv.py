"""A frozen network of random convolutions: image features that need no download and no training."""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, leaky_relu
from torch.nn.utils import skip_init

WIDTHS = (32, 64, 64, 48)
PLAIN = 8
GAIN = 4.0
BIAS = 0.1


class RandomConv(nn.Module):
    """Four 3x3 convolutions with random weights, each after the first at half the resolution of the one before.

    After each convolution: LeakyReLU(0.2), then division of a pixel's channels by `sqrt(1 + their mean square)`, which
    keeps contrast and brightness from drowning everything else. Features: mean and standard deviation over the picture
    of every channel of the first three stages, and the last stage's means over its 2x2 quarters, so that the layout of
    a picture counts. The first filters have no mean, except for 8 of 32, and a gain of 4: natural pictures hold
    little energy in fine detail, and blur and noise change just that.

    All weights follow from the seed through `numpy.random.RandomState`, whose numbers NumPy promises never to change.
    They do not require gradients.

    Shapes:
        image (B, 3, H, W) in [-1, 1], at least 16x16 -> (B, 512)
    """

    num_features = 2 * sum(WIDTHS[:-1]) + 4 * WIDTHS[-1]

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        random = np.random.RandomState(seed)
        self.stages = nn.ModuleList()
        channels = 3
        for width in WIDTHS:
            weight = random.standard_normal((width, channels, 3, 3))
            bias = random.standard_normal(width) * BIAS
            if not self.stages:
                weight[PLAIN:] -= weight[PLAIN:].mean(axis=(2, 3), keepdims=True)
                weight[PLAIN:] *= GAIN
            # torch's own initialisation would draw from the global generator
            stage = skip_init(nn.Conv2d, channels, width, 3, padding=1, padding_mode="reflect")
            with torch.no_grad():
                stage.weight.copy_(torch.from_numpy(weight * math.sqrt(2 / (9 * channels))))
                stage.bias.copy_(torch.from_numpy(bias))
            self.stages.append(stage)
            channels = width
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        x, features = image, []
        for i, stage in enumerate(self.stages):
            x = leaky_relu(stage(x if i == 0 else avg_pool2d(x, 2)), 0.2)
            x = x * torch.rsqrt(1 + x.square().mean(dim=1, keepdim=True))
            if i < len(self.stages) - 1:
                deviation, mean = torch.std_mean(x, dim=(2, 3))
                features += [mean, deviation]
            else:
                features.append(adaptive_avg_pool2d(x, 2).flatten(1))
        return torch.cat(features, dim=1)
