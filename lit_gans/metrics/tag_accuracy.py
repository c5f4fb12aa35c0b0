"""The score of tagged faces: whether a classifier sees the asked hair and the asked eye colour."""

from collections.abc import Sequence

import torch
from torch import Tensor


def tag_groups(class_names: Sequence[str]) -> dict[str, list[int]]:
    """Indices of the classes of each kind, by the last word of their names: "red hair" and "red eyes" are of "hair" and
    "eyes"."""
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(class_names):
        groups.setdefault(name.split()[-1], []).append(i)
    return groups


def tag_hits(outputs: Tensor, target: Tensor, group: Sequence[int]) -> Tensor:
    """(B,) bool: whether the highest output among the classes of one kind is the asked one.

    Args:
        outputs: (B, num_classes) class scores; only their order matters.
        target: (B, num_classes), of each kind 1 for one class and 0 for the others.
        group: indices of the kind's classes.
    """
    columns = torch.as_tensor(group, device=outputs.device)
    return outputs[:, columns].argmax(dim=1) == target[:, columns].argmax(dim=1)
