"""iCLEVR-like scenes, rendered: cubes, spheres and cylinders in eight colours, put on a grey ground one at a time.

The files are those of the real set (``objects.json``, ``train.json``, ``test.json``, ``new_test.json``, ``images/``),
so that its loader reads them. No pixel comes from the real set; camera, lamps and sizes were fitted to look like it at
64 pixels.
"""

import json
import math
import multiprocessing
import signal
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from data_modules.cache import usable_cores
from data_modules.errors import DataError
from data_modules.rendered.folder import check_request, new_folder
from data_modules.rendered.raycast import Camera, Canvas, Lighting
from data_modules.rendered.solids import Shape, Solid

SHAPES: tuple[Shape, ...] = ("cube", "sphere", "cylinder")
COLORS: dict[str, tuple[int, int, int]] = {
    "gray": (87, 87, 87),
    "red": (173, 35, 35),
    "blue": (42, 75, 215),
    "green": (29, 105, 20),
    "brown": (129, 74, 25),
    "purple": (129, 38, 192),
    "cyan": (41, 208, 208),
    "yellow": (255, 238, 51),
}
"""CLEVR's palette. As in CLEVR, the values over 255 are taken as linear reflectances."""

CLASSES: tuple[tuple[Shape, str], ...] = tuple((shape, color) for shape in SHAPES for color in COLORS)
NAMES: tuple[str, ...] = tuple(f"{color} {shape}" for shape, color in CLASSES)
OBJECTS_PER_SCENE = 3
MAX_HIDDEN = 0.25
"""No object has more than this share of its pixels hidden by the others, in any of the images of a scene."""

TEST_SIZES = {"test.json": (6, 12, 14), "new_test.json": (0, 12, 20)}
"""How many condition lists have 1, 2 and 3 objects."""

_GAP = 0.15
_TRIES = 100
_CHUNK = 32
_SCENES, _CONDITIONS = 0, 1
Chunk = tuple[Path, int, int, int, int, float]
Written = dict[str, tuple[list[str], list[tuple[float, float]]]]  # file name -> the objects' names and places

_CAMERA = (0.0, -11.23, 5.47)
# Key lamp at the right near the camera, cool fill at the left, back lamp above the middle.
_LAMPS = np.array([[1.77, -5.85, 4.15], [-5.48, 0.92, 3.1], [0.45, 1.95, 4.65]], dtype=np.float32)
_POWERS = np.array([[4.68, 4.34, 3.76], [1.03, 1.12, 1.41], [3.09, 3.06, 3.03]], dtype=np.float32)
_AMBIENT = np.array([0.200, 0.199, 0.198], dtype=np.float32)


@dataclass(frozen=True)
class Scene:
    """One scene in three images, with one object more in each.

    images: uint8 (3, size, size, 3), sRGB.
    labels: the names in each image, in the order in which the objects were put down.
    ids: int8 (3, 2 * size, 2 * size): index into ``solids`` of what each sub-pixel shows, -1 for the ground.
    solids, camera: what was rendered.
    places: (x, y) of the middle of each solid as the camera sees it, from the left and from the top of the picture, in
        0..1 of its size.
    """

    images: NDArray[np.uint8]
    labels: list[list[str]]
    ids: NDArray[np.int8]
    solids: list[Solid]
    camera: Camera

    @property
    def places(self) -> list[tuple[float, float]]:
        middles = (np.array([[solid.x, solid.y, solid.half]], dtype=np.float32) for solid in self.solids)
        return [(left, top) for top, left, _, _ in (self.camera.frame(middle, 1) for middle in middles)]


def render_scenes(scenes: int, size: int = 64, seed: int = 0, zoom: float = 1.0, start: int = 0) -> Iterator[Scene]:
    """Yields the scenes ``start`` to ``start + scenes - 1``.

    Scene k is a function of (seed, k, size, zoom) and its labels of (seed, k), so any process may render any of them.

    Args:
        scenes: how many.
        size: height and width of the images in pixels.
        seed: the same seed gives the same scenes.
        zoom: 1 is the real set's view; 2 shows half of it, with objects twice as large and closer together, so that
            small pictures still tell the shapes apart.
        start: index of the first scene.

    Raises:
        DataError: scenes < 1, size < 16, seed < 0, zoom outside 1..2 or start < 0.
    """
    _check(scenes, size, seed, zoom)
    if start < 0:
        raise DataError(f"start is {start}, expected 0 or more: it is the index of the first scene")
    return (_render_scene(size, seed, zoom, index) for index in range(start, start + scenes))


def write_dataset(
    folder: Path,
    scenes: int,
    size: int = 64,
    seed: int = 0,
    zoom: float = 1.0,
    workers: int | None = None,
    progress: bool = True,
) -> None:
    """Writes 3 * scenes images and the JSON files, `places.json` (see `Scene.places`) among them, into a new or empty
    ``folder``; all of it, or nothing.

    Args:
        folder: written under another name beside it and renamed at the end.
        scenes, size, seed, zoom: as for ``render_scenes``.
        workers: processes that share the scenes, at most one a usable core by default; 1 stays in this process. The
            files do not depend on it. The processes are spawned, so a script needs ``if __name__ == "__main__":``.
        progress: shows a bar.

    Raises:
        DataError: scenes < 1, size < 16, seed < 0, zoom outside 1..2, workers < 1, or ``folder`` is a file or holds
            anything.
    """
    _check(scenes, size, seed, zoom)
    if workers is not None and workers < 1:
        raise DataError(f"workers is {workers}, expected 1 or more, or None for one a core")
    with new_folder(folder) as temporary:
        (temporary / "images").mkdir()
        written = _write_images(temporary / "images", scenes, size, seed, zoom, workers or usable_cores(), progress)
        _write_json(temporary / "objects.json", {name: index for index, name in enumerate(NAMES)})
        _write_json(temporary / "train.json", {file: names for file, (names, _) in written.items()})
        _write_json(temporary / "places.json", {file: places for file, (_, places) in written.items()})
        for file, sizes in TEST_SIZES.items():
            _write_json(temporary / file, conditions(sizes, seed))


def conditions(sizes: tuple[int, ...], seed: int) -> list[list[str]]:
    """Distinct lists of names, a function of its arguments: sizes[0] lists of one name, sizes[1] of two, and so on.

    Raises:
        DataError: more lists of one length than there are.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_CONDITIONS, *sizes)))
    lists: dict[frozenset[int], list[str]] = {}
    for objects, count in enumerate(sizes, start=1):
        if count > (most := math.comb(len(NAMES), objects)):
            raise DataError(f"{count} different lists of {objects} objects asked for, but there are only {most}")
        wanted = len(lists) + count
        while len(lists) < wanted:
            chosen = rng.choice(len(NAMES), objects, replace=False)
            lists.setdefault(frozenset(chosen.tolist()), [NAMES[index] for index in chosen])
    return list(lists.values())


def _render_scene(size: int, seed: int, zoom: float, index: int) -> Scene:
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_SCENES, index)))
    chosen = rng.permutation(len(NAMES))[:OBJECTS_PER_SCENE]
    labels = [[NAMES[i] for i in chosen[: count + 1]] for count in range(OBJECTS_PER_SCENE)]
    x, y, z = (at + float(rng.uniform(-0.12, 0.12)) for at in _CAMERA)
    camera = Camera((x, y, z), zoom=zoom)
    lamps = _LAMPS + rng.uniform(-0.5, 0.5, _LAMPS.shape).astype(np.float32)
    powers = _POWERS * rng.uniform(0.88, 1.12, (len(_POWERS), 1)).astype(np.float32)
    lighting = Lighting(lamps, powers, _AMBIENT)
    while True:
        # Two objects can leave no room for a third: then the scene starts anew, with the same objects and lights.
        canvas = Canvas(camera, lighting, size)
        images, ids = [], []
        for i in chosen:
            shape, color = CLASSES[i]
            if not _put_down(canvas, shape, color, rng):
                break
            images.append(canvas.picture())
            ids.append(canvas.ids)
        else:
            return Scene(np.stack(images), labels, np.stack(ids), canvas.solids, camera)


def _put_down(canvas: Canvas, shape: Shape, color: str, rng: np.random.Generator) -> bool:
    red, green, blue = (value / 255 for value in COLORS[color])
    gloss, shininess = float(rng.uniform(0, 0.12)), float(rng.uniform(8, 60))
    for _ in range(_TRIES):
        angle = float(rng.uniform(0, 2 * math.pi))
        if canvas.solids:
            # A square seen over a corner, as in CLEVR.
            p, q = (float(value) / math.sqrt(2) / canvas.camera.zoom for value in rng.uniform(-3.4, 3.4, 2))
            x, y = p - q, p + q
        else:
            x, y = (float(value) for value in rng.uniform(-0.1, 0.1, 2))
        solid = Solid(shape, x, y, angle, (red, green, blue), gloss, shininess)
        apart = all(
            math.hypot(other.x - x, other.y - y) > other.footprint + solid.footprint + _GAP for other in canvas.solids
        )
        if apart and canvas.place(solid, MAX_HIDDEN):
            return True
    return False


def _write_images(
    folder: Path, scenes: int, size: int, seed: int, zoom: float, workers: int, progress: bool
) -> Written:
    chunks = [(folder, start, min(_CHUNK, scenes - start), size, seed, zoom) for start in range(0, scenes, _CHUNK)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    written: Written = {}
    # Closed before the caller removes the folder: no worker may then still be writing into it.
    with Progress(*columns, disable=not progress) as bar, closing(_run(chunks, min(workers, len(chunks)))) as done:
        task = bar.add_task("rendering scenes", total=scenes)
        for part in done:
            written |= part
            bar.advance(task, len(part) // OBJECTS_PER_SCENE)
    return dict(sorted(written.items()))


def _run(chunks: list[Chunk], workers: int) -> Generator[Written, None, None]:
    if workers == 1:
        yield from (_write_chunk(*chunk) for chunk in chunks)
        return
    ignored = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes of a terminal, and is this one's to answer
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=signal.signal, initargs=ignored)
    try:
        with _handler(*ignored):  # which processes that are started here have from their first moment on
            written = [pool.submit(_write_chunk, *chunk) for chunk in chunks]
        for done in as_completed(written):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _handler(number: signal.Signals, handler: signal.Handlers) -> Iterator[None]:
    """Another handler of a signal; only in the main thread, which is the only one that can set it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before or signal.SIG_DFL)


def _write_chunk(folder: Path, start: int, count: int, size: int, seed: int, zoom: float) -> Written:
    written: Written = {}
    for index, scene in enumerate(render_scenes(count, size, seed, zoom, start), start=start):
        for image, (pixels, names) in enumerate(zip(scene.images, scene.labels, strict=True)):
            file = f"CLEVR_train_{index:06d}_{image}.png"
            Image.fromarray(pixels).save(folder / file)
            written[file] = names, [(round(x, 4), round(y, 4)) for x, y in scene.places[: len(names)]]
    return written


def _write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")


def _check(scenes: int, size: int, seed: int, zoom: float) -> None:
    check_request(size, seed, "shapes cannot be told apart", scenes=scenes)
    if not 1 <= zoom <= 2:
        raise DataError(f"zoom is {zoom}, expected 1 to 2: above that three objects do not fit into the picture")
