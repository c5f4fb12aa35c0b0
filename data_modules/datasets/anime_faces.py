"""Anime faces, alone or with one hair and one eye colour each (NTU MLDS 2018, homework 3)."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from data_modules.anime_files import face_folder, faces, tagged_faces
from data_modules.datasets.labelled import HELD_OUT, LabelledData, split
from data_modules.errors import DataError, one_of
from data_modules.files import list_pictures
from data_modules.loader import ArrayLoader, Named
from data_modules.tags import (
    EYES,
    HAIR,
    Pair,
    TagOrder,
    all_pairs,
    read_requests,
    read_tags,
    tag_names,
    tag_numbers,
    tag_vectors,
)

Split = Literal["all", "train", "held_out"]


class AnimeFacesData(LabelledData):
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
        options: see ImageData.

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
        even_tags: float = 0.0,
        val_fraction: float = 0.05,
        test_split: Split = "train",
        test_images: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(root, images=images, val_fraction=val_fraction, test_conditions=(), **options)
        if not 0 <= even_tags <= 1:
            raise DataError(f"data.even_tags is {even_tags}; expected 0 (as the faces are) to 1 (all pairs alike)")
        if even_tags and tags is None:
            raise DataError(f"data.even_tags is {even_tags}, and there are no tags; give data.tags, or leave it out")
        one_of("test_split", test_split, get_args(Split))
        if test_images is not None and test_images < 2:
            raise DataError(f"data.test_images is {test_images}; expected None for all, or at least 2")
        self.tag_file = tags
        self.tag_order = tag_order
        tag_names(tag_order)  # refuses another order
        self.testing_tags = testing_tags
        self.even_tags = even_tags
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

    def paths(self) -> list[Path]:
        return self._found[0]

    def class_numbers(self) -> Tensor | None:
        return None if self.tag_file is None else torch.from_numpy(tag_numbers(self._found[1], self.tag_order))

    def split_rows(self) -> tuple[Tensor, Tensor]:
        return split(len(self.paths()), self.val_fraction, self.seed)

    def lists(self) -> dict[str, Tensor]:
        if self.tag_file is None:
            return {}
        requests = {"all_pairs": all_pairs()}
        if self.testing_tags is not None:
            file = self.root / Path(self.testing_tags).expanduser()
            if file.stem in (*get_args(Split), "all_pairs"):
                raise DataError(f"{file}: scores are kept by file name, and {file.stem} is taken; rename it")
            requests = {file.stem: read_requests(file), **requests}
        return {name: torch.from_numpy(tag_vectors(pairs, self.tag_order)) for name, pairs in requests.items()}

    def remarks(self) -> list[str]:
        return self._found[2]

    def test_pictures(self) -> list[Named]:
        compared = Named(self.test_split, self.loader(self.columns, self._compared_rows(), train=False))
        if self.tag_file is None or self.test_split == HELD_OUT:
            return [compared]
        return [compared, Named(HELD_OUT, self.val_dataloader())]

    def train_dataloader(self) -> ArrayLoader:
        weights = None
        if self.even_tags:
            pairs = self.columns["classes"][self.train_rows]
            _, pair, faces_of = pairs.unique(dim=0, return_inverse=True, return_counts=True)
            weights = faces_of[pair].double() ** -self.even_tags
        return self.loader(self.columns, self.train_rows, train=True, weights=weights)

    @cached_property
    def _found(self) -> tuple[list[Path], list[Pair], list[str]]:
        """The pictures that are used, with a tag file their tags, and what is to be said about the files."""
        folder = face_folder(self.root, self.image_dir)
        remarks = [remark] if (remark := list_pictures(folder).remark()) else []
        pictures = faces(folder)
        if self.tag_file is None:
            return list(pictures.values()), [], remarks
        tags = read_tags(self.root / Path(self.tag_file).expanduser())
        tagged = tagged_faces(pictures, tags)
        return list(tagged), list(tagged.values()), [*remarks, *([str(tags)] if tags.skipped else [])]

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
