"""Two folders of pictures as two classes: what the judge of a translation between them learns from."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data_modules.datasets.labelled import HELD_OUT, LabelledData, split
from data_modules.datasets.unpaired import DOMAINS, listed
from data_modules.errors import DataError
from data_modules.loader import Named


class DomainsData(LabelledData):
    """The pictures of `trainA` and `trainB` with their domain as class, a share of them held out for validation; a test
    looks at those of `testA` and `testB`. The batches are those of LabelledData.

    Args:
        root: folder with `trainA`, `trainB`, `testA`, `testB`.
        names: what the domains A and B show.
        val_fraction: share of the training pictures held out.
        options: see ImageData.

    Raises:
        DataError: one line that names the folder or value at fault.
    """

    def __init__(self, root: str, names: Sequence[str] = DOMAINS, val_fraction: float = 0.05, **options: Any) -> None:
        super().__init__(root, images=None, val_fraction=val_fraction, test_conditions=(), **options)
        if len(names) != 2 or names[0] == names[1]:
            raise DataError(f"data.names is {list(names)}; expected two names, of the domains A and B")
        self.names = list(names)

    @property
    def class_names(self) -> list[str]:
        return self.names

    @cached_property
    def files(self) -> dict[str, list[Path]]:
        """The pictures of each folder, training before test."""
        return {
            f"{part}{domain.upper()}": listed(self.root / f"{part}{domain.upper()}").paths
            for part in ("train", "test")
            for domain in DOMAINS
        }

    def paths(self) -> list[Path]:
        return [path for paths in self.files.values() for path in paths]

    def class_numbers(self) -> Tensor:
        return torch.tensor([[DOMAINS.index(name[-1].lower())] for name, paths in self.files.items() for _ in paths])

    def split_rows(self) -> tuple[Tensor, Tensor]:
        return split(self.training, self.val_fraction, self.seed)

    @property
    def training(self) -> int:
        """How many pictures are not the test's; they come first."""
        return sum(len(paths) for name, paths in self.files.items() if name.startswith("train"))

    def test_pictures(self) -> list[Named]:
        rows = torch.arange(self.training, len(self.paths()))
        return [Named(HELD_OUT, self.loader(self.columns, rows, train=False))]

    def lists(self) -> dict[str, Tensor]:
        return {"classes": torch.eye(self.num_classes)}

    def has_pictures(self) -> bool:
        return True

    def remarks(self) -> list[str]:
        counts = ", ".join(f"{len(paths):,} in {name}" for name, paths in self.files.items())
        return [f"{self.root}: pictures: {counts}"]
