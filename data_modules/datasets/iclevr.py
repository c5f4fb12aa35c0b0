"""iCLEVR: pictures of 1 to 3 objects with the list of what is in them."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data_modules.datasets.labelled import LabelledData
from data_modules.errors import DataError
from data_modules.files import is_found
from data_modules.iclevr_files import (
    colours_and_shapes,
    image_folder,
    multi_hot,
    ranks,
    read_conditions,
    read_objects,
    read_train,
    scene_of,
)
from data_modules.iclevr_places import FILE as PLACES_FILE
from data_modules.iclevr_places import SIDE, cached_place_table, need_most, place_table, read_places
from data_modules.loader import Batch


class ICLEVRData(LabelledData):
    """Training pictures with multi-hot conditions, held-out scenes for validation, condition lists for testing.

    The batches are those of LabelledData, of pictures with one more column: `"order": (B, num_classes) int16`, the
    rank of each object in the list of `train.json` (1 for the first, 0 for what is not there). That is the order in
    which the objects were put into the scene: the first one stands in the middle. With `places` there is `"place": (B,
    num_classes, 2) float` too: x (from the left) and y (from the top) of the object's middle in [0, 1), mirrored with
    the picture, NaN for what is not there and where it was not found.

    Args:
        root: folder with `objects.json`, `train.json`, the condition lists and the images.
        images: folder of the images, absolute or relative to root; found by itself when it is `images/`, `iclevr/` or
            root.
        val_fraction: share of the *scenes* held out for validation. All images of a scene stay on one side, because
            they show the same first objects.
        held_out_digit: hold out the scenes whose number ends in this digit instead, whatever the seed: a tenth of them,
            the same for every training that is to be compared.
        test_conditions: JSON files, each a list of lists of object names; relative paths are looked up in the current
            folder, then in root. A list is called by its file name without the ending.
        places: tell where the objects stand: read from root's `places.json`, which rendered scenes have, or found in
            the pictures (see iclevr_places.py).
        options: see ImageData.

    Raises:
        DataError: one line that names the file and key at fault.
    """

    def __init__(
        self,
        root: str,
        images: str | None = None,
        val_fraction: float = 0.05,
        held_out_digit: int | None = None,
        test_conditions: Sequence[str] = ("test.json", "new_test.json"),
        places: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(root, images=images, val_fraction=val_fraction, test_conditions=test_conditions, **options)
        if held_out_digit is not None and held_out_digit not in range(10):
            raise DataError(f"data.held_out_digit is {held_out_digit}; expected 0 to 9, or null for data.val_fraction")
        self.held_out_digit = held_out_digit
        self.places = places

    @cached_property
    def objects(self) -> dict[str, int]:
        """Object name -> class index, from objects.json."""
        return read_objects(self.root)

    @property
    def class_names(self) -> list[str]:
        """Object names in the order of their indices."""
        return sorted(self.objects, key=self.objects.__getitem__)

    @property
    def class_properties(self) -> dict[str, dict[str, list[int]]]:
        """The classes of each colour and of each shape."""
        return colours_and_shapes(self.class_names)

    @property
    def num_classes(self) -> int:
        return len(self.objects)

    def paths(self) -> list[Path]:
        return self._train[0]

    def conditions(self) -> Tensor:
        return torch.from_numpy(multi_hot(self._train[1], self.objects))

    def more_columns(self) -> dict[str, Tensor]:
        order = {"order": torch.from_numpy(ranks(self._train[1], self.objects)).to(torch.int16)}
        return {**order, "place": torch.from_numpy(self.place_table())} if self.places else order

    def place_table(self, report: bool = False) -> NDArray[np.float32]:
        """(pictures, num_classes, 2), see the batches' "place".

        Raises:
            DataError: a faulty places.json, or pictures in which fewer than half of the objects are found.
        """
        paths, names = self._train
        if (file := self.root / PLACES_FILE).exists():
            return place_table(read_places(file, [path.name for path in paths], names), names, self.objects)
        table = cached_place_table(self.cache_dir, lambda: self.memory_map(paths, SIDE, 3), paths, names, self.objects)
        found, total = int(np.isfinite(table[..., 0]).sum()), sum(map(len, names))
        need_most(self.root, found, total)
        if report:
            self.tell(f"{self.root}: the places of {found:,} of {total:,} objects were found")
        return np.array(table)

    def prepare_data(self) -> None:
        super().prepare_data()
        if self.places and self._needs_pictures(self.trainer.state.fn if self.trainer else "fit"):
            self.place_table(report=True)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        flip = batch.get("flip")
        batch = super().on_after_batch_transfer(batch, dataloader_idx)
        if flip is not None and "place" in batch:
            x, y = batch["place"].unbind(-1)
            batch["place"] = torch.stack([torch.where(flip[:, None], 1 - x, x), y], dim=-1)
        return batch

    def split_rows(self) -> tuple[Tensor, Tensor]:
        names = [path.name for path in self.paths()]
        if self.held_out_digit is None:
            return split_by_scene(names, self.val_fraction, self.seed)
        return split_by_digit(names, str(self.held_out_digit))

    def lists(self) -> dict[str, Tensor]:
        return {
            path.stem: torch.from_numpy(multi_hot(read_conditions(path, self.objects), self.objects))
            for path in self.condition_files()
        }

    def has_pictures(self) -> bool:
        if self.image_dir is not None:
            return True
        return is_found(image_folder, self.root) and (self.root / "train.json").is_file()

    @cached_property
    def _train(self) -> tuple[list[Path], list[list[str]]]:
        """The files and the names of the objects in each."""
        return read_train(self.root, self.objects, image_folder(self.root, self.image_dir))


def split_by_scene(file_names: Sequence[str], fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of the training and of the validation part; `fraction` of the scenes, at least one, is held out.

    Returns:
        Two index tensors in file order. No scene has rows in both.

    Raises:
        DataError: with fewer than two scenes, one part would be empty.
    """
    of_row = [scene_of(name) for name in file_names]
    scenes = sorted(set(of_row))
    if len(scenes) < 2:
        raise DataError(
            f"train.json lists {len(scenes)} scene(s); at least 2 are needed, one of them to hold out for validation"
        )
    count = min(max(1, round(fraction * len(scenes))), len(scenes) - 1)
    order = torch.randperm(len(scenes), generator=torch.Generator().manual_seed(seed)).tolist()
    held_out = {scenes[i] for i in order[:count]}
    is_held_out = torch.tensor([scene in held_out for scene in of_row])
    return (~is_held_out).nonzero().flatten(), is_held_out.nonzero().flatten()


def split_by_digit(file_names: Sequence[str], digit: str) -> tuple[Tensor, Tensor]:
    """The same, with the scenes held out whose number ends in this digit.

    Raises:
        DataError: no scene does, or all of them.
    """
    is_held_out = torch.tensor([scene_of(name).endswith(digit) for name in file_names])
    if is_held_out.all() or not is_held_out.any():
        found = "all scenes end" if is_held_out.all() else "no scene ends"
        raise DataError(f"data.held_out_digit is {digit}, and {found} in it; take another digit, or data.val_fraction")
    return (~is_held_out).nonzero().flatten(), is_held_out.nonzero().flatten()
