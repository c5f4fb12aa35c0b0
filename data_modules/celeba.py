"""Faces with attributes, in the layout of CelebA or CelebA-HQ."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from data_modules.anime_faces import split
from data_modules.base import DeviceResident, ImageDataModule
from data_modules.celeba_files import AttributeTable, attribute_file, image_folder, read_attributes
from data_modules.errors import DataError
from data_modules.iclevr import OneBatch
from data_modules.iclevr_files import multi_hot, read_conditions
from data_modules.loader import ArrayLoader, Batch, Column, take

HELD_OUT = "held_out"


class CelebA(ImageDataModule):
    """Training faces with multi-hot attributes, held-out faces for validation, lists of attributes for testing.

    The largest centred square of each picture (178x178 of CelebA's 178x218) is resized to `image_size`. Pictures are
    held out one by one: CelebA has several of most people, and a held-out one may show someone seen in training.

    Batches: training and validation `{"image": (B, 3, H, W) float in [-1, 1], "condition": (B, num_classes) float, 1
    where the attribute is present}`; test and predict one batch a list, `{"condition": (N, num_classes), "name":
    "<list name>"}`: a list for each file of `test_conditions`, and "held_out"; a test has the validation batches before
    them where there are pictures.

    Args:
        root: folder with the attribute file and the pictures.
        attributes: names of the attributes that make up the condition, in this order; None: all of them (40).
        attribute_file: absolute or relative to root; found by itself when it is `list_attr_celeba.txt` or
            `CelebAMask-HQ-attribute-anno.txt`.
        images: folder of the pictures, absolute or relative to root; found by itself when it is `img_align_celeba/`,
            `CelebA-HQ-img/`, `images/` or root.
        val_fraction: share of the pictures held out.
        test_conditions: JSON files, each a list of lists of attribute names; relative paths are looked up in the
            current folder, then in root. A list is called by its file name without the ending.
        held_out_conditions: the list "held_out" has the attributes of so many held-out pictures; 0: no such list.
        image_size, batch_size, eval_batch_size, flip, seed, device_resident, cache_dir, workers: see ImageDataModule.

    Raises:
        DataError: one line that names the file and line at fault.
    """

    def __init__(
        self,
        root: str,
        attributes: Sequence[str] | None = None,
        attribute_file: str | None = None,
        images: str | None = None,
        image_size: int = 64,
        batch_size: int = 64,
        eval_batch_size: int = 128,
        flip: bool = True,
        val_fraction: float = 0.05,
        test_conditions: Sequence[str] = (),
        held_out_conditions: int = 32,
        seed: int = 0,
        device_resident: DeviceResident = "auto",
        cache_dir: str | None = None,
        workers: int | None = None,
    ) -> None:
        super().__init__(root, image_size, batch_size, eval_batch_size, flip, seed, device_resident, cache_dir, workers)
        if not 0 < val_fraction < 1:
            raise DataError(f"data.val_fraction is {val_fraction}; expected a share between 0 and 1, for example 0.05")
        if held_out_conditions < 0 or (held_out_conditions == 0 and not test_conditions):
            raise DataError(
                f"data.held_out_conditions is {held_out_conditions}; expected 1 or more, or 0 with data.test_conditions"
            )
        self.attributes = None if attributes is None else list(attributes)
        self.attribute_file = attribute_file
        self.image_dir = images
        self.val_fraction = val_fraction
        self.test_conditions = list(test_conditions)
        self.held_out_conditions = held_out_conditions

    @cached_property
    def table(self) -> AttributeTable:
        """The whole attribute file."""
        return read_attributes(attribute_file(self.root, self.attribute_file))

    @property
    def class_names(self) -> list[str]:
        """The attributes of the condition, in its order."""
        return [self.table.names[column] for column in self.table.columns(self.attributes)]

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def prepare_data(self) -> None:
        """Builds the array file once a machine, before the ranks of a distributed run need it."""
        stage = self.trainer.state.fn if self.trainer else "fit"
        if stage in ("fit", "validate") or (stage == "test" and self._has_pictures()):
            self.images(self._paths(), crop=True)

    def setup(self, stage: str) -> None:
        present = self.table.present[:, self.table.columns(self.attributes)].astype(np.float32)
        self.train_rows, self.val_rows = split(len(present), self.val_fraction, self.seed)
        if stage in ("fit", "validate") or (stage == "test" and self._has_pictures()):
            self.columns: dict[str, Column] = {
                "image": self.images(self._paths(), crop=True),
                "condition": torch.from_numpy(present),
            }
        if stage in ("test", "predict"):
            index = {name: i for i, name in enumerate(self.class_names)}
            self.conditions = {
                path.stem: torch.from_numpy(multi_hot(read_conditions(path, index, "data.attributes"), index))
                for path in self._condition_files()
            }
            if self.held_out_conditions:
                rows = self.val_rows[: self.held_out_conditions]
                self.conditions[HELD_OUT] = torch.from_numpy(present[rows.numpy()])

    def train_dataloader(self) -> ArrayLoader:
        return self.loader(self.columns, self.train_rows, train=True)

    def val_dataloader(self) -> ArrayLoader:
        return self.loader(self.columns, self.val_rows, train=False)

    def test_dataloader(self) -> list[ArrayLoader | OneBatch]:
        """The held-out pictures, where there are any, and then the lists of attributes."""
        return [*([self.val_dataloader()] if hasattr(self, "columns") else []), *self.predict_dataloader()]

    def predict_dataloader(self) -> list[OneBatch]:
        """One loader a list; each holds one batch, the whole list."""
        return [OneBatch({"condition": condition, "name": name}) for name, condition in self.conditions.items()]

    def preview_batch(self, size: int = 32) -> Batch:
        """The first held-out pictures and attributes, for sample grids: the same in every run with this seed."""
        return self.on_after_batch_transfer(take(self.columns, self.val_rows[:size]), 0)

    def _has_pictures(self) -> bool:
        """Whether a test can compare with real pictures; it goes without where nobody put or named any."""
        if self.image_dir is not None:
            return True
        try:
            image_folder(self.root)
        except DataError:
            return False
        return True

    def _paths(self) -> list[Path]:
        folder = image_folder(self.root, self.image_dir)
        return [folder / name for name in self.table.images]

    def _condition_files(self) -> list[Path]:
        given = [Path(name).expanduser() for name in self.test_conditions]
        files = [path if path.is_absolute() or path.exists() else self.root / path for path in given]
        names = [path.stem for path in files] + [HELD_OUT] * (self.held_out_conditions > 0)
        if len(set(names)) < len(names):
            raise DataError(
                f"data.test_conditions names two lists alike: {', '.join(names)}; scores are kept by name, so rename a "
                "file"
            )
        return files
