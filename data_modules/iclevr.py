"""iCLEVR: pictures of 1 to 3 objects with the list of what is in them."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from data_modules.base import DeviceResident
from data_modules.errors import DataError
from data_modules.iclevr_files import (
    image_folder,
    multi_hot,
    ranks,
    read_conditions,
    read_objects,
    read_train,
    scene_of,
)
from data_modules.labelled import LabelledImages


class ICLEVR(LabelledImages):
    """Training pictures with multi-hot conditions, held-out scenes for validation, condition lists for testing.

    The batches are those of LabelledImages, of pictures with one more column: `"order": (B, num_classes) int64`, the
    rank of each object in the list of `train.json` (1 for the first, 0 for what is not there). That is the order in
    which the objects were put into the scene: the first one stands in the middle.

    Args:
        root: folder with `objects.json`, `train.json`, the condition lists and the images.
        images: folder of the images, absolute or relative to root; found by itself when it is `images/`, `iclevr/` or
            root.
        val_fraction: share of the *scenes* held out for validation. All images of a scene stay on one side, because
            they show the same first objects.
        test_conditions: JSON files, each a list of lists of object names; relative paths are looked up in the current
            folder, then in root. A list is called by its file name without the ending.
        image_size, batch_size, eval_batch_size, flip, seed, device_resident, cache_dir, workers: see ImageDataModule.

    Raises:
        DataError: one line that names the file and key at fault.
    """

    def __init__(
        self,
        root: str,
        images: str | None = None,
        image_size: int = 64,
        batch_size: int = 64,
        eval_batch_size: int = 128,
        flip: bool = False,
        val_fraction: float = 0.05,
        test_conditions: Sequence[str] = ("test.json", "new_test.json"),
        seed: int = 0,
        device_resident: DeviceResident = "auto",
        cache_dir: str | None = None,
        workers: int | None = None,
    ) -> None:
        super().__init__(
            root,
            images=images,
            val_fraction=val_fraction,
            test_conditions=test_conditions,
            image_size=image_size,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            flip=flip,
            seed=seed,
            device_resident=device_resident,
            cache_dir=cache_dir,
            workers=workers,
        )

    @cached_property
    def objects(self) -> dict[str, int]:
        """Object name -> class index, from objects.json."""
        return read_objects(self.root)

    @property
    def class_names(self) -> list[str]:
        """Object names in the order of their indices."""
        return sorted(self.objects, key=self.objects.__getitem__)

    @property
    def num_classes(self) -> int:
        return len(self.objects)

    def paths(self) -> list[Path]:
        return self._train[0]

    def conditions(self) -> Tensor:
        return torch.from_numpy(multi_hot(self._train[1], self.objects))

    def more_columns(self) -> dict[str, Tensor]:
        return {"order": torch.from_numpy(ranks(self._train[1], self.objects))}

    def split_rows(self) -> tuple[Tensor, Tensor]:
        return split_by_scene([path.name for path in self.paths()], self.val_fraction, self.seed)

    def lists(self) -> dict[str, Tensor]:
        return {
            path.stem: torch.from_numpy(multi_hot(read_conditions(path, self.objects), self.objects))
            for path in self.condition_files()
        }

    def has_pictures(self) -> bool:
        if self.image_dir is not None:
            return True
        try:
            image_folder(self.root)
        except DataError:
            return False
        return (self.root / "train.json").is_file()

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
