"""More pictures than memory holds: shards that are read one after another, from a folder or an object store (litdata).

A picture is its row (int64), its class numbers (int32, as many for each, -1 where there is none) and its pixels. The
index that litdata writes beside the shards of each part also says what the data set is, see `Facts`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data_modules.errors import DataError
from data_modules.loader import Batch, Resumable
from data_modules.sampler import EpochOrder

INDEX = "index.json"
KEY = "lit_gans"
ROW, NUMBER = np.dtype("<i8"), np.dtype("<i4")
CACHE_SIZE = "50GB"  # on a machine, of what comes from an object store; fixed, as litdata's order may depend on it


def is_sharded(root: str) -> bool:
    """Whether this is a folder of shards, or an address elsewhere, where nothing else can be."""
    return "://" in root or root.startswith("local:") or (Path(root).expanduser() / "train" / INDEX).is_file()


@dataclass(frozen=True)
class Facts:
    """What a sharded data set is.

    Attributes:
        parts: pictures of each part: "train", "val" and, where there is one, "test".
        shape: of a picture, (C, H, W).
        labels: the most classes of a picture; 0 without labels.
        classes, groups: as in PictureTable.
    """

    parts: dict[str, int]
    shape: tuple[int, int, int]
    labels: int
    classes: list[str]
    groups: dict[str, list[str]]


class Shards:
    """A sharded data set.

    Args:
        root: the folder, or an address such as s3://bucket/pictures.
        cache_dir: where what comes from an address is kept; None: litdata's own place.
        seed: of the training order.

    Raises:
        DataError: litdata is not installed, or there are no shards.
    """

    def __init__(self, root: str, cache_dir: str | None, seed: int) -> None:
        self.root, self.cache_dir, self.seed = root.rstrip("/"), cache_dir, seed

    def part(self, name: str, shuffle: bool = False) -> Any:
        """litdata's data set of one part, for this process of the run."""
        try:
            from litdata import StreamingDataset
        except ModuleNotFoundError:
            raise DataError(f"{self.root}: shards are read by litdata; pip install 'lit_gans[streaming]'") from None
        address = f"{self.root}/{name}"
        cache = f"{self.cache_dir}/{name}" if self.cache_dir else None
        options = {"drop_last": True, "seed": self.seed, "item_shuffle_window": 0, "max_cache_size": CACHE_SIZE}
        try:
            return StreamingDataset(address, cache_dir=cache, shuffle=shuffle, **options)
        except Exception as error:  # of litdata, of a store's client, of the system
            raise DataError(f"{address}: no shards can be read there ({error}); see lit-gans data shard") from error

    @cached_property
    def facts(self) -> Facts:
        data = self.part("train")
        len(data)  # a store's index is fetched now at the latest
        found = json.loads((Path(data.input_dir.path) / INDEX).read_text(encoding="utf-8")).get(KEY)
        if found is None:
            raise DataError(f"{self.root}: no shards of `lit-gans data shard`; write them anew with it")
        return Facts(**{**found, "shape": tuple(found["shape"])})

    def unpacked(self, items: list[bytes]) -> tuple[Tensor, Tensor, Tensor]:
        """Rows (B,), class numbers (B, labels) and pixels (B, C, H, W)."""
        raw = np.frombuffer(b"".join(items), np.uint8).reshape(len(items), -1)
        end = ROW.itemsize + self.facts.labels * NUMBER.itemsize
        rows, numbers = raw[:, : ROW.itemsize].copy().view(ROW)[:, 0], raw[:, ROW.itemsize : end].copy().view(NUMBER)
        pixels = raw[:, end:].reshape(len(items), *self.facts.shape).copy()
        return torch.from_numpy(rows), torch.from_numpy(numbers), torch.from_numpy(pixels)

    def whole(self, name: str) -> tuple[Tensor, Tensor]:
        """Class numbers and pixels of a part that fits into memory, in order."""
        data = self.part(name)
        _, numbers, pixels = self.unpacked([data[i] for i in range(self.facts.parts[name])])
        return numbers, pixels


def packed(row: int, numbers: NDArray[np.int32], pixels: NDArray[np.uint8]) -> bytes:
    """A picture as it lies in a shard."""
    return np.array([row], ROW).tobytes() + numbers.astype(NUMBER).tobytes() + pixels.tobytes()


class ShardLoader(Resumable):
    """Training batches from shards, as an ArrayLoader's: `image`, `classes` where there are labels, and `flip`.

    Each process reads shards of its own; which, and in which order, depends on (seed, epoch) and the number of
    processes. A run that goes on with as many processes and pictures a batch sees what it would have seen.

    Args:
        shards: the data set.
        batch_size: of this process.
        flip: also yield "flip".
    """

    def __init__(self, shards: Shards, batch_size: int, flip: bool) -> None:
        self.shards, self.batch_size, self.flip = shards, batch_size, flip
        self.data = shards.part("train", shuffle=True)
        self.data.set_batch_size(batch_size)
        self.length = self.data.get_len(1, batch_size) // batch_size

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Batch]:
        start, self.resume_at = self.resume_at, 0
        self.data.reset_state_dict()
        self.data.set_epoch(self.epoch + 1)  # litdata counts from 1
        if start:
            self.data.load_state_dict(self.data.state_dict(start * self.batch_size, 1, self.batch_size))
        items = iter(self.data)
        order = EpochOrder(self.shards.facts.parts["train"], self.batch_size, self.shards.seed)
        flips = order.flips(self.epoch) if self.flip else None
        for position in range(start + 1, self.length + 1):
            rows, numbers, pixels = self.shards.unpacked([next(items) for _ in range(self.batch_size)])
            self.position = position % self.length  # after an epoch that was handed out whole: the start of the next
            batch = {"image": pixels} | ({"classes": numbers} if self.shards.facts.labels else {})
            yield batch if flips is None else {**batch, "flip": flips[rows]}
