"""Two sets of procedural pictures for image-to-image translation: animals with plain and with striped coats.

The animals of both sets have the same build, poses and grounds; they differ in nothing but the coat. Plain coats come
in all shades, white and black among them, so it is the stripes that tell the sets apart. No pixel comes from a real
set; the folders are those of the real horse2zebra.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from data_modules.errors import DataError
from data_modules.rendered.folder import check_request, new_folder

Floats = NDArray[np.floating[Any]]
Color = tuple[float, float, float]

SUPERSAMPLING = 2
PLAIN, STRIPED = "A", "B"
UNSEEN = "stripes cannot be seen"

# sRGB in 0..1
COATS: tuple[Color, ...] = (
    (0.36, 0.20, 0.10),
    (0.52, 0.31, 0.15),
    (0.68, 0.46, 0.25),
    (0.78, 0.66, 0.48),
    (0.45, 0.43, 0.42),
    (0.14, 0.12, 0.12),
    (0.90, 0.88, 0.84),
)
WHITE, BLACK = (0.93, 0.92, 0.88), (0.10, 0.09, 0.10)
SKIES: tuple[Color, ...] = ((0.53, 0.73, 0.92), (0.72, 0.82, 0.90), (0.86, 0.80, 0.72), (0.62, 0.66, 0.72))
GROUNDS: tuple[Color, ...] = ((0.36, 0.52, 0.20), (0.50, 0.58, 0.26), (0.74, 0.62, 0.38), (0.60, 0.44, 0.28))


@dataclass(frozen=True)
class Animal:
    """One picture.

    image: uint8 (size, size, 3), sRGB.
    cover: float32 (size, size), the share of each pixel that the animal covers.
    """

    image: NDArray[np.uint8]
    cover: NDArray[np.float32]


@dataclass(frozen=True)
class Limb:
    """A part of the animal: a line with a radius at either end, in units of the body's length, y down.

    `rings` is the number of stripes in a unit of length along it.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    radii: tuple[float, float]
    rings: float

    def box(self, u: Floats, v: Floats) -> tuple[slice, slice]:
        """The rows and columns that the limb can reach, of a picture with columns at u (W,) and rows at v (H,)."""
        most = max(self.radii)
        reached = []
        for steps, one, other in ((v, self.start[1], self.end[1]), (u, self.start[0], self.end[0])):
            within = np.flatnonzero((steps > min(one, other) - most) & (steps < max(one, other) + most))
            reached.append(slice(int(within[0]), int(within[-1]) + 1) if len(within) else slice(0, 0))
        return reached[0], reached[1]


def render_animal(striped: bool, index: int, size: int = 64, seed: int = 0) -> Animal:
    """The animal `index` of its set: a function of the arguments, of which `size` changes the resolution only.

    Raises:
        DataError: size < 16, or index or seed < 0.
    """
    check_request(size, seed, UNSEEN)
    if index < 0:
        raise DataError(f"index is {index}, expected 0 or more")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(striped), index)))
    steps = ((np.arange(size * SUPERSAMPLING) + 0.5) / (size * SUPERSAMPLING)).astype(np.float32)
    picture = ground(steps[None, :], steps[:, None], rng)
    length, facing = rng.uniform(0.40, 0.48), rng.choice((-1.0, 1.0))
    # the picture's plane in units of the body, whose middle is the origin; with the head it reaches farther forward
    u = (facing * (steps - 0.5 - rng.uniform(-0.04, 0.04)) / length + 0.1).astype(np.float32)
    v = ((steps - rng.uniform(0.42, 0.52)) / length).astype(np.float32)
    picture *= 1 - 0.45 * np.exp(-((u / 0.75) ** 2 + ((v[:, None] - 0.76) / 0.09) ** 2))[..., None]
    cover = paint(picture, build(rng), u, v, striped, rng)
    pixels = shrunk(picture, size)
    encoded: NDArray[np.uint8] = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    return Animal(encoded, shrunk(cover[..., None], size)[..., 0])


def write_dataset(
    folder: Path, train: int = 1000, test: int = 100, size: int = 64, seed: int = 0, progress: bool = True
) -> None:
    """Writes `trainA`, `trainB` (`train` pictures each), `testA` and `testB` (`test` each) into a new or empty
    `folder`; all of it, or nothing. A is plain, B striped.

    Raises:
        DataError: train or test < 1, size < 16, seed < 0, or `folder` is a file or holds anything.
    """
    check_request(size, seed, UNSEEN, train=train, test=test)
    # test pictures come first, so that they are the same for every number of training pictures
    jobs = [
        (f"{part}{domain}", index, domain == STRIPED)
        for part, numbers in (("test", range(test)), ("train", range(test, test + train)))
        for domain in (PLAIN, STRIPED)
        for index in numbers
    ]
    with new_folder(folder) as temporary:
        for part in ("trainA", "trainB", "testA", "testB"):
            (temporary / part).mkdir()
        for part, index, striped in track(jobs, "rendering animals", disable=not progress):
            animal = render_animal(striped, index, size, seed)
            Image.fromarray(animal.image).save(temporary / part / f"{index:06d}.png")


def build(rng: np.random.Generator) -> list[Limb]:
    """The parts of one animal, the farther legs first; the body reaches from -0.5 to 0.5, the hooves down to 0.78."""
    lift, stretch = rng.uniform(-0.5, 0.25), rng.uniform(0.9, 1.1)
    neck = (0.40, -0.08), (0.66 + 0.12 * lift, -0.42 + 0.32 * lift)
    head = neck[1], (neck[1][0] + 0.24, neck[1][1] + 0.14 + 0.12 * lift)
    limbs = []
    for at in (0.36, -0.38, 0.42, -0.44):
        knee = at + rng.uniform(-0.10, 0.10)
        hoof = knee + rng.uniform(-0.08, 0.08)
        limbs += [
            Limb((at, 0.08), (knee, 0.42), (0.12, 0.06), 5.0),
            Limb((knee, 0.42), (hoof, 0.74), (0.055, 0.045), 6.0),
        ]
    tail = (-0.56, -0.10), (-0.70 + rng.uniform(-0.06, 0.06), 0.26)
    ear = (neck[1][0] - 0.02, neck[1][1] - 0.06), (neck[1][0] - 0.03, neck[1][1] - 0.17)
    return [
        *limbs[:4],
        Limb(*tail, (0.035, 0.03), 5.0),
        *limbs[4:],
        Limb((-0.36, 0.0), (0.34, 0.0), (0.23 * stretch, 0.22 * stretch), 5.0),
        Limb(*neck, (0.17, 0.11), 5.5),
        Limb(*ear, (0.045, 0.02), 0.0),
        Limb(*head, (0.11, 0.065), 6.0),
    ]


def paint(picture: Floats, limbs: list[Limb], u: Floats, v: Floats, striped: bool, rng: np.random.Generator) -> Floats:
    """Paints the animal over the picture (H, W, 3), whose columns lie at u (W,) and rows at v (H,).

    Returns:
        (H, W) 1 where the animal is, else 0.
    """
    main = np.array(WHITE if striped else COATS[rng.integers(len(COATS))])
    main = np.clip(main + rng.uniform(-0.05, 0.05, 3), 0, 1).astype(np.float32)
    dark = np.clip(np.array(BLACK) + rng.uniform(-0.02, 0.10), 0, 1).astype(np.float32)
    phase, wobble, share = rng.uniform(0, 1), rng.uniform(0.01, 0.03), rng.uniform(-0.15, 0.15)
    cover = np.zeros(picture.shape[:2], dtype=np.float32)
    for limb in limbs:
        box = limb.box(u, v)
        across_u, down_v = u[box[1]], v[box[0], None]
        along, across, inside = place(limb, across_u, down_v)
        bent = along + wobble * np.sin(9 * down_v + 7 * phase) + 0.06 * across**2
        stripe = striped & (limb.rings > 0) & (np.sin(2 * np.pi * (limb.rings * bent + phase)) > share)
        light = 0.80 + 0.28 * np.clip(0.5 - across, 0, 1)  # from above
        coat = np.where(stripe[..., None], dark, main) * light[..., None]
        picture[box] = np.where(inside[..., None], coat, picture[box])
        cover[box][inside] = 1
    return cover


def place(limb: Limb, u: Floats, v: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Of each point (u, v): how far along the limb it lies, how far across (-1 upper edge, 1 lower edge), and whether
    it is within."""
    (u0, v0), (u1, v1) = limb.start, limb.end
    length = float(np.hypot(u1 - u0, v1 - v0))
    along = ((u - u0) * (u1 - u0) + (v - v0) * (v1 - v0)) / length
    nearest = np.clip(along, 0, length) / length
    radius = limb.radii[0] + (limb.radii[1] - limb.radii[0]) * nearest
    off_u, off_v = u - u0 - nearest * (u1 - u0), v - v0 - nearest * (v1 - v0)
    return along, off_v / radius, off_u**2 + off_v**2 < radius**2


def ground(x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    """Sky, a line of hills and a field with a texture, (H, W, 3) in 0..1, for columns at x (1, W) and rows at y (H, 1),
    both from 0 to 1."""
    sky = np.array(SKIES[rng.integers(len(SKIES))]) + rng.uniform(-0.04, 0.04, 3)
    earth = np.array(GROUNDS[rng.integers(len(GROUNDS))]) + rng.uniform(-0.05, 0.05, 3)
    horizon = rng.uniform(0.22, 0.50)
    hills = (
        horizon
        - rng.uniform(0.0, 0.10)
        + sum(rng.uniform(0.004, 0.02) * np.sin(k * x + rng.uniform(0, 6.3)) for k in (6, 12, 24))
    )
    depth = np.clip((y - horizon) / (1 - horizon), 0, 1)
    texture = sum(
        rng.uniform(0.01, 0.035) * np.sin(k * x * (1.6 - depth) + rng.uniform(0, 6.3) + 2 * np.sin(k * y * 0.9))
        for k in (11, 23, 37)
    )
    above = np.where((y < hills)[..., None], (sky + 0.12 * (y - 0.3)[..., None]), earth * 0.72)
    field = earth * (0.82 + 0.25 * depth)[..., None] + np.asarray(texture)[..., None]
    return np.clip(np.where((y < horizon)[..., None], above, field), 0, 1).astype(np.float32)


def shrunk(picture: Floats, size: int) -> Floats:
    """(size * SUPERSAMPLING, ..., C) -> (size, size, C), by means."""
    mean: Floats = picture.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING, -1).mean(axis=(1, 3))
    return mean
