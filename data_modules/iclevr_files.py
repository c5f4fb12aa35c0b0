"""The files of an iCLEVR folder: read, and checked.

``objects.json`` maps a name ("red cube") to its index, ``train.json`` an image file name to the names of the objects in
it, ``test.json`` and ``new_test.json`` are lists of such lists: the conditions to draw images for.
"""

import difflib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from data_modules.cache import read_rgb, usable_cores
from data_modules.errors import DataError, listing

T = TypeVar("T")
D = TypeVar("D")

CONDITION_FILES = ("test.json", "new_test.json")
SUFFIXES = (".png", ".jpg", ".jpeg")


def read_objects(root: Path) -> dict[str, int]:
    """``objects.json``: object name -> index, in the order of the indices 0 to N-1.

    Raises:
        DataError: no such folder or file, no valid JSON, no mapping, or the indices are not 0 to N-1 each once.
    """
    file = _in_folder(root, "objects.json")
    objects = _load_mapping(file, "object name -> index")
    if not objects:
        raise DataError(f"{file}: no objects; expected a mapping of object name -> index")
    indices: dict[str, int] = {}
    for name, index in objects.items():
        if type(index) is not int:
            raise DataError(f"{file}: {name!r} has the value {_short(index)}; expected an index, a whole number")
        indices[name] = index
    if sorted(indices.values()) != list(range(len(indices))):
        counts = Counter(indices.values())
        wrong = [name for name, i in indices.items() if not 0 <= i < len(indices) or counts[i] > 1]
        raise DataError(
            f"{file}: the indices must be 0 to {len(indices) - 1}, each once; correct those of: "
            + ", ".join(f"{name!r} ({indices[name]})" for name in wrong)
        )
    return dict(sorted(indices.items(), key=lambda item: item[1]))


def read_train(root: Path, objects: Mapping[str, int], images: Path) -> tuple[list[Path], list[list[str]]]:
    """``train.json``: the image files in ``images`` and, for each, the names of its objects; sorted by file name.

    Files of the folder that are not listed are left out.

    Raises:
        DataError: no such file, no valid JSON, no images listed, a value that is no list of different names of
            ``objects``, or listed images that do not exist (up to 20 are named).
    """
    file = _in_folder(root, "train.json")
    train = _load_mapping(file, "image file name -> list of object names")
    if not train:
        raise DataError(f"{file}: no images; expected at least one image file name with its list of object names")
    names = [_valid_names(file, key, train[key], objects) for key in sorted(train)]
    missing = _missing(images, sorted(train))
    if missing:
        raise DataError(
            f"{file}: {len(missing):,} of the {len(train):,} images listed are not in {images}; "
            f"put them there or choose another image folder:{listing(missing)}"
        )
    return [images / key for key in sorted(train)], names


def read_conditions(path: Path, objects: Mapping[str, int], known_from: str = "objects.json") -> list[list[str]]:
    """A JSON list of conditions, each a list of one or more different object names.

    ``known_from`` is what the message about an unknown name calls the place of the known ones.

    Raises:
        DataError: no such file, no valid JSON, no conditions, or one that is no list of different names of ``objects``.
    """
    conditions = _load_list(path)
    return [_valid_names(path, f"condition {i}", names, objects, known_from) for i, names in enumerate(conditions)]


def multi_hot(names: Sequence[Sequence[str]], objects: Mapping[str, int]) -> np.ndarray:
    """float32 array of shape (len(names), len(objects)): 1 where the object is named, else 0.

    Raises:
        DataError: a name that is not in ``objects``.
    """
    array = np.zeros((len(names), len(objects)), np.float32)
    for i, row in enumerate(names):
        for name in row:
            if name not in objects:
                raise DataError(f"condition {i}: {unknown_name(name, objects)}")
            array[i, objects[name]] = 1
    return array


def image_folder(root: Path, folder: str | None = None) -> Path:
    """The folder of the images: ``folder`` (absolute, or inside ``root``), or if it is None the first of
    ``root/images``, ``root/iclevr`` and ``root`` that holds a PNG or JPEG file.

    Raises:
        DataError: no such folder; the message names what was looked for.
    """
    _need_folder(root)
    if folder is not None:
        if not (root / folder).is_dir():
            raise DataError(f"{root / folder}: no such image folder; correct the name or leave it out to search {root}")
        return root / folder
    candidates = (root / "images", root / "iclevr", root)
    for candidate in candidates:
        if candidate.is_dir() and _image_names(candidate):
            return candidate
    raise DataError(
        "no PNG or JPEG files in "
        + " or ".join(str(candidate) for candidate in candidates)
        + "; put the images into the first or name their folder"
    )


def scene_of(file_name: str) -> str:
    """The scene of an image: "000123" for "CLEVR_train_000123_1.png", the stem of a file name of any other form.

    The images of one scene share objects, so a split must keep them together.
    """
    match = re.fullmatch(r"CLEVR_[A-Za-z]+_(\d+)_\d+", Path(file_name).stem)
    return match[1] if match else Path(file_name).stem


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
    errors: list[str] = []

    def tried(read: Callable[[], T], otherwise: D) -> T | D:
        try:
            return read()
        except DataError as error:
            errors.append(str(error))
            return otherwise

    objects: dict[str, int] = {}
    train: dict[str, object] = {}
    conditions: dict[str, list[object]] = {}
    images: Path | None = None
    try:
        _need_folder(root)
    except DataError as error:
        errors.append(str(error))
    else:
        objects = tried(lambda: read_objects(root), {})
        train = tried(lambda: _load_mapping(root / "train.json", "image file name -> list of object names"), {})
        images = tried(lambda: image_folder(root, folder), None)
        read = {name: tried(partial(_load_list, root / name), None) for name in CONDITION_FILES}
        conditions = {name: lists for name, lists in read.items() if lists is not None}

    unknown: dict[str, tuple[str, ...]] = {}
    duplicates: dict[str, tuple[str, ...]] = {}

    def histogram(file: Path, lists: Iterable[tuple[str, object]], prefix: str = "") -> dict[int, int]:
        lengths: Counter[int] = Counter()
        for key, value in lists:
            try:
                names = _names(file, key, value)
            except DataError as error:
                errors.append(str(error))
                continue
            lengths[len(names)] += 1
            if objects and (strange := tuple(name for name in names if name not in objects)):
                unknown[prefix + key] = strange
            if twice := _twice(names):
                duplicates[prefix + key] = twice
        return dict(sorted(lengths.items()))

    listed = sorted(train)
    objects_per_image = histogram(root / "train.json", ((key, train[key]) for key in listed))
    condition_histograms = {
        name: histogram(root / name, ((f"condition {i}", value) for i, value in enumerate(lists)), f"{name} ")
        for name, lists in conditions.items()
    }

    missing = _missing(images, listed) if images else []
    absent = set(missing)
    present = [name for name in listed if name not in absent] if images else []
    sizes, unreadable = _decode(images, present) if images else ({}, {})
    unlisted = sorted(_image_names(images) - set(listed)) if images else []
    return CheckReport(
        root=root,
        images=images,
        listed=len(listed),
        present=len(present),
        scenes=len({scene_of(name) for name in listed}),
        missing=tuple(missing),
        unreadable=unreadable,
        unlisted=tuple(unlisted),
        unknown_objects=unknown,
        duplicates=duplicates,
        sizes=sizes,
        objects_per_image=objects_per_image,
        conditions=condition_histograms,
        errors=tuple(errors),
    )


def _decode(images: Path, names: Sequence[str]) -> tuple[dict[tuple[int, int], int], dict[str, str]]:
    """How many images have which size, most frequent first, and why the others cannot be read."""
    sizes: Counter[tuple[int, int]] = Counter()
    unreadable: dict[str, str] = {}
    with ThreadPoolExecutor(min(8, usable_cores())) as pool:
        for name, outcome in zip(names, pool.map(_size_or_reason, (images / name for name in names)), strict=True):
            if isinstance(outcome, str):
                unreadable[name] = outcome
            else:
                sizes[outcome] += 1
    return dict(sizes.most_common()), unreadable


def _need_folder(root: Path) -> None:
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; set the root folder of the data to the one with objects.json")


def _in_folder(root: Path, name: str) -> Path:
    _need_folder(root)
    return root / name


def _load(file: Path) -> object:
    def without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if repeated := _twice([key for key, _ in pairs]):
            raise DataError(f"{file}: the key {repeated[0]!r} stands there more than once; keep one")
        return dict(pairs)

    try:
        value: object = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=without_repeats)
    except FileNotFoundError:
        raise DataError(f"{file}: no such file; put it there or correct the root folder") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); check the file and its permissions") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{file}, line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not UTF-8 text (byte {error.start}); save it as UTF-8 JSON") from error
    return value


def _load_mapping(file: Path, meaning: str) -> dict[str, object]:
    value = _load(file)
    if not isinstance(value, dict):
        raise DataError(f"{file}: found {_kind(value)}; expected a mapping of {meaning}")
    return value


def _load_list(file: Path) -> list[object]:
    value = _load(file)
    if not isinstance(value, list):
        raise DataError(f"{file}: found {_kind(value)}; expected a list of lists of object names")
    if not value:
        raise DataError(f"{file}: no conditions; expected at least one list of object names")
    return value


def _names(file: Path, key: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise DataError(f"{file}: {key} has the value {_short(value)}; expected a list of object names")
    if not value:
        raise DataError(f"{file}: {key} has an empty list; name at least one object or remove the entry")
    return value


def _valid_names(
    file: Path, key: str, value: object, objects: Mapping[str, int], known_from: str = "objects.json"
) -> list[str]:
    names = _names(file, key, value)
    for name in names:
        if name not in objects:
            raise DataError(f"{file}: {key}: {unknown_name(name, objects, known_from)}")
    if repeated := _twice(names):
        raise DataError(f"{file}: {key} names {repeated[0]!r} more than once; name each object once")
    return names


def unknown_name(name: str, objects: Iterable[str], known_from: str = "objects.json") -> str:
    """That ``known_from`` does not have this name, and which near ones it has."""
    near = difflib.get_close_matches(name, objects, n=3)
    hint = f"did you mean {' or '.join(repr(n) for n in near)}?" if near else f"valid names: {', '.join(objects)}"
    return f"{name!r} is not in {known_from}; {hint}"


def _twice(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name, count in Counter(names).items() if count > 1)


def _image_names(folder: Path) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.name.lower().endswith(SUFFIXES)}


def _missing(images: Path, names: Iterable[str]) -> list[str]:
    """Names without a file; one listing of the folder answers for all but names with a folder or another suffix."""
    there = _image_names(images) if images.is_dir() else set()
    return [name for name in names if name not in there and not (images / name).is_file()]


def _size_or_reason(path: Path) -> tuple[int, int] | str:
    try:
        return read_rgb(path).size
    except Exception as error:  # a broken file may raise anything; every one of them is reported
        return str(error) or type(error).__name__


def _histogram(counts: Mapping[int, int]) -> str:
    return ", ".join(f"{size}: {count:,}" for size, count in counts.items()) or "none"


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "a string", type(None): "null"}
    return names.get(type(value), "a number or truth value")


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
