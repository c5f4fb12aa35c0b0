"""The files of an iCLEVR folder.

``objects.json`` maps a name ("red cube") to its index, ``train.json`` an image file name to the names of the objects in
it, ``test.json`` and ``new_test.json`` are lists of such lists: the conditions to draw images for.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from data_modules.errors import DataError, listing, near_names
from data_modules.files import is_file, list_pictures, need_folder, picture_folder
from data_modules.iclevr_json import listed_names, load_list, load_mapping
from data_modules.text import short, twice

FOLDERS = ("images", "iclevr")


def read_objects(root: Path) -> dict[str, int]:
    """``objects.json``: object name -> index, in the order of the indices 0 to N-1.

    Raises:
        DataError: no such folder or file, no valid JSON, no mapping, or the indices are not 0 to N-1 each once.
    """
    file = _in_folder(root, "objects.json")
    objects = load_mapping(file, "object name -> index")
    if not objects:
        raise DataError(f"{file}: no objects; expected a mapping of object name -> index")
    indices: dict[str, int] = {}
    for name, index in objects.items():
        if type(index) is not int:
            raise DataError(f"{file}: {name!r} has the value {short(index)}; expected an index, a whole number")
        indices[name] = index
    if sorted(indices.values()) != list(range(len(indices))):
        counts = Counter(indices.values())
        wrong = [name for name, i in indices.items() if not 0 <= i < len(indices) or counts[i] > 1]
        raise DataError(
            f"{file}: the indices must be 0 to {len(indices) - 1}, each once; correct those of: "
            + ", ".join(f"{name!r} ({indices[name]})" for name in wrong)
        )
    return dict(sorted(indices.items(), key=lambda item: item[1]))


def colours_and_shapes(names: Sequence[str]) -> dict[str, dict[str, list[int]]]:
    """The indices of the objects of each colour and of each shape, which is how iCLEVR names them: "red cube". None
    where the objects are not called so."""
    words = [name.split() for name in names]
    if not all(len(parts) == 2 for parts in words):
        return {}
    found: dict[str, dict[str, list[int]]] = {"colour": {}, "shape": {}}
    for index, parts in enumerate(words):
        for kind, value in zip(found, parts, strict=True):
            found[kind].setdefault(value, []).append(index)
    return found


def read_train(root: Path, objects: Mapping[str, int], images: Path) -> tuple[list[Path], list[list[str]]]:
    """``train.json``: the image files in ``images`` and, for each, the names of its objects; sorted by file name.

    Files of the folder that are not listed are left out.

    Raises:
        DataError: no such file, no valid JSON, no images listed, a value that is no list of different names of
            ``objects``, or listed images that do not exist (up to 20 are named).
    """
    file = _in_folder(root, "train.json")
    train = load_mapping(file, "image file name -> list of object names")
    if not train:
        raise DataError(f"{file}: no images; expected at least one image file name with its list of object names")
    names = [_valid_names(file, key, train[key], objects) for key in sorted(train)]
    if absent := missing(images, sorted(train)):
        raise DataError(
            f"{file}: {len(absent):,} of the {len(train):,} images listed are not in {images}; "
            f"put them there or choose another image folder:{listing(absent)}"
        )
    return [images / key for key in sorted(train)], names


def read_conditions(path: Path, objects: Mapping[str, int], known_from: str = "objects.json") -> list[list[str]]:
    """A JSON list of conditions, each a list of one or more different object names.

    ``known_from`` is what the message about an unknown name calls the place of the known ones.

    Raises:
        DataError: no such file, no valid JSON, no conditions, or one that is no list of different names of ``objects``.
    """
    conditions = load_list(path)
    return [_valid_names(path, f"condition {i}", names, objects, known_from) for i, names in enumerate(conditions)]


def multi_hot(names: Sequence[Sequence[str]], objects: Mapping[str, int]) -> np.ndarray:
    """float32 array of shape (len(names), len(objects)): 1 where the object is named, else 0.

    Raises:
        DataError: a name that is not in ``objects``.
    """
    return (ranks(names, objects) > 0).astype(np.float32)


def ranks(names: Sequence[Sequence[str]], objects: Mapping[str, int]) -> np.ndarray:
    """int64 array of shape (len(names), len(objects)): 1 where the object is named first, 2 for the second and so on,
    0 where it is not named.

    Raises:
        DataError: a name that is not in ``objects``.
    """
    array = np.zeros((len(names), len(objects)), np.int64)
    for i, row in enumerate(names):
        for rank, name in enumerate(row, start=1):
            if name not in objects:
                raise DataError(f"condition {i}: {unknown_name(name, objects)}")
            array[i, objects[name]] = rank
    return array


def image_folder(root: Path, folder: str | None = None) -> Path:
    """``folder``, or if it is None the first of ``root/images``, ``root/iclevr`` and ``root`` that holds a picture; see
    `picture_folder`."""
    return picture_folder(root, folder, FOLDERS)


def scene_of(file_name: str) -> str:
    """The scene of an image: "000123" for "CLEVR_train_000123_1.png", the stem of a file name of any other form.

    The images of one scene share objects, so a split must keep them together.
    """
    match = re.fullmatch(r"CLEVR_[A-Za-z]+_(\d+)_\d+", Path(file_name).stem)
    return match[1] if match else Path(file_name).stem


def _in_folder(root: Path, name: str) -> Path:
    need_folder(root)
    return root / name


def _valid_names(
    file: Path, key: str, value: object, objects: Mapping[str, int], known_from: str = "objects.json"
) -> list[str]:
    names = listed_names(file, key, value)
    for name in names:
        if name not in objects:
            raise DataError(f"{file}: {key}: {unknown_name(name, objects, known_from)}")
    if repeated := twice(names):
        raise DataError(f"{file}: {key} names {repeated[0]!r} more than once; name each object once")
    return names


def unknown_name(name: str, objects: Iterable[str], known_from: str = "objects.json") -> str:
    """That ``known_from`` does not have this name, and which near ones it has."""
    return f"{name!r} is not in {known_from}; {near_names(name, objects)}"


def missing(images: Path, names: Iterable[str]) -> list[str]:
    """Names without a file; one listing of the folder answers for all but names with a folder or another suffix."""
    there = set(list_pictures(images).names) if images.is_dir() else set()
    return [name for name in names if name not in there and not is_file(images / name)]
