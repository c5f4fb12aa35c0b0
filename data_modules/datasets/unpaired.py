"""Two folders of pictures that nobody has paired, such as horses and zebras."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from data_modules.datasets.base import ImageData
from data_modules.datasets.labelled import split
from data_modules.errors import DataError, a_share, one_of
from data_modules.files import SUFFIXES, PictureFolder, list_pictures
from data_modules.loader import ArrayLoader, Batch, Resumable, take, to_float
from data_modules.pictures import Fit
from data_modules.sampler import EpochOrder

DOMAINS = ("a", "b")


class UnpairedData(ImageData):
    """Training pictures of both domains, paired at random anew in each epoch, and the test pictures of each.

    An epoch shows each picture of the larger domain once, and those of the smaller one as often as it takes. Batches:
    training `{"image_a": (B, 3, H, W), "image_b": ...}`, test one loader a domain with `{"image": ...}`, all float in
    [-1, 1].

    Args:
        root: folder with `trainA`, `trainB`, `testA`, `testB`.
        a, b: instead, any two folders of pictures, of which `test_fraction` is held out for the test.
        test_fraction: see a, b; at least one picture of each.
        fit: what happens to pictures that are not square, see `pictures.fitted`.
        load_size: training pictures are kept in this size, of which a random square of `image_size` is cut, decided by
            (seed, epoch, image); None: no cutting.
        eval_size: of the test pictures, which are not cut: where small cuts are trained, the size that they are cut out
            of; None: image_size.
        options: see ImageData.

    Raises:
        DataError: one line that names the folder or value at fault.
    """

    def __init__(
        self,
        root: str | None = None,
        a: str | None = None,
        b: str | None = None,
        image_size: int = 128,
        load_size: int | None = None,
        eval_size: int | None = None,
        fit: Fit = "squash",
        batch_size: int = 1,
        eval_batch_size: int = 16,
        flip: bool = True,
        test_fraction: float = 0.05,
        **options: Any,
    ) -> None:
        if (root is None) == (a is None) or (a is None) != (b is None):
            raise DataError("give data.root (with trainA, trainB, testA, testB), or both data.a and data.b")
        super().__init__(
            root or a or "",
            image_size=image_size,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            flip=flip,
            **options,
        )
        if load_size is not None and load_size < image_size:
            raise DataError(
                f"data.load_size is {load_size}; expected at least data.image_size={image_size}, which is cut out of it"
            )
        one_of("fit", fit, get_args(Fit))
        a_share("test_fraction", test_fraction)
        if eval_size is not None and eval_size < 8:
            raise DataError(f"data.eval_size is {eval_size}; expected at least 8, or null for data.image_size")
        self.fit = fit
        self.test_fraction = test_fraction
        self.domains = None if a is None or b is None else {"a": Path(a).expanduser(), "b": Path(b).expanduser()}
        self.load_size, self.eval_size = load_size or image_size, eval_size or image_size

    def read_files(self) -> list[Path]:
        return [path for part in ("train", "test") for domain in DOMAINS for path in self.paths(part, domain)]

    def remarks(self) -> list[str]:
        parts = ("train", "test") if self.domains is None else ("train",)
        listed = [self._listed(part, domain) for part in parts for domain in DOMAINS]
        counts = ", ".join(f"{len(found.names):,} in {found.folder.name}" for found in listed)
        return [f"{self.root}: pictures: {counts}", *(remark for found in listed if (remark := found.remark()))]

    def prepare_data(self) -> None:
        """Builds the array files once a machine, before the ranks of a distributed run need them."""
        for line in self.remarks():
            self.tell(line)
        for domain in DOMAINS:
            if self.trainer is None or self.trainer.state.fn == "fit":
                self.memory_map(self.paths("train", domain), self.load_size)
            self.memory_map(self.paths("test", domain), self.eval_size)

    def setup(self, stage: str) -> None:
        if stage == "fit":
            self.train = {domain: self.images(self.paths("train", domain), self.load_size) for domain in DOMAINS}
        self.test = {domain: self.images(self.paths("test", domain), self.eval_size) for domain in DOMAINS}

    def paths(self, part: str, domain: str) -> list[Path]:
        """The pictures of `trainA`, `trainB`, `testA` or `testB`, by name."""
        paths = self._listed(part, domain).paths
        if self.domains is None:
            return paths
        if len(paths) < 2:
            raise DataError(f"{self.domains[domain]}: one picture; at least 2 are needed, one of them to hold out")
        return [paths[row] for row in split(len(paths), self.test_fraction, self.seed)[part == "test"].tolist()]

    def _listed(self, part: str, domain: str) -> PictureFolder:
        if self.domains is None:
            return listed(self.root / f"{part}{domain.upper()}")
        return listed(self.domains[domain], wanted=f"data.{domain}", nested=True)

    def train_dataloader(self) -> "PairLoader":
        length = max(len(images) for images in self.train.values())
        sides = []
        for number, images in enumerate(self.train.values()):
            side = self.loader({"image": images, "index": torch.arange(len(images))}, torch.arange(length), train=True)
            # a seed for each domain, or folders of one size would be paired in one way for ever
            side.order = RoundOrder(**{**asdict(side.order), "seed": 2 * self.seed + number}, images=len(images))
            sides.append(side)
        return PairLoader(sides, self.load_size - self.image_size)

    def test_dataloader(self) -> list[ArrayLoader]:
        return [self.loader({"image": images}, torch.arange(len(images)), train=False) for images in self.test.values()]

    def predict_dataloader(self) -> None:
        raise DataError("`lit-gans predict` has nothing to draw here; translate a folder with `lit-gans translate`")

    def preview_batch(self, size: int = 32) -> Batch:
        """The first test pictures of each domain, `size // 4` of them (repeated if there are fewer), for sample grids:
        the same in every run."""
        rows = torch.arange(max(1, size // 4))
        return {
            f"image_{domain}": to_float(take({"image": images}, rows % len(images))["image"])
            for domain, images in self.test.items()
        }

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        if "image" in batch:
            return super().on_after_batch_transfer(batch, dataloader_idx)
        images = {}
        for domain in DOMAINS:
            names = [name for name in ("image", "flip", "corner") if f"{name}_{domain}" in batch]
            side = {name: batch[f"{name}_{domain}"] for name in names}
            if (corner := side.pop("corner", None)) is not None:
                side["image"] = cut(side["image"], corner, self.image_size)
            images[f"image_{domain}"] = super().on_after_batch_transfer(side, dataloader_idx)["image"]
        return images


def listed(
    folder: Path, wanted: str = "data.root must hold trainA, trainB, testA and testB", nested: bool = False
) -> PictureFolder:
    """Raises DataError: no such folder, or one without pictures."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; {wanted}")
    found = list_pictures(folder, nested=nested)
    if not found.names:
        raise DataError(f"{folder}: holds no pictures ({', '.join(SUFFIXES)}). {found.remark(every=True)}".strip())
    return found


@dataclass(frozen=True)
class RoundOrder(EpochOrder):
    """An epoch of `length` draws from `images` images, at most as many: each comes equally often, give or take one,
    and which ones come once more is drawn anew in each epoch."""

    images: int = 1

    def batches(self, epoch: int) -> list[Tensor]:
        # the epoch's stream of random numbers begins with its permutation and flips
        names = torch.randperm(self.images, generator=self.continued(epoch))
        return [names[picks % self.images] for picks in super().batches(epoch)]

    def corners(self, epoch: int, room: int) -> Tensor:
        """Top and left of what is cut out of each image, (images, 2), from 0 to `room`: depends on (seed, epoch,
        index), not on the batch it falls into."""
        generator = self.continued(epoch)
        torch.randperm(self.images, generator=generator)
        return torch.randint(0, room + 1, (self.images, 2), generator=generator)

    def continued(self, epoch: int) -> torch.Generator:
        """The epoch's generator behind what EpochOrder draws from it."""
        generator = self.generator(epoch)
        torch.randperm(self.length, generator=generator)
        torch.rand(self.length, generator=generator)
        return generator


class PairLoader(Resumable):
    """The batches of both domains side by side: `image_a`, `image_b`, `flip_a`, ...; resumes as ArrayLoader does.

    Args:
        sides: the loaders of domain A and of domain B, equally long, with a RoundOrder and a column "index".
        room: by how many pixels the images are larger than what is to be cut out of them; above 0 there are columns
            `corner_a` and `corner_b`, (B, 2).
    """

    def __init__(self, sides: Sequence[ArrayLoader], room: int = 0) -> None:
        self.sides = dict(zip(DOMAINS, sides, strict=True))
        self.room = room

    def set_epoch(self, epoch: int) -> None:
        for side in self.sides.values():
            side.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.sides["a"])

    def __iter__(self) -> Iterator[Batch]:
        corners = {domain: self.corners(side) for domain, side in self.sides.items()}
        for batches in zip(*self.sides.values(), strict=True):
            pair: Batch = {}
            for domain, batch in zip(self.sides, batches, strict=True):
                index = batch.pop("index")
                if (corner := corners[domain]) is not None:
                    batch["corner"] = corner[index]
                pair |= {f"{name}_{domain}": column for name, column in batch.items()}
            yield pair

    def corners(self, side: ArrayLoader) -> Tensor | None:
        assert isinstance(side.order, RoundOrder)
        return side.order.corners(side.epoch, self.room) if self.room else None

    def state_dict(self) -> dict[str, int]:
        return self.sides["a"].state_dict()  # both sides are at the same batch

    def load_state_dict(self, state: dict[str, int]) -> None:
        for side in self.sides.values():
            side.load_state_dict(state)


def cut(image: Tensor, corner: Tensor, size: int) -> Tensor:
    """The square of `size` px at each image's own (top, left): (B, C, H, W), (B, 2) -> (B, C, size, size)."""
    steps = torch.arange(size, device=image.device)
    rows = (corner[:, :1] + steps).view(-1, 1, size, 1)
    columns = (corner[:, 1:] + steps).view(-1, 1, 1, size)
    batch, channel = (torch.arange(n, device=image.device) for n in image.shape[:2])
    return image[batch.view(-1, 1, 1, 1), channel.view(1, -1, 1, 1), rows, columns]
