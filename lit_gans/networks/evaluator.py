"""The multi-label classifier that scores generated pictures (iCLEVR course evaluator's layout)."""

from torch import Tensor, nn
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock

from lit_gans import checks

# Channels of resnet18's first stage.
COURSE_WIDTH = 64


def evaluator_network(num_classes: int = 24, width: int = COURSE_WIDTH) -> nn.Module:
    """torchvision's resnet18 without pretraining, head `Sequential(Linear(8 * width, num_classes), Sigmoid())`.

    122 state-dict keys; 11,188,824 parameters with 24 classes and 64 channels.

    Args:
        num_classes: number of classes.
        width: channels of the first stage; they double with each of the four.

    Shapes:
        image (B, 3, H, W) in [-1, 1], at least 32x32 -> class probabilities (B, num_classes)
    """
    checks.counts(num_classes=num_classes, width=width)
    network = resnet18(weights=None)
    if width != COURSE_WIDTH:
        narrow(network, width)
    network.fc = nn.Sequential(nn.Linear(8 * width, num_classes), nn.Sigmoid())
    return network


def narrow(network: nn.Module, width: int) -> None:
    """Replaces the layers of a resnet18 by those with `width` channels in the first stage."""
    network.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
    network.bn1 = nn.BatchNorm2d(width)
    before = width
    for i in range(4):
        channels, stride = width << i, 1 if i == 0 else 2
        setattr(network, f"layer{i + 1}", nn.Sequential(block(before, channels, stride), block(channels, channels)))
        before = channels
    for module in network.modules():
        if isinstance(module, nn.Conv2d):  # as torchvision starts them
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def block(before: int, channels: int, stride: int = 1) -> BasicBlock:
    """One residual block of resnet18."""
    shortcut = None
    if stride != 1 or before != channels:
        shortcut = nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
    return BasicBlock(before, channels, stride, shortcut)


def width_of(state: dict[str, Tensor]) -> int:
    """The width of the network that has this state dict; the course's if its first convolution is missing."""
    return len(state["conv1.weight"]) if "conv1.weight" in state else COURSE_WIDTH


def logits(network: nn.Module, image: Tensor) -> Tensor:
    """What the head's sigmoid is applied to, (B, num_classes): a loss on logits does not saturate."""
    head = network.fc
    assert isinstance(head, nn.Sequential)
    network.fc = nn.Identity()
    try:
        return head[0](network(image))
    finally:
        network.fc = head
