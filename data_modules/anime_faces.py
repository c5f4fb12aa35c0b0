"""Anime faces, alone or with one hair and one eye colour each (NTU MLDS 2018, homework 3)."""

from pathlib import Path
from typing import Literal, get_args

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from data_modules.anime_files import face_folder, faces, tagged_faces
from data_modules.base import DeviceResident, ImageDataModule
from data_modules.errors import DataError
from data_modules.files import list_pictures
from data_modules.labelled import split
from data_modules.loader import ArrayLoader, Batch, Column, Named, take
from data_modules.tags import EYES, HAIR, Pair, TagOrder, all_pairs, read_requests, read_tags, tag_names, tag_vectors

Split = Literal["all", "train", "held_out"]


class AnimeFaces(ImageDataModule):
    """Faces for training, some held out; what a test compares with and draws.

    Batches: training and validation `{"image": (B, 3, H, W) float in [-1, 1]}`, and with `tags` also
    `"condition": (B, 23) float`, the one-hot hair colour followed by the one-hot eye colour.

    A test gets batches of the pictures to compare with, named after `test_split`; with tags also `{..., "name":
    "held_out"}` batches of the pictures that no training saw, and one `{"condition": (N, 23), "name": ...}` batch for
    the testing tags and one for all 132 pairs of colours ("all_pairs"). Prediction: those two, or without tags
    `{"count": 25, "name": "samples"}`.

    Args:
        root: folder with `faces/` and the tag files.
        tags: a tag file such as `tags.csv` or `tags_clean.csv` (see tags.py), absolute or relative to root; then only
            the pictures with exactly one hair and one eye colour are used. None: all pictures, without tags.
        tag_order: order of the tag vector: the course's, or that of the alphabet.
        testing_tags: the tags to draw in a test, absolute or relative to root; None for none.
        images: folder of the pictures, absolute or relative to root; found by itself when it is `faces/`, `images/` or
            root.
        even_tags: how far training evens out how often the pairs of colours come: 0, as often as there are faces; 1,
            all pairs alike, so that a rare one's few faces come again and again; between, n ** (1 - even_tags) times
            for a pair of n faces.
        val_fraction: share of the pictures held out.
        test_split: the pictures that a test compares with.
        test_images: at most as many of them, an even choice; None for all.
        image_size, batch_size, eval_batch_size, flip, seed, device_resident, cache_dir, workers: see ImageDataModule.

    Raises:
        DataError: one line that names the file and line at fault.
    """

    def __init__(
        self,
        root: str,
        tags: str | None = None,
        tag_order: TagOrder = "course",
        testing_tags: str | None = "testing_tags.txt",
        images: str | None = None,
        image_size: int = 64,
        batch_size: int = 64,
        eval_batch_size: int = 128,
        flip: bool = False,
        even_tags: float = 0.0,
        val_fraction: float = 0.05,
        test_split: Split = "train",
        test_images: int | None = None,
        seed: int = 0,
        device_resident: DeviceResident = "auto",
        cache_dir: str | None = None,
        workers: int | None = None,
    ) -> None:
        super().__init__(root, image_size, batch_size, eval_batch_size, flip, seed, device_resident, cache_dir, workers)
        if not 0 < val_fraction < 1:
            raise DataError(f"data.val_fraction is {val_fraction}; expected a share between 0 and 1, for example 0.05")
        if not 0 <= even_tags <= 1:
            raise DataError(f"data.even_tags is {even_tags}; expected 0 (as the faces are) to 1 (all pairs alike)")
        if even_tags and tags is None:
            raise DataError(f"data.even_tags is {even_tags}, and there are no tags; give data.tags, or leave it out")
        if test_split not in get_args(Split):
            raise DataError(f"data.test_split is {test_split!r}; expected one of {', '.join(get_args(Split))}")
        if test_images is not None and test_images < 2:
            raise DataError(f"data.test_images is {test_images}; expected None for all, or at least 2")
        self.tag_file = tags
        self.tag_order = tag_order
        tag_names(tag_order)  # refuses another order
        self.testing_tags = testing_tags
        self.image_dir = images
        self.even_tags = even_tags
        self.val_fraction = val_fraction
        self.test_split = test_split
        self.test_images = test_images

    @property
    def class_names(self) -> list[str]:
        """The tags in the order of the tag vector."""
        return tag_names(self.tag_order)

    @property
    def class_groups(self) -> dict[str, list[int]]:
        """Where the hair and where the eye colours are in the tag vector."""
        return {"hair": list(range(len(HAIR))), "eyes": list(range(len(HAIR), len(HAIR) + len(EYES)))}

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def read_files(self) -> list[Path]:
        paths, _ = self._read()
        split(len(paths), self.val_fraction, self.seed)
        if self.tag_file is not None:
            self._read_requests()
        return paths

    def prepare_data(self) -> None:
        """Builds the array file once a machine, before the ranks of a distributed run need it."""
        if self.trainer is None or self.trainer.state.fn != "predict":
            self.memory_map(self._read(report=True)[0])

    def setup(self, stage: str) -> None:
        if stage != "predict":
            paths, pairs = self._read()
            self.train_rows, self.val_rows = split(len(paths), self.val_fraction, self.seed)
            self.columns: dict[str, Column] = {"image": self.images(paths)}
            if self.tag_file is not None:
                self.columns["condition"] = torch.from_numpy(tag_vectors(pairs, self.tag_order))
        if stage in ("test", "predict"):
            self.requests = self._read_requests() if self.tag_file is not None else {}

    def train_dataloader(self) -> ArrayLoader:
        weights = None
        if self.even_tags:
            pairs = self.columns["condition"][self.train_rows]
            _, pair, faces_of = pairs.unique(dim=0, return_inverse=True, return_counts=True)
            weights = faces_of[pair].double() ** -self.even_tags
        return self.loader(self.columns, self.train_rows, train=True, weights=weights)

    def val_dataloader(self) -> ArrayLoader:
        return self.loader(self.columns, self.val_rows, train=False)

    def test_dataloader(self) -> list["Named"]:
        loaders = [Named(self.test_split, self.loader(self.columns, self._compared_rows(), train=False))]
        if self.tag_file is not None and self.test_split != "held_out":
            loaders.append(Named("held_out", self.val_dataloader()))
        return [*loaders, *self._requested()]

    def predict_dataloader(self) -> list["Named"]:
        return self._requested() if self.tag_file is not None else [Named("samples", [{"count": 25}])]

    def preview_batch(self, size: int = 32) -> Batch:
        """The first held-out pictures, for sample grids: the same in every run with this seed."""
        return self.on_after_batch_transfer(take(self.columns, self.val_rows[:size]), 0)

    def _read(self, report: bool = False) -> tuple[list[Path], list[Pair]]:
        """The pictures that are used and, with a tag file, their tags."""
        folder = face_folder(self.root, self.image_dir)
        if report and (remark := list_pictures(folder).remark()):
            rank_zero_info(remark)
        pictures = faces(folder)
        if self.tag_file is None:
            return list(pictures.values()), []
        tags = read_tags(self.root / Path(self.tag_file).expanduser())
        tagged = tagged_faces(pictures, tags)
        if report and tags.skipped:
            rank_zero_info(tags)
        return list(tagged), list(tagged.values())

    def _read_requests(self) -> dict[str, list[Pair]]:
        requests = {"all_pairs": all_pairs()}
        if self.testing_tags is None:
            return requests
        file = self.root / Path(self.testing_tags).expanduser()
        if file.stem in (*get_args(Split), "all_pairs"):
            raise DataError(f"{file}: scores are kept by file name, and {file.stem} is taken; rename it")
        return {file.stem: read_requests(file), **requests}

    def _requested(self) -> list["Named"]:
        return [
            Named(name, [{"condition": torch.from_numpy(tag_vectors(pairs, self.tag_order))}])
            for name, pairs in self.requests.items()
        ]

    def _compared_rows(self) -> Tensor:
        rows = {
            "train": self.train_rows,
            "held_out": self.val_rows,
            "all": torch.cat([self.train_rows, self.val_rows]).sort().values,
        }[self.test_split]
        if self.test_images is None or self.test_images >= len(rows):
            return rows
        picks = torch.randperm(len(rows), generator=torch.Generator().manual_seed(self.seed))[: self.test_images]
        return rows[picks.sort().values]
