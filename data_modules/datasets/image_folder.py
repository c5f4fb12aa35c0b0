"""Anybody's pictures: a folder of them, with or without labels."""

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from data_modules.datasets.labelled import HELD_OUT, LabelledData, from_numbers, split
from data_modules.errors import DataError, one_of
from data_modules.folder_table import PictureTable, read_table
from data_modules.iclevr_files import multi_hot, read_conditions
from data_modules.loader import ArrayLoader, Column, Named
from data_modules.pictures import Fit
from data_modules.shards import ShardLoader, Shards, is_sharded

LISTED = 32


class ImageFolderData(LabelledData):
    """Pictures of a folder and the folders in it, for every model; the batches are those of LabelledData.

    Where `root` has a folder `train/`, the pictures of `train/`, `val/` and `test/` are for training, validation and
    test; without `val/`, a share of the training pictures is held out, by the seed, for validation. Without labels
    there is one class, "picture". A test draws for as many pictures of each class ("classes") and for the labels of
    held-out pictures ("held_out").

    A folder of shards (`lit-gans data shard`), or its address in an object store (s3://bucket/...), is streamed: the
    training pictures never lie in memory, the held-out ones do.

    Args:
        root: the folder, or an address.
        labels: "auto": the first that is there, in root or beside the pictures of each part: `metadata.csv`,
            `metadata.jsonl`, `train.json` (file name -> list of names), or else class folders, where all pictures are
            in two or more folders. "folders"; "none" (batches have no condition); or the name of such a file.
        columns: of a metadata file, those that are labels; None: all. See `folder_labels.read_labels`.
        fit: what happens to pictures that are not square: "crop" takes the middle, "pad" adds edges, "squash" changes
            their shape.
        images: folder of the pictures, absolute or relative to root; None: root.
        val_fraction: share of the training pictures held out; at least two of them.
        test_conditions: JSON files, each a list of lists of class names, to draw in a test.
        options: see ImageData.

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
        one_of("fit", fit, get_args(Fit))
        self.fit = fit
        self.labels = labels
        self.label_columns = columns
        self.shards = Shards(root, options.get("cache_dir"), self.seed) if is_sharded(root) else None

    @cached_property
    def table(self) -> PictureTable:
        """The pictures and their labels; of shards, the held-out pictures."""
        if self.shards is None:
            return read_table(self.root, self.image_dir, self.labels, self.label_columns)
        facts = self.shards.facts
        if facts.shape != (self.channels, self.image_size, self.image_size):
            raise DataError(
                f"{self.shards.root}: pictures of {facts.shape[1]} px and {facts.shape[0]} channel(s); give "
                f"--data.image_size {facts.shape[1]} --data.channels {facts.shape[0]}, or write other shards"
            )
        if self.labels != "none" and not facts.labels:
            raise DataError(f"{self.shards.root}: shards without labels; give --data.labels none")
        counts = {part: count for part, count in facts.parts.items() if part != "train"}
        ends = list(accumulate(counts.values()))
        rows = {part: range(end - counts[part], end) for part, end in zip(counts, ends, strict=True)}
        told = ", ".join(f"{count:,} for {part}" for part, count in facts.parts.items())
        remark = f"{self.shards.root}: shards of pictures ({told}), {len(facts.classes):,} classes"
        numbers = torch.cat([self.held_out[part][0] for part in rows]).numpy()
        return PictureTable([], {"train": range(0), **rows}, facts.classes, facts.groups, numbers, [remark])

    @cached_property
    def held_out(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Class numbers and pixels of each part of shards but the training's."""
        assert self.shards is not None
        return {part: self.shards.whole(part) for part in self.shards.facts.parts if part != "train"}

    @property
    def class_names(self) -> list[str]:
        return self.table.classes

    @property
    def class_groups(self) -> dict[str, list[int]]:
        """The classes of the folders, or of each column of which every picture has one value."""
        index = {name: i for i, name in enumerate(self.table.classes)}
        return {group: [index[name] for name in names] for group, names in self.table.groups.items()}

    def paths(self) -> list[Path]:
        return self.table.paths

    def pictures(self) -> Column:
        if self.shards is None:
            return super().pictures()
        return self.placed(torch.cat([pixels for _, pixels in self.held_out.values()]).numpy())

    def read_files(self) -> list[Path]:
        return super().read_files() if self.shards is None else self.table.paths

    def prepare_data(self) -> None:
        if self.shards is None:
            return super().prepare_data()
        for line in self.remarks():
            self.tell(line)

    def train_dataloader(self) -> ArrayLoader | ShardLoader:
        if self.shards is None:
            return super().train_dataloader()
        loader = ShardLoader(self.shards, self.batch_size, self.flip)
        if not len(loader):
            raise DataError(f"{self.shards.root}: less than one batch of {self.batch_size}; set data.batch_size lower")
        return loader

    def class_numbers(self) -> Tensor | None:
        return torch.from_numpy(self.table.numbers) if self.labels != "none" else None

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
        held_out = torch.from_numpy(self.table.numbers)[self._compared_rows()]
        return {
            **{
                path.stem: torch.from_numpy(multi_hot(read_conditions(path, index, "the classes"), index))
                for path in files
            },
            "classes": torch.eye(self.num_classes),
            HELD_OUT: from_numbers(held_out[(held_out >= 0).any(dim=1)][:LISTED], self.num_classes),
        }

    def test_pictures(self) -> list[Named]:
        """Those of `test/`; without it the held-out ones, or in a test without labels those of the training."""
        unseen = self.labels != "none" or "test" in self.table.rows or self.shards is not None
        rows = self._compared_rows() if unseen else self.train_rows
        name = HELD_OUT if self.labels != "none" else "test" if unseen else "train"
        return [Named(name, self.loader(self.columns, rows, train=False))]

    def remarks(self) -> list[str]:
        return self.table.remarks

    def _compared_rows(self) -> Tensor:
        test = self.table.rows.get("test")
        return self.split_rows()[1] if test is None else torch.arange(test.start, test.stop)
