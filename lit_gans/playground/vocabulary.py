"""What a model can be asked for: the names of its classes, in groups as a page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lit_gans.errors import InputError, few

# objects: a colour and a shape each; tags: one of each group; faces: attributes in CelebA's words; classes: other names
Kind = Literal["objects", "tags", "faces", "classes"]
TAGS = {"hair", "eyes"}
OF_FACES = {"Smiling", "Eyeglasses", "Wearing_Hat", "Male", "Young"}
# Of a random condition.
MOST_OBJECTS = 3


@dataclass(frozen=True)
class Vocabulary:
    """The classes of a model.

    Attributes:
        names: in the order of its conditions.
        kind: how they are asked for.
        groups: title -> (what is shown, name of the class) of each class.
    """

    names: tuple[str, ...]
    kind: Kind
    groups: dict[str, list[tuple[str, str]]]

    def multi_hot(self, asked: Sequence[str]) -> Tensor:
        """(1, classes): 1 for each asked name.

        Raises:
            InputError: no name, or one that is no class.
        """
        if not asked:
            raise InputError(f"nothing is chosen; choose one of {', '.join(self.groups)} or more")
        row = torch.zeros(1, len(self.names))
        for name in asked:
            if name not in self.names:
                raise InputError(f"{name!r} is no class of this model; it has {few(self.names)}")
            row[0, self.names.index(name)] = 1
        return row

    def random(self, count: int, rng: torch.Generator, most: int = MOST_OBJECTS) -> Tensor:
        """(count, classes): one of each group for tags; up to `most` objects; any attributes, but one at least."""
        size = len(self.names)
        rank = torch.rand(count, size, generator=rng).argsort(dim=1).argsort(dim=1)
        if self.kind in ("faces", "classes"):
            return (rank < torch.randint(1, max(2, size // 2 + 1), (count, 1), generator=rng)).float()
        if self.kind == "objects":
            return (rank < torch.randint(1, min(most, size) + 1, (count, 1), generator=rng)).float()
        rows = torch.zeros(count, size)
        for members in self.groups.values():
            own = torch.tensor([self.names.index(name) for _, name in members])
            first = rank[:, own].argmin(dim=1)
            rows[torch.arange(count), own[first]] = 1
        return rows


def vocabulary_of(class_names: Sequence[str] | None, num_classes: int) -> Vocabulary:
    """The vocabulary of a model; classes without names get numbers."""
    names = tuple(class_names) if class_names is not None else tuple(f"class {i}" for i in range(num_classes))
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        groups.setdefault(name.rpartition(" ")[2], []).append((name, name))
    if class_names is not None and len(groups) > 1 and all(" " in name for name in names):
        return Vocabulary(names, "tags" if groups.keys() == TAGS else "objects", groups)
    kind: Kind = "faces" if OF_FACES & set(names) else "classes"
    title = "attributes" if kind == "faces" else "classes"
    return Vocabulary(names, kind, {title: [(name.replace("_", " "), name) for name in names]})
