"""What the data sets share whose pictures have multi-hot conditions."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data_modules.cache import fingerprint
from data_modules.datasets.base import ImageData
from data_modules.errors import DataError, a_share
from data_modules.loader import ArrayLoader, Batch, Column, Named, take

HELD_OUT = "held_out"
"""The name of pictures, or of a list of conditions, that no training saw."""


class LabelledData(ImageData, ABC):
    """Training pictures with conditions, held-out ones for validation, and lists of conditions to draw in a test.

    Batches: training and validation `{"image": (B, 3, H, W) float in [-1, 1], "condition": (B, num_classes) float}`;
    test and predict one batch a list, `{"condition": (N, num_classes), "name": "<list name>"}`; a test has the
    validation batches before them where there are pictures.

    A subclass reads its files: `paths`, `class_names`, `split_rows`, `lists`; for the conditions, `class_numbers` where
    each picture has one class or a few, `conditions` where most of the classes are on or off; and says `has_pictures`
    where they may be missing.

    Args:
        root, options: see ImageData.
        images: folder of the pictures, absolute or relative to root; None: under one of its usual names.
        val_fraction: share held out for validation.
        test_conditions: JSON files; relative paths are looked up in the current folder, then in root.
    """

    def __init__(
        self, root: str, *, images: str | None, val_fraction: float, test_conditions: Sequence[str], **options: Any
    ) -> None:
        super().__init__(root, **options)
        a_share("val_fraction", val_fraction)
        self.image_dir = images
        self.val_fraction = val_fraction
        self.test_conditions = list(test_conditions)

    @abstractmethod
    def paths(self) -> list[Path]:
        """The picture files, in an order that does not change."""

    @property
    def num_classes(self) -> int:
        return len(self.class_names or ())

    def class_numbers(self) -> Tensor | None:
        """(pictures, most classes of one) class numbers, -1 behind the last one: what is kept of each picture, and made
        multi-hot on the device batch by batch (1,000 classes of 10 million pictures would be 40 GB). None where
        `conditions` tells, or nobody."""
        return None

    def conditions(self) -> Tensor | None:
        """(pictures, num_classes) float, multi-hot, kept as bytes; None where nothing is known of the pictures."""
        numbers = self.class_numbers()
        return None if numbers is None else from_numbers(numbers, self.num_classes)

    def pictures(self) -> Column:
        """The pictures as uint8 (N, 3, H, W), in the order of the conditions."""
        return self.images(self.paths())

    def more_columns(self) -> dict[str, Tensor]:
        """What else is known of each picture, by its name in a batch."""
        return {}

    @abstractmethod
    def split_rows(self) -> tuple[Tensor, Tensor]:
        """Rows of the training and of the held-out pictures."""

    @abstractmethod
    def lists(self) -> dict[str, Tensor]:
        """The conditions to draw in a test, (N, num_classes), by the name of their list."""

    def has_pictures(self) -> bool:
        """Whether a test can compare with real pictures; it goes without where nobody put or named any."""
        return True

    def read_files(self) -> list[Path]:
        paths = self.paths()
        fingerprint(paths, self.image_size)  # names those that are missing
        self._labels()
        self.split_rows()
        self.lists()
        return paths

    def prepare_data(self) -> None:
        """Builds the array file once a machine, before the ranks of a distributed run need it."""
        if self._needs_pictures(self.trainer.state.fn if self.trainer else "fit"):
            for line in self.remarks():
                self.tell(line)
            self.memory_map(self.paths())

    def setup(self, stage: str) -> None:
        if self._needs_pictures(stage):
            self.train_rows, self.val_rows = self.split_rows()
            self.columns: dict[str, Column] = {"image": self.pictures()}
            self.columns |= self._labels() | self.more_columns()
        if stage in ("test", "predict"):
            self.asked = self.lists()

    def _labels(self) -> dict[str, Tensor]:
        """What is known of each picture's classes, as it is kept in memory."""
        if (numbers := self.class_numbers()) is not None:
            return {"classes": numbers}
        conditions = self.conditions()
        return {} if conditions is None else {"condition": conditions.to(torch.uint8)}

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        if (numbers := batch.pop("classes", None)) is not None:
            batch["condition"] = from_numbers(numbers, self.num_classes)
        elif "condition" in batch:
            batch["condition"] = batch["condition"].float()
        return super().on_after_batch_transfer(batch, dataloader_idx)

    def train_dataloader(self) -> Any:
        return self.loader(self.columns, self.train_rows, train=True)

    def val_dataloader(self) -> ArrayLoader:
        return self.loader(self.columns, self.val_rows, train=False)

    def test_dataloader(self) -> list[ArrayLoader | Named]:
        """The held-out pictures, where there are any, and then the lists."""
        pictures = self.test_pictures() if hasattr(self, "columns") else []
        return [*pictures, *self._listed()]

    def test_pictures(self) -> Sequence[ArrayLoader | Named]:
        """The real pictures of a test."""
        return [self.val_dataloader()]

    def predict_dataloader(self) -> list[Named]:
        """One loader a list; each holds one batch, the whole list. Without lists, one that asks for 25 pictures."""
        return self._listed() or [Named("samples", [{"count": 25}])]

    def _listed(self) -> list[Named]:
        return [Named(name, [{"condition": condition}]) for name, condition in self.asked.items()]

    def preview_batch(self, size: int = 32) -> Batch:
        """The first held-out pictures and conditions, for sample grids: the same in every run with this seed."""
        return self.on_after_batch_transfer(take(self.columns, self.val_rows[:size]), 0)

    def condition_files(self, taken: Sequence[str] = ()) -> list[Path]:
        """The files of `test_conditions`, by whose names scores are kept.

        Raises:
            DataError: two of one name, or one of a name that is `taken`.
        """
        given = [Path(name).expanduser() for name in self.test_conditions]
        files = [path if path.is_absolute() or path.exists() else self.root / path for path in given]
        names = [*(path.stem for path in files), *taken]
        if len(set(names)) < len(names):
            raise DataError(
                f"data.test_conditions names two lists alike: {', '.join(names)} ({', '.join(map(str, files))}); "
                "scores are kept by file name, so rename one"
            )
        return files

    def _needs_pictures(self, stage: str | None) -> bool:
        return stage in ("fit", "validate") or (stage == "test" and self.has_pictures())


def from_numbers(numbers: Tensor, num_classes: int) -> Tensor:
    """(B, K) class numbers, -1 for none -> (B, num_classes) multi-hot, on their device."""
    hot = torch.zeros(len(numbers), num_classes + 1, device=numbers.device)
    return hot.scatter_(1, numbers.long() % (num_classes + 1), 1)[:, :num_classes]  # -1 is the last one, cut off


def split(count: int, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of the training and of the held-out part, in file order; `fraction` of them is held out: at least two, which
    distances between sets of pictures need, or one of fewer than four.

    Raises:
        DataError: with fewer than two pictures, one part would be empty.
    """
    if count < 2:
        raise DataError(f"{count} picture(s); at least 2 are needed, one of them to hold out")
    held_out = min(max(2 if count >= 4 else 1, round(fraction * count)), count - 1)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order[held_out:].sort().values, order[:held_out].sort().values
