"""The score of tagged faces: whether a classifier sees the asked hair and the asked eye colour."""

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from lit_gans.metrics.report import summary


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


class TagAccuracy:
    """The share of pictures in which a classifier sees the asked tag, by list of conditions, classifier and kind.

    Only for conditions that ask for exactly one tag of every kind; of others (objects, attributes) it notes nothing.

    Args:
        class_names: see `tag_groups`.
        one_set: lists whose batches are parts of one set of pictures; of the others each batch is a draw.
    """

    def __init__(self, class_names: Sequence[str], one_set: Collection[str] = ()) -> None:
        self.groups = tag_groups(class_names)
        self.one_set = one_set
        self.hits: dict[str, dict[str, dict[str, list[Tensor]]]] = {}

    def update(self, name: str, evaluator: str, outputs: Tensor, condition: Tensor) -> None:
        """A classifier's outputs for pictures of this list, and what was asked, both (B, num_classes)."""
        if not all(len(group) > 1 and (condition[:, group].sum(dim=1) == 1).all() for group in self.groups.values()):
            return
        kinds = self.hits.setdefault(name, {}).setdefault(evaluator, {})
        for kind, group in self.groups.items():
            kinds.setdefault(kind, []).append(tag_hits(outputs, condition, group).float().cpu())

    def compute(self) -> tuple[dict[str, Any], list[str]]:
        """`{list: {evaluator: {kind: summary}}}`, and the lines that say so."""
        accuracy: dict[str, Any] = {}
        lines = []
        for name, evaluators in self.hits.items():
            for file, kinds in evaluators.items():
                for kind, parts in kinds.items():
                    sets = [torch.cat(parts)] if name in self.one_set else parts
                    row = summary([hits.mean().item() for hits in sets])
                    accuracy.setdefault(name, {}).setdefault(file, {})[kind] = row
                    of = "real held-out pictures" if name in self.one_set else f"pictures, {len(sets)} draws"
                    lines.append(f"{name}: {kind} as asked {row['mean']:.4f} of {len(sets[0])} {of}, evaluator {file}")
        return accuracy, lines
