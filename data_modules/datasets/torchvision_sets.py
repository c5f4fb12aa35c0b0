"""CIFAR-10, MNIST and FashionMNIST through torchvision's own data sets, in the files that it downloads."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision import datasets

from data_modules.datasets.labelled import HELD_OUT, LabelledData, split
from data_modules.errors import DataError, one_of
from data_modules.loader import ArrayLoader, Column, Named

SetName = Literal["cifar10", "mnist", "fashion_mnist"]
SETS = {"cifar10": datasets.CIFAR10, "mnist": datasets.MNIST, "fashion_mnist": datasets.FashionMNIST}
FILES = {"cifar10": "cifar-10-batches-py/", "mnist": "MNIST/raw/", "fashion_mnist": "FashionMNIST/raw/"}
CHUNK = 4096
# of red, green and blue in grey, ITU-R 601, as Pillow has it
LUMA = (0.299, 0.587, 0.114)


class TorchvisionSetData(LabelledData):
    """The training pictures of a small public set, some of them held out, and its own test pictures; the batches are
    those of LabelledData.

    A test compares with the set's test pictures, and draws for each class ("classes"); without labels it compares with
    the training pictures, as published distances of CIFAR-10 do.

    Args:
        root: folder of torchvision's files (`root/cifar-10-batches-py`, `root/MNIST/raw`, `root/FashionMNIST/raw`).
        name: which set.
        labels: whether batches have the one-hot class as their condition.
        download: let torchvision download the files that are missing.
        image_size: other sizes than the set's own (32 or 28) are resized to.
        val_fraction: share of the training pictures held out for validation.
        options: see ImageData; nothing is cached.

    Raises:
        DataError: no such set, or its files are missing or damaged.
    """

    def __init__(
        self,
        root: str,
        name: SetName = "cifar10",
        labels: bool = True,
        download: bool = False,
        image_size: int = 32,
        val_fraction: float = 0.05,
        **options: Any,
    ) -> None:
        super().__init__(
            root, images=None, val_fraction=val_fraction, test_conditions=(), image_size=image_size, **options
        )
        one_of("name", name, get_args(SetName))
        self.set_name: SetName = name
        self.labels = labels
        self.download = download

    @property
    def class_names(self) -> list[str]:
        return [str(name) for name in self._set("train").classes]

    @property
    def class_groups(self) -> dict[str, list[int]]:
        return {"class": list(range(self.num_classes))}

    def paths(self) -> list[Path]:
        """None: the pictures are not in files of their own."""
        return []

    def read_files(self) -> list[Path]:
        self._set("train"), self._set("test")
        return []

    def prepare_data(self) -> None:
        """Downloads what is missing, where that is asked for, once a machine."""
        self.read_files()

    def pictures(self) -> Column:
        return self.placed(torch.cat([self._pixels("train"), self._pixels("test")]).numpy())

    def class_numbers(self) -> Tensor | None:
        if not self.labels:
            return None
        targets = [torch.as_tensor(self._set(part).targets) for part in ("train", "test")]
        return torch.cat(targets).int()[:, None]

    def split_rows(self) -> tuple[Tensor, Tensor]:
        return split(len(self._set("train").data), self.val_fraction, self.seed)

    def lists(self) -> dict[str, Tensor]:
        return {"classes": torch.eye(self.num_classes)} if self.labels else {}

    def test_pictures(self) -> list[ArrayLoader | Named]:
        trained, tested = (len(self._set(part).data) for part in ("train", "test"))
        rows = torch.arange(trained, trained + tested) if self.labels else self.train_rows
        return [Named(HELD_OUT if self.labels else "train", self.loader(self.columns, rows, train=False))]

    def _pixels(self, part: Literal["train", "test"]) -> Tensor:
        """uint8 (N, channels, image_size, image_size)."""
        data = torch.as_tensor(self._set(part).data)
        pixels = data.permute(0, 3, 1, 2) if data.ndim == 4 else data[:, None]
        return torch.cat([self._fitted(chunk) for chunk in pixels.split(CHUNK)])

    def _fitted(self, pixels: Tensor) -> Tensor:
        if pixels.shape[1] < self.channels:
            pixels = pixels.expand(-1, self.channels, -1, -1)
        if (pixels.shape[1], pixels.shape[-1]) == (self.channels, self.image_size):
            return pixels.contiguous()
        values = pixels.float()
        if pixels.shape[1] > self.channels:
            values = torch.einsum("nchw,c->nhw", values, torch.tensor(LUMA))[:, None]
        size = (self.image_size, self.image_size)
        return interpolate(values, size, mode="bilinear", antialias=True).round().clamp(0, 255).to(torch.uint8)

    def _set(self, part: Literal["train", "test"]) -> Any:
        return self._sets[part]

    @cached_property
    def _sets(self) -> dict[str, Any]:
        try:
            return {
                part: SETS[self.set_name](str(self.root), train=part == "train", download=self.download)
                for part in ("train", "test")
            }
        except RuntimeError as error:
            raise DataError(
                f"{self.root / FILES[self.set_name]}: the files of {self.set_name} are missing or damaged; put them "
                f"there, or give --data.download true ({error})"
            ) from error
        except OSError as error:
            raise DataError(f"{self.root}: {self.set_name} cannot be downloaded or read ({error})") from error
