"""The multi-label classifier that scores generated pictures (iCLEVR course evaluator's layout)."""

import torch
from torch import Tensor, nn

from lit_gans import checks

# Channels of the first stage.
COURSE_WIDTH = 64


class Block(nn.Module):
    """A residual block of two 3x3 convolutions, (B, before, H, W) -> (B, channels, H / stride, W / stride)."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride != 1 or before != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class EvaluatorNetwork(nn.Module):
    """A resnet18 (He et al. 2016, arXiv 1512.03385) with the head `Sequential(Linear, Sigmoid)`: the modules and the
    weights' names of torchvision's, whose import takes seconds.

    122 state-dict keys; 11,188,824 parameters with 24 classes and 64 channels.

    Args:
        num_classes: number of classes.
        width: channels of the first stage; they double with each of the four.

    Shapes:
        image (B, 3, H, W) in [-1, 1], at least 32x32 -> class probabilities (B, num_classes)
    """

    def __init__(self, num_classes: int = 24, width: int = COURSE_WIDTH) -> None:
        super().__init__()
        checks.counts(num_classes=num_classes, width=width)
        self.num_classes = num_classes
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(width, width, 1)
        self.layer2 = stage(width, 2 * width, 2)
        self.layer3 = stage(2 * width, 4 * width, 2)
        self.layer4 = stage(4 * width, 8 * width, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(nn.Linear(8 * width, num_classes), nn.Sigmoid())
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(image))

    def logits(self, image: Tensor) -> Tensor:
        """What the head's sigmoid is applied to, (B, num_classes): a loss on logits does not saturate."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc[0](self.avgpool(x).flatten(1))
        return logits


def stage(before: int, channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(Block(before, channels, stride), Block(channels, channels, 1))


def width_of(state: dict[str, Tensor]) -> int:
    """The width of the network that has this state dict; the course's if its first convolution is missing."""
    return len(state["conv1.weight"]) if "conv1.weight" in state else COURSE_WIDTH


def object_hits(outputs: Tensor, target: Tensor) -> Tensor:
    """(B, num_classes) bool: asked objects among the image's k highest outputs, k its number of asked objects."""
    asked = target.bool()
    rank = outputs.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return (rank < asked.sum(dim=1, keepdim=True)) & asked
