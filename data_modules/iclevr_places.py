"""Where the objects of an iCLEVR folder stand: read from ``places.json``, or found in the pictures.

The pictures of a scene differ by one object each, in the order of the names in ``train.json``: what changes from one to
the next is the new object. The first object is what differs from the median of many scenes, near where it stands in
most of them.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from data_modules.cache import array_file, fingerprint
from data_modules.errors import DataError
from data_modules.iclevr_files import scene_of
from data_modules.iclevr_json import load_mapping
from data_modules.text import short

Point = tuple[float, float]
Pixels = NDArray[np.uint8]

SIDE = 64
"""Places are looked for in pictures of 64x64 px."""
CHANGE = 20
"""A pixel has changed when one of its channels differs by more than this, of 255."""
REACH = 10
"""An object's changed pixels lie within so many pixels of its place; those farther away are its shadow."""
GROUND_SCENES = 500
"""The ground is the median of so many scenes."""
FILE = "places.json"
METHOD = 1  # raise it when the same pictures would give other places


def find_places(
    picture: Callable[[int], Pixels], files: Sequence[str], names: Sequence[Sequence[str]]
) -> list[list[Point | None]]:
    """The place of each object of each picture, in the order of its names; None where it was not found.

    A place is (x, y) in [0, 1), from the left and from the top, of the middle of the pixels that the object changed;
    the centre of the left column of pixels is 0.5 / 64. It counts as found if a pixel beside it has the object's colour
    (the first word of its name) rather than another one, all colours as they are seen at the places in the pictures.

    Args:
        picture: row -> uint8 (3, 64, 64).
        files: file name of each row; rows of one scene (see `scene_of`) belong together.
        names: the objects of each row, in the order in which they were put into the scene.
    """
    scenes: dict[str, dict[tuple[str, ...], int]] = {}
    for row, (file, objects) in enumerate(zip(files, names, strict=True)):
        scenes.setdefault(scene_of(file), {}).setdefault(tuple(objects), row)
    found: dict[tuple[str, str], tuple[Point, int]] = {}  # (scene, object) -> pixel, and the row it was found in
    firsts = {scene: rows[one] for scene, rows in scenes.items() for one in rows if len(one) == 1}
    for scene, first in _first_places(picture, firsts).items():
        found[scene, names[firsts[scene]][0]] = first, firsts[scene]
    for scene, rows in scenes.items():
        for objects, row in rows.items():
            before = rows.get(objects[:-1])
            if before is not None and (pixel := _middle(_changed(picture(row), picture(before)))):
                found[scene, objects[-1]] = pixel, row
    agreeing = _with_their_colour(picture, found)
    return [
        [_share(agreeing.get((scene_of(file), name))) for name in objects]
        for file, objects in zip(files, names, strict=True)
    ]


def read_places(file: Path, files: Sequence[str], names: Sequence[Sequence[str]]) -> list[list[Point | None]]:
    """The places that ``places.json`` gives: picture -> a list of [x, y], or null, one for each name in train.json.

    Raises:
        DataError: unreadable, no mapping, a picture that is not in it, or not one place in [0, 1) for each object.
    """
    places = load_mapping(file, "image file name -> list of [x, y], one for each object")
    return [_listed_places(file, name, places, len(objects)) for name, objects in zip(files, names, strict=True)]


def place_table(
    places: Sequence[Sequence[Point | None]], names: Sequence[Sequence[str]], objects: Mapping[str, int]
) -> NDArray[np.float32]:
    """float32 (pictures, num_classes, 2): the place of each object in its class's row, NaN where there is none."""
    table = np.full((len(names), len(objects), 2), np.nan, np.float32)
    for row, points, present in zip(table, places, names, strict=True):
        for point, name in zip(points, present, strict=True):
            if point is not None:
                row[objects[name]] = point
    return table


def cached_place_table(
    cache_dir: Path,
    pictures: Callable[[], NDArray[Any]],
    paths: Sequence[Path],
    names: Sequence[Sequence[str]],
    objects: Mapping[str, int],
) -> NDArray[np.float32]:
    """The table of the places found, kept in a file beside the cached images.

    Args:
        cache_dir: folder of the file.
        pictures: gives the (N, 3, 64, 64) images; called if the file is missing.
        paths, names, objects: the image files, the objects of each and all objects with their index.
    """

    def write(stream: BinaryIO) -> None:
        places = find_places(pictures().__getitem__, [path.name for path in paths], names)
        stream.write(place_table(places, names, objects).tobytes())

    known = hashlib.blake2b(repr((METHOD, list(names), dict(objects))).encode(), digest_size=5).hexdigest()
    file = cache_dir / f"places_{fingerprint(paths, SIDE)}_{known}.npy"
    return array_file(file, (len(paths), len(objects), 2), "<f4", write)


def need_most(root: Path, found: int, total: int) -> None:
    """
    Raises:
        DataError: the places of fewer than half of the objects were found; the message says what the folder lacks.
    """
    if found * 2 < total:
        raise DataError(
            f"{root}: the places of {found:,} of {total:,} objects were found, too few for data.places; expected "
            f"{FILE}, or pictures CLEVR_<set>_<scene>_<k>.png of which each shows one object more than the one before, "
            "named last in train.json"
        )


def _first_places(picture: Callable[[int], Pixels], rows: Mapping[str, int]) -> dict[str, Point]:
    """Scene -> pixel of the only object in its first picture."""
    if not rows:
        return {}
    chosen = list(rows.values())[:: max(1, len(rows) // GROUND_SCENES)]
    ground = np.median(np.stack([picture(row) for row in chosen]), axis=0)
    changed = {scene: _changed(picture(row), ground) for scene, row in rows.items()}
    # a picture's own light differs from the ground in large patches; the median over the scenes does not care
    guesses = [point for part in changed.values() if (point := _middle(part))]
    if not guesses:
        return {}
    x, y = np.median(guesses, axis=0).tolist()
    return {scene: point for scene, part in changed.items() if (point := _near(part, (x, y)))}


def _changed(picture: Pixels, ground: NDArray[Any]) -> NDArray[np.int64]:
    """(K, 2) x and y of the pixels that differ."""
    differs = np.abs(picture.astype(np.int16) - ground).max(axis=0) > CHANGE
    return np.argwhere(differs)[:, ::-1]


def _middle(pixels: NDArray[np.int64]) -> Point | None:
    """Their mean, and once more of those within reach of it."""
    if not len(pixels):
        return None
    x, y = pixels.mean(axis=0).tolist()
    return _near(pixels, (x, y))


def _near(pixels: NDArray[np.int64], point: Point) -> Point | None:
    near = pixels[((pixels - point) ** 2).sum(axis=1) <= REACH**2]
    if not len(near):
        return None
    x, y = near.mean(axis=0).tolist()
    return x, y


def _with_their_colour(
    picture: Callable[[int], Pixels], found: Mapping[tuple[str, str], tuple[Point, int]]
) -> dict[tuple[str, str], Point]:
    """Those whose colour is seen at one of the nine pixels at their place."""
    seen = {key: _nine(picture(row), pixel) for key, (pixel, row) in found.items()}
    at: dict[str, list[NDArray[np.float64]]] = {}
    for (_, name), colours in seen.items():
        at.setdefault(name.split(" ")[0], []).append(colours[4])
    words = list(at)
    typical = np.array([np.median(at[word], axis=0) for word in words])
    return {
        key: found[key][0]
        for key, colours in seen.items()
        if any(words[_nearest(typical, colour)] == key[1].split(" ")[0] for colour in colours)
    }


def _nine(picture: Pixels, pixel: Point) -> NDArray[np.float64]:
    """(9, 3) the pixels at and around a place; the fifth is the middle one."""
    x, y = (round(value) for value in pixel)
    rows = np.clip(np.arange(y - 1, y + 2), 0, SIDE - 1)
    columns = np.clip(np.arange(x - 1, x + 2), 0, SIDE - 1)
    return picture[:, rows[:, None], columns].reshape(3, 9).T.astype(np.float64)


def _nearest(typical: NDArray[np.float64], colour: NDArray[np.float64]) -> int:
    return int(((typical - colour) ** 2).sum(axis=1).argmin())


def _share(pixel: Point | None) -> Point | None:
    """Of the picture's width and height."""
    return pixel and ((pixel[0] + 0.5) / SIDE, (pixel[1] + 0.5) / SIDE)


def _listed_places(file: Path, key: str, places: Mapping[str, object], count: int) -> list[Point | None]:
    if key not in places:
        raise DataError(f"{file}: {key} is not in it, but in train.json; add it, or remove {file.name} to search")
    value = places[key]
    if not isinstance(value, list) or len(value) != count:
        raise DataError(f"{file}: {key} has the value {short(value)}; expected a list of {count} [x, y]")
    return [_point(file, key, place) for place in value]


def _point(file: Path, key: str, value: object) -> Point | None:
    if value is None:
        return None
    if isinstance(value, list) and len(value) == 2 and all(type(part) in (int, float) for part in value):
        x, y = float(value[0]), float(value[1])
        if all(math.isfinite(part) and 0 <= part < 1 for part in (x, y)):
            return x, y
    raise DataError(f"{file}: {key} has the place {short(value)}; expected [x, y], both at least 0 and below 1")
