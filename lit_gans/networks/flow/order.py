"""Labels that also tell the order of their objects: which is the first, which the second and so on."""

import torch
from torch import Tensor


def with_order(label: Tensor, order: Tensor | None, count: int) -> Tensor:
    """A label that also tells which object is the first, the second and so on, up to `count`.

    Args:
        label: (B, num_classes) multi-hot.
        order: (B, num_classes), 1 for the first object, 2 for the second, 0 for what is not there; None, or zeros,
            where nobody knows.

    Returns:
        (B, num_classes * (1 + count)): the label, and for each rank its object, or zeros.
    """
    if order is None:
        order = torch.zeros_like(label)
    return torch.cat([label, *((order == rank).to(label) for rank in range(1, 1 + count))], dim=1)


def random_order(label: Tensor, rng: torch.Generator) -> Tensor:
    """An order for `with_order` of the label's objects, each equally likely; `rng` is on the CPU."""
    numbers = torch.rand(label.shape, generator=rng).to(label.device).masked_fill(label == 0, torch.inf)
    return (numbers.argsort(dim=1).argsort(dim=1) + 1).where(label != 0, 0)
