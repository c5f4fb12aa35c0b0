"""A whole iCLEVR folder, checked: everything that is wrong with it in one report."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from data_modules.cache import decoded
from data_modules.check import Report, counts, decode
from data_modules.datasets.iclevr import ICLEVRData
from data_modules.errors import DataError
from data_modules.files import list_pictures, need_folder
from data_modules.iclevr_files import image_folder, missing, read_objects, scene_of
from data_modules.iclevr_json import listed_names, load_list, load_mapping
from data_modules.iclevr_places import FILE as PLACES_FILE
from data_modules.iclevr_places import SIDE, find_places, read_places
from data_modules.text import twice

T = TypeVar("T")
D = TypeVar("D")

CONDITION_FILES = ("test.json", "new_test.json")


@dataclass(frozen=True)
class CheckReport(Report):
    """What :func:`check` found.

    Attributes:
        images: the folder of the images, None when there is none.
        listed: images listed in train.json.
        scenes: scenes the listed images belong to.
        missing: listed images that do not exist.
        unlisted: image files in the folder that train.json does not list (no fault).
        unknown_objects: image, or "FILE condition I" -> names that are not in objects.json.
        duplicates: image, or "FILE condition I" -> names that stand there more than once.
        objects_per_image: number of objects -> number of images.
        conditions: file name -> (number of objects -> number of conditions).
        places: objects whose place is known (given, or found in the pictures), of how many; None where images or labels
            are at fault (no fault by itself: `data.places` alone needs them).
    """

    images: Path | None
    listed: int
    scenes: int
    missing: tuple[str, ...]
    unlisted: tuple[str, ...]
    unknown_objects: dict[str, tuple[str, ...]]
    duplicates: dict[str, tuple[str, ...]]
    objects_per_image: dict[int, int]
    conditions: dict[str, dict[int, int]]
    places: tuple[int, int] | None

    def facts(self) -> dict[str, object]:
        return {
            "images folder": self.images or "none",
            "images listed": f"{self.listed:,} of {self.scenes:,} scenes",
            "not listed": f"{len(self.unlisted):,}",
            **super().facts(),
            "objects per image": _histogram(self.objects_per_image),
            **{
                name: f"{sum(histogram.values()):,} conditions; by size {_histogram(histogram)}"
                for name, histogram in self.conditions.items()
            },
            **({"objects' places": f"{self.places[0]:,} of {self.places[1]:,} are known"} if self.places else {}),
        }

    def faults(self) -> dict[str, Sequence[str]]:
        return {
            "missing images": self.missing,
            "objects not in objects.json": [f"{k}: {', '.join(v)}" for k, v in self.unknown_objects.items()],
            "objects named twice": [f"{k}: {', '.join(v)}" for k, v in self.duplicates.items()],
            **super().faults(),
        }


def check(root: Path, folder: str | None = None) -> CheckReport:
    """Read all files of the data set, decode all images listed, and report everything that is wrong, raising nothing.

    Args:
        root: the folder of objects.json and train.json.
        folder: the folder of the images, as in :func:`image_folder`.
    """
    found = _Faults()
    objects: dict[str, int] = {}
    train: dict[str, object] = {}
    images: Path | None = None
    conditions: dict[str, list[object]] = {}
    found.tried(lambda: need_folder(root), None)
    if not found.errors:
        objects = found.tried(lambda: read_objects(root), {})
        train = found.tried(lambda: load_mapping(root / "train.json", "image file name -> list of object names"), {})
        images = found.tried(lambda: image_folder(root, folder), None)
        read = {name: found.tried(partial(load_list, root / name), None) for name in CONDITION_FILES}
        conditions = {name: lists for name, lists in read.items() if lists is not None}

    listed = sorted(train)
    objects_per_image = found.sizes(root / "train.json", ((key, train[key]) for key in listed), objects)
    condition_sizes = {
        name: found.sizes(
            root / name, ((f"condition {i}", value) for i, value in enumerate(lists)), objects, f"{name} "
        )
        for name, lists in conditions.items()
    }
    absent = missing(images, listed) if images else []
    present = sorted(set(listed) - set(absent)) if images else []
    sizes, unreadable = decode([images / name for name in present]) if images else ({}, {})
    unlisted = sorted(set(list_pictures(images).names) - set(listed)) if images else []
    if not (found.errors or found.unknown or found.duplicates or absent):
        found.tried(lambda: ICLEVRData(str(root), folder).read_files(), None)
    at_fault = found.errors or found.unknown or found.duplicates or absent or unreadable
    places = None
    if images and listed and not at_fault:
        names = {key: listed_names(root / "train.json", key, train[key]) for key in listed}
        places = found.tried(partial(_places, root, images, names), None)
    return CheckReport(
        title=f"iCLEVR data in {root}",
        present=len(present),
        sizes=counts(sizes),
        remarks=[],
        unreadable={path.name: why for path, why in unreadable.items()},
        errors=tuple(found.errors),
        images=images,
        listed=len(listed),
        scenes=len({scene_of(name) for name in listed}),
        missing=tuple(absent),
        unlisted=tuple(unlisted),
        unknown_objects=found.unknown,
        duplicates=found.duplicates,
        objects_per_image=objects_per_image,
        conditions=condition_sizes,
        places=places,
    )


class _Faults:
    """What is found to be wrong, in the fields of the report that have the same names."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.unknown: dict[str, tuple[str, ...]] = {}
        self.duplicates: dict[str, tuple[str, ...]] = {}

    def tried(self, read: Callable[[], T], otherwise: D) -> T | D:
        """What is read, or `otherwise` and one more error."""
        try:
            return read()
        except DataError as error:
            self.errors.append(str(error))
            return otherwise

    def sizes(
        self, file: Path, lists: Iterable[tuple[str, object]], objects: Mapping[str, int], prefix: str = ""
    ) -> dict[int, int]:
        """How many of the lists have how many names; each name is looked at."""
        counts: Counter[int] = Counter()
        for key, value in lists:
            names = self.tried(partial(listed_names, file, key, value), None)
            if names is None:
                continue
            counts[len(names)] += 1
            if objects and (strange := tuple(name for name in names if name not in objects)):
                self.unknown[prefix + key] = strange
            if repeated := twice(names):
                self.duplicates[prefix + key] = repeated
        return dict(sorted(counts.items()))


def _places(root: Path, images: Path, names: Mapping[str, list[str]]) -> tuple[int, int]:
    """Of how many objects the places are known, of how many."""
    files, objects = list(names), list(names.values())
    file = root / PLACES_FILE
    places = (
        read_places(file, files, objects)
        if file.exists()
        else find_places(lambda row: decoded(images / files[row], SIDE, SIDE), files, objects)
    )
    return sum(place is not None for row in places for place in row), sum(map(len, objects))


def _histogram(counts: Mapping[int, int]) -> str:
    return ", ".join(f"{size}: {count:,}" for size, count in counts.items()) or "none"
