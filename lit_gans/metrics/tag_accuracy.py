"""The score of tagged faces: whether a classifier sees the asked hair and the asked eye colour."""

from collections.abc import Mapping, Sequence
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
    """The share of pictures in which a classifier sees the asked tag, by list of conditions, classifier and kind; and
    the same of real pictures, which are kept apart from the lists whatever those are called.

    Only for conditions that ask for exactly one tag of every kind; of others (objects, attributes) it notes nothing.

    Args:
        class_groups: indices of the classes of each kind, such as "hair" and "eyes".
    """

    def __init__(self, class_groups: Mapping[str, Sequence[int]]) -> None:
        self.groups = class_groups
        # (list, None for real pictures; classifier; kind) -> hits of each batch
        self.hits: dict[tuple[str | None, str, str], list[Tensor]] = {}

    def see(self, name: str | None, evaluator: str, outputs: Tensor, condition: Tensor) -> None:
        """A classifier's outputs for one whole draw of the list of this name, and what was asked, both (B,
        num_classes); without a name, for a part of the real pictures, and what they show."""
        if all((condition[:, list(group)].sum(dim=1) == 1).all() for group in self.groups.values()):
            for kind, group in self.groups.items():
                hits = tag_hits(outputs, condition, group).float().cpu()
                self.hits.setdefault((name, evaluator, kind), []).append(hits)

    def compute(self) -> tuple[dict[str, Any], list[str]]:
        """`{"tag_accuracy": {list: {evaluator: {kind: summary}}}, "real_tag_accuracy": {evaluator: {kind: share}}}`,
        what of it there is, and the lines that say so."""
        facts: dict[str, Any] = {}
        lines = []
        for (name, file, kind), parts in self.hits.items():
            if name is None:
                real = torch.cat(parts)
                share = facts.setdefault("real_tag_accuracy", {}).setdefault(file, {})[kind] = real.mean().item()
                told = f"real held-out images: {kind} as tagged {share:.4f} of {len(real)}"
            else:
                row = summary([hits.mean().item() for hits in parts])
                facts.setdefault("tag_accuracy", {}).setdefault(name, {}).setdefault(file, {})[kind] = row
                told = f"{name}: {kind} as asked {row['mean']:.4f} of {len(parts[0])} pictures, {len(parts)} draws"
            lines.append(f"{told}, evaluator {file}")
        return facts, lines
