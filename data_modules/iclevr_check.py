"""A whole iCLEVR folder, checked: everything that is wrong with it in one report."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from data_modules.cache import decoded
from data_modules.check import decode
from data_modules.errors import DataError, listing
from data_modules.files import list_pictures, need_folder
from data_modules.iclevr import ICLEVR
from data_modules.iclevr_files import image_folder, missing, read_objects, scene_of
from data_modules.iclevr_json import listed_names, load_list, load_mapping
from data_modules.iclevr_places import FILE as PLACES_FILE
from data_modules.iclevr_places import SIDE, find_places, read_places
from data_modules.text import twice

T = TypeVar("T")
D = TypeVar("D")

CONDITION_FILES = ("test.json", "new_test.json")


@dataclass(frozen=True)
class CheckReport:
    """What :func:`check` found; ``str(report)`` is a text of a few lines, more where something is wrong.

    Attributes:
        root: the folder checked.
        images: the folder of the images, None when there is none.
        listed: images listed in train.json.
        present: those of them that exist.
        scenes: scenes the listed images belong to.
        missing: listed images that do not exist.
        unreadable: image that exists but cannot be decoded -> reason.
        unlisted: image files in the folder that train.json does not list (no fault).
        unknown_objects: image, or "FILE condition I" -> names that are not in objects.json.
        duplicates: image, or "FILE condition I" -> names that stand there more than once.
        sizes: (width, height) in pixels -> number of images.
        objects_per_image: number of objects -> number of images.
        conditions: file name -> (number of objects -> number of conditions).
        places: objects whose place is known (given, or found in the pictures), of how many; None where images or labels
            are at fault (no fault by itself: `data.places` alone needs them).
        errors: what else is wrong, one line each.
    """

    root: Path
    images: Path | None
    listed: int
    present: int
    scenes: int
    missing: tuple[str, ...]
    unreadable: dict[str, str]
    unlisted: tuple[str, ...]
    unknown_objects: dict[str, tuple[str, ...]]
    duplicates: dict[str, tuple[str, ...]]
    sizes: dict[tuple[int, int], int]
    objects_per_image: dict[int, int]
    conditions: dict[str, dict[int, int]]
    places: tuple[int, int] | None
    errors: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether a run can use the folder as it is."""
        faults = (self.missing, self.unreadable, self.unknown_objects, self.duplicates, self.errors)
        return self.listed > 0 and not any(faults)

    def __str__(self) -> str:
        sizes = ", ".join(f"{width}x{height}: {count:,}" for (width, height), count in self.sizes.items())
        lines = [
            f"iCLEVR data in {self.root}",
            f"images folder      {self.images or 'none'}",
            f"images listed      {self.listed:,} of {self.scenes:,} scenes",
            f"images present     {self.present:,}",
            f"not listed         {len(self.unlisted):,}",
            f"width x height     {sizes or 'none'}",
            f"objects per image  {_histogram(self.objects_per_image)}",
        ]
        for name, histogram in self.conditions.items():
            lines.append(f"{name:<18} {sum(histogram.values()):,} conditions; by size {_histogram(histogram)}")
        if self.places is not None:
            lines.append(f"objects' places    {self.places[0]:,} of {self.places[1]:,} are known")
        for title, faults in (
            ("missing images", self.missing),
            ("unreadable images", [f"{file}: {reason}" for file, reason in self.unreadable.items()]),
            ("objects not in objects.json", [f"{k}: {', '.join(v)}" for k, v in self.unknown_objects.items()]),
            ("objects named twice", [f"{k}: {', '.join(v)}" for k, v in self.duplicates.items()]),
            ("errors", self.errors),
        ):
            if faults:
                lines.append(f"{title}: {len(faults):,}{listing(faults)}")
        return "\n".join([*lines, "ok" if self.ok else "NOT OK"])


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
    sizes, found_unreadable = decode([images / name for name in present]) if images else ({}, {})
    unreadable = {path.name: why for path, why in found_unreadable.items()}
    unlisted = sorted(set(list_pictures(images).names) - set(listed)) if images else []
    if not (found.errors or found.unknown or found.duplicates or absent):
        found.tried(lambda: ICLEVR(str(root), folder).read_files(), None)
    at_fault = found.errors or found.unknown or found.duplicates or absent or unreadable
    places = None
    if images and listed and not at_fault:
        names = {key: listed_names(root / "train.json", key, train[key]) for key in listed}
        places = found.tried(partial(_places, root, images, names), None)
    return CheckReport(
        root=root,
        images=images,
        listed=len(listed),
        present=len(present),
        scenes=len({scene_of(name) for name in listed}),
        missing=tuple(absent),
        unreadable=unreadable,
        unlisted=tuple(unlisted),
        unknown_objects=found.unknown,
        duplicates=found.duplicates,
        sizes=sizes,
        objects_per_image=objects_per_image,
        conditions=condition_sizes,
        places=places,
        errors=tuple(found.errors),
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
