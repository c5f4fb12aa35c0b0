"""The data sets of benchmarks/throughput.py as a script has them: a picture is opened and transformed when it is asked
for; and their rendered stand-ins."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import transforms

from data_modules.anime_files import face_folder
from data_modules.iclevr_files import image_folder
from data_modules.rendered import animals, scenes
from data_modules.rendered.faces import render_faces as draw_faces

Transforms = list[Callable[..., object]]


def opened(path: Path, transform: Transforms) -> Tensor:
    """(3, H, W) in [-1, 1]."""
    to_tensor = [transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))]
    image: Tensor = transforms.Compose([*transform, *to_tensor])(Image.open(path).convert("RGB"))
    return image


def resized(size: int, flip: bool) -> Transforms:
    return [transforms.Resize((size, size)), *flips(flip)]


def flips(flip: bool) -> Transforms:
    return [transforms.RandomHorizontalFlip()] if flip else []


class ICLEVR(Dataset[tuple[Tensor, ...]]):
    """Picture and multi-hot condition."""

    def __init__(self, folder: Path, size: int, flip: bool) -> None:
        self.classes: dict[str, int] = json.loads((folder / "objects.json").read_text())
        self.items = list(json.loads((folder / "train.json").read_text()).items())
        self.folder, self.transform = image_folder(folder), resized(size, flip)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        name, objects = self.items[index]
        condition = torch.zeros(len(self.classes))
        condition[[self.classes[name] for name in objects]] = 1
        return opened(self.folder / name, self.transform), condition


class Faces(Dataset[tuple[Tensor, ...]]):
    """A picture."""

    def __init__(self, folder: Path, size: int, flip: bool) -> None:
        self.paths, self.transform = sorted(face_folder(folder).iterdir()), resized(size, flip)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return (opened(self.paths[index], self.transform),)


class Unpaired(Dataset[tuple[Tensor, ...]]):
    """A picture of the one folder, and any of the other."""

    def __init__(self, folder: Path, size: int, flip: bool) -> None:
        self.a, self.b = (sorted((folder / f"train{domain}").iterdir()) for domain in "AB")
        self.transform = [transforms.Resize(int(size * 1.12)), transforms.RandomCrop(size), *flips(flip)]

    def __len__(self) -> int:
        return max(len(self.a), len(self.b))

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return tuple(opened(path, self.transform) for path in (self.a[index % len(self.a)], random.choice(self.b)))


def render_scenes(folder: Path, images: int, size: int) -> None:
    # three images a scene; 5 % of the scenes are held out
    scenes.write_dataset(folder, max(images // 3 + images // 40, 4), max(size, 16), progress=False)


def render_faces(folder: Path, images: int, size: int) -> None:
    (folder / "faces").mkdir(parents=True)
    for index, image in enumerate(draw_faces(max(images + images // 10, 40), size).images):
        Image.fromarray(image).save(folder / "faces" / f"{index}.png")


def render_animals(folder: Path, images: int, size: int) -> None:
    animals.write_dataset(folder, train=min(max(images, 4), 200), test=2, size=size, progress=False)
