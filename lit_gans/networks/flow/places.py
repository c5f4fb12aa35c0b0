"""Labels that also tell the places of their objects: which is the first, which the second and so on."""

import torch
from torch import Tensor


def in_places(label: Tensor, order: Tensor | None, places: int) -> Tensor:
    """A label that also tells which object is the first, the second and so on, up to so many `places`.

    Args:
        label: (B, num_classes) multi-hot.
        order: (B, num_classes), 1 for the first object, 2 for the second, 0 for what is not there; None, or zeros,
            where nobody knows.

    Returns:
        (B, num_classes * (1 + places)): the label, and for each place its object, or zeros.
    """
    if order is None:
        order = torch.zeros_like(label)
    return torch.cat([label, *((order == place).to(label) for place in range(1, 1 + places))], dim=1)


def random_order(label: Tensor, rng: torch.Generator) -> Tensor:
    """An order for `in_places` of the label's objects, each equally likely; `rng` is on the CPU."""
    numbers = torch.rand(label.shape, generator=rng).to(label.device).masked_fill(label == 0, torch.inf)
    return (numbers.argsort(dim=1).argsort(dim=1) + 1).where(label != 0, 0)
