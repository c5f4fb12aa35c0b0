"""Anybody's pictures: a folder of them, with or without labels."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from data_modules.errors import DataError
from data_modules.folder_table import PictureTable, read_table
from data_modules.iclevr_files import multi_hot, read_conditions
from data_modules.labelled import HELD_OUT, LabelledImages, split
from data_modules.loader import Named
from data_modules.pictures import Fit

LISTED = 32


class ImageFolder(LabelledImages):
    """Pictures of a folder and the folders in it, for every model; the batches are those of LabelledImages.

    Where `root` has a folder `train/`, the pictures of `train/`, `val/` and `test/` are for training, validation and
    test; without `val/`, a share of the training pictures is held out, by the seed, for validation. Without labels
    there is one class, "picture". A test draws for as many pictures of each class ("classes") and for the labels of
    held-out pictures ("held_out").

    Args:
        root: the folder.
        labels: "auto": the first that is there, in root or beside the pictures of each part: `metadata.csv`,
            `metadata.jsonl`, `train.json` (file name -> list of names), or else class folders, where all pictures are
            in two or more folders. "folders"; "none" (batches have no condition); or the name of such a file.
        columns: of a metadata file, those that are labels; None: all. See `folder_labels.read_labels`.
        fit: what happens to pictures that are not square: "crop" takes the middle, "pad" adds edges, "squash" changes
            their shape.
        images: folder of the pictures, absolute or relative to root; None: root.
        val_fraction: share of the training pictures held out; at least two of them.
        test_conditions: JSON files, each a list of lists of class names, to draw in a test.
        options: see ImageDataModule.

    Raises:
        DataError: one line that names the file, line or value at fault.
    """

    def __init__(
        self,
        root: str,
        labels: str = "auto",
        columns: Sequence[str] | None = None,
        fit: Fit = "crop",
        images: str | None = None,
        val_fraction: float = 0.05,
        test_conditions: Sequence[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(root, images=images, val_fraction=val_fraction, test_conditions=test_conditions, **options)
        if fit not in get_args(Fit):
            raise DataError(f"data.fit is {fit!r}; expected one of {', '.join(get_args(Fit))}")
        self.fit = fit
        self.labels = labels
        self.label_columns = columns

    @cached_property
    def table(self) -> PictureTable:
        """The pictures and their labels."""
        return read_table(self.root, self.image_dir, self.labels, self.label_columns)

    @property
    def class_names(self) -> list[str]:
        return self.table.classes

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def class_groups(self) -> dict[str, list[int]]:
        """The classes of the folders, or of each column of which every picture has one value."""
        index = {name: i for i, name in enumerate(self.table.classes)}
        return {group: [index[name] for name in names] for group, names in self.table.groups.items()}

    def paths(self) -> list[Path]:
        return self.table.paths

    def conditions(self) -> Tensor | None:
        return torch.from_numpy(self.table.conditions) if self.labels != "none" else None

    def split_rows(self) -> tuple[Tensor, Tensor]:
        rows = {part: torch.arange(found.start, found.stop) for part, found in self.table.rows.items()}
        if "val" in rows:
            return rows["train"], rows["val"]
        return split(len(rows["train"]), self.val_fraction, self.seed)

    def lists(self) -> dict[str, Tensor]:
        if self.labels == "none":
            return {}
        index = {name: i for i, name in enumerate(self.class_names)}
        files = self.condition_files(taken=["classes", HELD_OUT])
        held_out = torch.from_numpy(self.table.conditions)[self._compared_rows()]
        return {
            **{
                path.stem: torch.from_numpy(multi_hot(read_conditions(path, index, "the classes"), index))
                for path in files
            },
            "classes": torch.eye(self.num_classes),
            HELD_OUT: held_out[held_out.any(dim=1)][:LISTED],
        }

    def has_pictures(self) -> bool:
        return True

    def test_pictures(self) -> list[Named]:
        """Those of `test/`; without it the held-out ones, or in a test without labels those of the training."""
        unseen = self.labels != "none" or "test" in self.table.rows
        rows = self._compared_rows() if unseen else self.train_rows
        name = HELD_OUT if self.labels != "none" else "test" if unseen else "train"
        return [Named(name, self.loader(self.columns, rows, train=False))]

    def remarks(self) -> list[str]:
        return self.table.remarks

    def _compared_rows(self) -> Tensor:
        test = self.table.rows.get("test")
        return self.split_rows()[1] if test is None else torch.arange(test.start, test.stop)
