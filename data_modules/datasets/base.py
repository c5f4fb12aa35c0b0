"""The way of every image data set from files to batches on the device, in plain torch."""

import errno
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from data_modules.cache import image_array
from data_modules.errors import CacheError, DataError
from data_modules.loader import ArrayLoader, Batch, Column, to_float
from data_modules.pictures import Fit
from data_modules.sampler import EpochOrder

DeviceResident = Literal["auto", True, False]

# Of the memory that is free when the data is loaded; the rest is for networks, activations and the system.
RESIDENT_SHARE = 0.5
# Batches of an array that is not on the GPU which are gathered while the GPU works on an earlier one.
AHEAD = 2
CACHE = ".lit_gans_cache"


class ImageData:
    """Image files -> one uint8 array file -> batches whose images become float in [-1, 1] on the device.

    A subclass says which files there are (`image_paths`) and builds its loaders from `loader`.

    Args:
        root: folder of the data set.
        image_size: height and width of the images in a batch; files of another size are resized with antialiasing.
        channels: 3 for colour, 1 for grey: coloured files become grey (ITU-R 601), grey ones grey RGB.
        batch_size: training batch of one process.
        eval_batch_size: validation batch.
        flip: mirror each training image left to right with probability 1/2, decided by (seed, epoch, image).
        seed: of the training order, the flips and the split.
        device_resident: keep the whole uint8 array on the device ("auto": when it fits into half of the free memory);
            otherwise batches are gathered from the memory-mapped file, for a GPU in a thread that is two batches ahead.
        cache_dir: where the array file is kept; by default `root/.lit_gans_cache`, or where that cannot be written a
            folder of the user's cache.
        workers: threads that decode images when the array file is built; all cores by default.
    """

    fit: Fit = "squash"  # what happens to files that are not square, see `pictures.fitted`
    trainer: Any = None  # Lightning's, of the data module; alone, a data set is on the CPU and of one process

    def __init__(
        self,
        root: str,
        image_size: int = 64,
        channels: int = 3,
        batch_size: int = 64,
        eval_batch_size: int = 128,
        flip: bool = False,
        seed: int = 0,
        device_resident: DeviceResident = "auto",
        cache_dir: str | None = None,
        workers: int | None = None,
    ) -> None:
        super().__init__()
        if image_size < 8 or batch_size < 1 or eval_batch_size < 1:
            raise DataError(
                f"data: image_size={image_size} must be at least 8, batch_size={batch_size} and "
                f"eval_batch_size={eval_batch_size} at least 1"
            )
        if workers is not None and workers < 1:
            raise DataError(f"data.workers is {workers}; expected 1 or more, or null for one a core")
        if channels not in (1, 3):
            raise DataError(f"data.channels is {channels}; expected 3 (colour) or 1 (grey)")
        self.root = Path(root).expanduser()
        self.image_size = image_size
        self.channels = channels
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.flip = flip
        self.seed = seed
        self.device_resident: DeviceResident = device_resident
        self.cache_dir = Path(cache_dir).expanduser() if cache_dir else self.root / CACHE
        self.workers = workers

    @property
    def class_names(self) -> list[str] | None:
        """What the pictures' conditions are of; None without conditions."""
        return None

    @property
    def class_groups(self) -> dict[str, list[int]]:
        """The classes of each kind of which a picture shows exactly one, such as hair and eyes; none here."""
        return {}

    @property
    def class_properties(self) -> dict[str, dict[str, list[int]]]:
        """The classes that share a property, by kind and value, such as colour and red; none here."""
        return {}

    def read_files(self) -> list[Path]:
        """All files of fit and test, read and looked through as these would, but for the pixels: the pictures.

        Raises:
            DataError: what a run would stop with.
        """
        raise NotImplementedError

    def remarks(self) -> list[str]:
        """Lines for the user, when a run starts: what was found, and what is left out."""
        return []

    def tell(self, line: str) -> None:
        """Says a line to the user."""
        print(line, file=sys.stderr)

    def memory_map(self, paths: list[Path], size: int | None = None, channels: int | None = None) -> np.ndarray:
        """The images of `paths` as a read-only memory map of uint8 (N, channels, H, W), of `image_size` or another size
        and number of channels; builds the array file where it is missing."""
        size = size or self.image_size
        options: dict[str, Any] = {"fit": self.fit, "channels": channels or self.channels}
        options |= {"workers": self.workers, "tell": self.tell}
        try:
            return image_array(paths, size, self.cache_dir, **options)
        except CacheError as error:
            full = isinstance(error.__cause__, OSError) and error.__cause__.errno in (errno.ENOSPC, errno.EDQUOT)
            if full or self.cache_dir != self.root / CACHE:
                raise
        # the data set's folder is somebody else's
        self.cache_dir = user_cache(self.root)
        self.tell(f"{self.root} cannot be written; the image cache is kept in {self.cache_dir}")
        return image_array(paths, size, self.cache_dir, **options)

    def images(self, paths: list[Path], size: int | None = None) -> Column:
        """The images of `paths` as uint8 (N, channels, H, W), of `image_size` or another size: a tensor on the device,
        or the read-only memory map."""
        return self.placed(self.memory_map(paths, size))

    def placed(self, array: np.ndarray) -> Column:
        """The array as a tensor on the device, where `device_resident` has it so; else as it is."""
        device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
        resident = self.device_resident
        if resident == "auto":
            resident = array.nbytes < RESIDENT_SHARE * free_memory(device)
        # np.array copies: torch refuses to share read-only memory, and a copy is what "resident" asks for
        return torch.from_numpy(np.array(array)).to(device) if resident else array

    def loader(
        self, columns: dict[str, Column], rows: Tensor, *, train: bool, weights: Tensor | None = None
    ) -> ArrayLoader:
        """Batches of these rows for this process: shuffled for training, with these weights (see EpochOrder), in order
        otherwise."""
        trainer = self.trainer
        order = EpochOrder(
            length=len(rows),
            batch_size=self.batch_size if train else self.eval_batch_size,
            seed=self.seed,
            shuffle=train,
            rank=trainer.global_rank if trainer else 0,
            world_size=trainer.world_size if trainer else 1,
            weights=weights,
        )
        if train and len(order) == 0:
            raise DataError(
                f"{self.root}: {order.length} training images are less than one batch of "
                f"{self.batch_size} x {order.world_size} process(es); set data.batch_size lower"
            )
        pin = trainer is not None and trainer.strategy.root_device.type == "cuda"
        ahead = AHEAD if pin and any(isinstance(column, np.ndarray) for column in columns.values()) else 0
        return ArrayLoader(columns, rows, order, flip=train and self.flip, pin=pin, ahead=ahead)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """uint8 -> float in [-1, 1], mirrored where the loader said so; on the device."""
        if "image" not in batch:
            return batch
        image = to_float(batch["image"])
        if (flip := batch.pop("flip", None)) is not None:
            image = torch.where(flip.view(-1, 1, 1, 1), image.flip(-1), image)
        return {**batch, "image": image}


def free_memory(device: torch.device) -> int:
    """Free bytes on the device; for a CPU, the free physical memory."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # not every system tells
        return 0


def user_cache(root: Path) -> Path:
    """A folder for this data set where the system keeps a user's caches; a temporary one without a home."""
    try:
        home = Path.home()
        usual = {"darwin": home / "Library" / "Caches", "win32": home / "AppData" / "Local"}
        base = Path(os.environ.get("XDG_CACHE_HOME") or usual.get(sys.platform, home / ".cache"))
        base.mkdir(parents=True, exist_ok=True)
        writable = os.access(base, os.W_OK)
    except (OSError, RuntimeError):  # no home, or one that is not there
        writable = False
    known = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=6).hexdigest()
    return (base if writable else Path(tempfile.gettempdir())) / "lit_gans" / f"{root.name or 'data'}-{known}"
