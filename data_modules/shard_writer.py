"""A folder of anybody's pictures -> shards, see shards.py."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from data_modules.cache import decoded, usable_cores
from data_modules.datasets.image_folder import ImageFolderData
from data_modules.errors import DataError, listing
from data_modules.pictures import why_unreadable
from data_modules.rendered.folder import new_folder
from data_modules.shards import INDEX, KEY, Facts, packed

CHUNK = 1024


def write_shards(data: ImageFolderData, out: Path, per_shard: int) -> Facts:
    """Writes the pictures of a folder, in the size and with the labels and the held-out part that it would be trained
    with; those for training in a random order, so that each shard has all kinds.

    Args:
        data: the folder.
        out: an empty folder, or a new one.
        per_shard: pictures in a shard.

    Raises:
        DataError: litdata is not installed, pictures cannot be read, or `out` is not empty. Nothing is left behind.
    """
    try:
        from litdata.streaming.writer import BinaryWriter
    except ModuleNotFoundError:
        raise DataError(f"{out}: shards are written by litdata; pip install 'lit_gans[streaming]'") from None
    table = data.table
    train, val = (rows.numpy() for rows in data.split_rows())
    order = np.random.default_rng(data.seed).permutation(train)
    parts: dict[str, NDArray[np.int64]] = {"train": order, "val": val}
    if (test := table.rows.get("test")) is not None:
        parts["test"] = np.arange(test.start, test.stop)
    labels = 0 if data.labels == "none" else table.numbers.shape[1]
    shape = (data.channels, data.image_size, data.image_size)
    facts = Facts({part: len(rows) for part, rows in parts.items()}, shape, labels, table.classes, table.groups)
    with new_folder(out) as folder:
        for part, rows in parts.items():
            writer = BinaryWriter(str(folder / part), chunk_size=per_shard)
            for i, pixels in enumerate(pictures(data, rows)):
                writer[i] = packed(i, table.numbers[rows[i], :labels], pixels)
            writer.done()
            writer.merge()
            file = folder / part / INDEX
            file.write_text(
                json.dumps(json.loads(file.read_text(encoding="utf-8")) | {KEY: asdict(facts)}), encoding="utf-8"
            )
    return facts


def pictures(data: ImageFolderData, rows: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
    """The pictures of these rows, (C, H, W); those that cannot be read are named, all of them, at the end."""
    paths = data.paths()
    unreadable: list[str] = []

    def read(row: int) -> NDArray[np.uint8]:
        try:
            return decoded(paths[row], data.image_size, data.image_size, data.fit, data.channels)
        except Exception as error:  # a broken file may raise anything
            unreadable.append(f"{paths[row]}: {why_unreadable(paths[row], error)}")
            return np.zeros((data.channels, data.image_size, data.image_size), np.uint8)

    with ThreadPoolExecutor(min(8, data.workers or usable_cores())) as pool:
        for part in torch.from_numpy(rows).split(CHUNK):
            yield from pool.map(read, part.tolist())
    if unreadable:
        raise DataError(
            f"{len(unreadable):,} of {len(rows):,} image files cannot be read; repair or remove them:"
            + listing(sorted(unreadable))
        )
