"""Faces with attributes, in the layout of CelebA or CelebA-HQ."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data_modules.celeba_files import AttributeTable, attribute_file, image_folder, read_attributes
from data_modules.datasets.labelled import HELD_OUT, LabelledData, split
from data_modules.errors import DataError
from data_modules.files import is_found
from data_modules.iclevr_files import multi_hot, read_conditions
from data_modules.pictures import Fit


class CelebAData(LabelledData):
    """Training faces with multi-hot attributes, held-out faces for validation, lists of attributes for testing; the
    batches are those of LabelledData. The lists are one for each file of `test_conditions`, and "held_out".

    The largest centred square of each picture (178x178 of CelebA's 178x218) is resized to `image_size`. Pictures are
    held out one by one: CelebA has several of most people, and a held-out one may show someone seen in training.

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
        options: see ImageData.

    Raises:
        DataError: one line that names the file and line at fault.
    """

    fit: Fit = "crop"

    def __init__(
        self,
        root: str,
        attributes: Sequence[str] | None = None,
        attribute_file: str | None = None,
        images: str | None = None,
        flip: bool = True,
        val_fraction: float = 0.05,
        test_conditions: Sequence[str] = (),
        held_out_conditions: int = 32,
        **options: Any,
    ) -> None:
        super().__init__(
            root, images=images, val_fraction=val_fraction, test_conditions=test_conditions, flip=flip, **options
        )
        if held_out_conditions < 0 or (held_out_conditions == 0 and not test_conditions):
            raise DataError(
                f"data.held_out_conditions is {held_out_conditions}; expected 1 or more, or 0 with data.test_conditions"
            )
        self.attributes = None if attributes is None else list(attributes)
        self.attribute_file = attribute_file
        self.held_out_conditions = held_out_conditions

    @cached_property
    def table(self) -> AttributeTable:
        """The whole attribute file."""
        return read_attributes(attribute_file(self.root, self.attribute_file))

    @property
    def class_names(self) -> list[str]:
        """The attributes of the condition, in its order."""
        return [self.table.names[column] for column in self.table.columns(self.attributes)]

    def paths(self) -> list[Path]:
        folder = image_folder(self.root, self.image_dir)
        return [folder / name for name in self.table.images]

    def conditions(self) -> Tensor:
        return torch.from_numpy(self.table.present[:, self.table.columns(self.attributes)].astype(np.float32))

    def split_rows(self) -> tuple[Tensor, Tensor]:
        return split(len(self.table.images), self.val_fraction, self.seed)

    def lists(self) -> dict[str, Tensor]:
        index = {name: i for i, name in enumerate(self.class_names)}
        files = self.condition_files(taken=[HELD_OUT] if self.held_out_conditions else [])
        lists = {
            path.stem: torch.from_numpy(multi_hot(read_conditions(path, index, "data.attributes"), index))
            for path in files
        }
        if self.held_out_conditions:
            lists[HELD_OUT] = self.conditions()[self.split_rows()[1][: self.held_out_conditions]]
        return lists

    def has_pictures(self) -> bool:
        return self.image_dir is not None or is_found(image_folder, self.root)
