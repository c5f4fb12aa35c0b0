"""The multi-label classifier that scores generated pictures (iCLEVR course evaluator's layout)."""

from torch import Tensor, nn
from torchvision.models import resnet18


def evaluator_network(num_classes: int = 24) -> nn.Module:
    """torchvision's resnet18 without pretraining, head `Sequential(Linear(512, num_classes), Sigmoid())`.

    122 state-dict keys, 11,188,824 parameters with 24 classes.

    Shapes:
        image (B, 3, H, W) in [-1, 1], at least 32x32 -> class probabilities (B, num_classes)
    """
    network = resnet18(weights=None)
    network.fc = nn.Sequential(nn.Linear(512, num_classes), nn.Sigmoid())
    return network


def logits(network: nn.Module, image: Tensor) -> Tensor:
    """What the head's sigmoid is applied to, (B, num_classes): a loss on logits does not saturate."""
    head = network.fc
    assert isinstance(head, nn.Sequential)
    network.fc = nn.Identity()
    try:
        return head[0](network(image))
    finally:
        network.fc = head
