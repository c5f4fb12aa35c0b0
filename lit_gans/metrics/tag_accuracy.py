"""The score of tagged faces: whether a classifier sees the asked hair and the asked eye colour."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lit_gans.metrics.summary import summary


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
        class_groups: indices of the classes of each kind, such as "hair" and "eyes".
        one_set: lists whose batches are parts of one set of pictures; of the others each batch is a draw.
    """

    def __init__(self, class_groups: Mapping[str, Sequence[int]], one_set: Collection[str] = ()) -> None:
        self.groups = class_groups
        self.one_set = one_set
        self.hits: dict[str, dict[str, dict[str, list[Tensor]]]] = {}

    def update(self, name: str, evaluator: str, outputs: Tensor, condition: Tensor) -> None:
        """A classifier's outputs for pictures of this list, and what was asked, both (B, num_classes)."""
        if not self.groups or not all((condition[:, list(g)].sum(dim=1) == 1).all() for g in self.groups.values()):
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
