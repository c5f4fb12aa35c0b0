"""iCLEVR: pictures of 1 to 3 objects with the list of what is in them."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data_modules.base import DeviceResident, ImageDataModule
from data_modules.errors import DataError
from data_modules.iclevr_files import image_folder, multi_hot, read_conditions, read_objects, read_train, scene_of
from data_modules.loader import ArrayLoader, Batch, Column, take


class ICLEVR(ImageDataModule):
    """Training pictures with multi-hot conditions, held-out scenes for validation, condition lists for testing.

    Batches: training and validation `{"image": (B, 3, H, W) float in [-1, 1], "condition": (B, num_classes) float}`;
    test and predict one batch a list, `{"condition": (B, num_classes), "name": "<list name>"}`; a test has the
    validation batches before them where there are pictures.

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
        super().__init__(root, image_size, batch_size, eval_batch_size, flip, seed, device_resident, cache_dir, workers)
        if not 0 < val_fraction < 1:
            raise DataError(f"data.val_fraction is {val_fraction}; expected a share between 0 and 1, for example 0.05")
        self.image_dir = images
        self.val_fraction = val_fraction
        self.test_conditions = list(test_conditions)

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

    def prepare_data(self) -> None:
        """Builds the array file once a machine, before the ranks of a distributed run need it."""
        stage = self.trainer.state.fn if self.trainer else "fit"
        if stage in ("fit", "validate") or (stage == "test" and self._has_pictures()):
            self.images(self._read_train()[0])

    def setup(self, stage: str) -> None:
        if stage in ("fit", "validate") or (stage == "test" and self._has_pictures()):
            paths, names = self._read_train()
            self.train_rows, self.val_rows = split_by_scene([path.name for path in paths], self.val_fraction, self.seed)
            self.columns: dict[str, Column] = {
                "image": self.images(paths),
                "condition": torch.from_numpy(multi_hot(names, self.objects)),
            }
        if stage in ("test", "predict"):
            self.conditions = {path.stem: read_conditions(path, self.objects) for path in self._condition_files()}

    def train_dataloader(self) -> ArrayLoader:
        return self.loader(self.columns, self.train_rows, train=True)

    def val_dataloader(self) -> ArrayLoader:
        return self.loader(self.columns, self.val_rows, train=False)

    def test_dataloader(self) -> list["ArrayLoader | OneBatch"]:
        """The held-out pictures, where there are any, and then the condition lists."""
        return [*([self.val_dataloader()] if hasattr(self, "columns") else []), *self.predict_dataloader()]

    def predict_dataloader(self) -> list["OneBatch"]:
        """One loader a condition list; each holds one batch, the whole list."""
        return [
            OneBatch({"condition": torch.from_numpy(multi_hot(names, self.objects)), "name": name})
            for name, names in self.conditions.items()
        ]

    def preview_batch(self, size: int = 32) -> Batch:
        """The first held-out pictures and conditions, for sample grids: the same in every run with this seed."""
        return self.on_after_batch_transfer(take(self.columns, self.val_rows[:size]), 0)

    def _has_pictures(self) -> bool:
        """Whether a test can compare with real pictures; it goes without where nobody put or named any."""
        if self.image_dir is not None:
            return True
        try:
            image_folder(self.root)
        except DataError:
            return False
        return (self.root / "train.json").is_file()

    def _read_train(self) -> tuple[list[Path], list[list[str]]]:
        return read_train(self.root, self.objects, image_folder(self.root, self.image_dir))

    def _condition_files(self) -> list[Path]:
        given = [Path(name).expanduser() for name in self.test_conditions]
        files = [path if path.is_absolute() or path.exists() else self.root / path for path in given]
        if len({path.stem for path in files}) < len(files):
            raise DataError(
                f"data.test_conditions names two lists alike: {', '.join(map(str, files))}; "
                "scores are kept by file name, so rename one"
            )
        return files


class OneBatch:
    """A loader of a single batch. (A plain list would do, if Lightning did not take it for several loaders.)"""

    def __init__(self, batch: dict[str, Any]) -> None:
        self.batch = batch

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield self.batch


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
