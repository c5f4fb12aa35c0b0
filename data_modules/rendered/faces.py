"""Procedural faces with independent attributes, in the layout of CelebA: no download, no real person.

A face is an identity (proportions, colours, place in the picture, ground) and eight attributes, each there with
probability 1/2, whatever the others. The same identity can be drawn with any attributes, so that what an edit should
change, and what it should leave alone, is known.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from data_modules.errors import DataError
from data_modules.rendered.folder import check_request, new_folder
from data_modules.rendered.strokes import Box, Canvas, Floats, ellipse

ATTRIBUTES = (
    "Beard",
    "Big_Eyes",
    "Blond_Hair",
    "Eyeglasses",
    "Long_Hair",
    "Pale_Skin",
    "Smiling",
    "Wearing_Hat",
)
"""CelebA's names where it has the attribute, in the order of the alphabet."""

_CHUNK = 64
_UNSEEN = "attributes cannot be told apart"
_NUMBERS = 32  # random numbers that an identity is made of
_ATTRIBUTES, _IDENTITY = 0, 1

# sRGB in 0..1, between which a face's own colour lies
_PALE = ((0.99, 0.88, 0.81), (0.97, 0.84, 0.76))
_TANNED = ((0.80, 0.57, 0.42), (0.58, 0.38, 0.26))
_BLOND = ((0.97, 0.83, 0.42), (0.90, 0.72, 0.34))
_DARK = ((0.13, 0.10, 0.10), (0.42, 0.22, 0.13))
_EYES = ((0.22, 0.42, 0.72), (0.20, 0.50, 0.32), (0.42, 0.26, 0.14), (0.35, 0.42, 0.48))
_HATS = ((0.75, 0.16, 0.18), (0.16, 0.34, 0.66), (0.14, 0.48, 0.36), (0.47, 0.22, 0.55), (0.22, 0.23, 0.27))
_SHIRTS = ((0.86, 0.86, 0.84), (0.24, 0.36, 0.56), (0.62, 0.22, 0.24), (0.30, 0.44, 0.34), (0.87, 0.66, 0.32))
_FRAMES = ((0.10, 0.10, 0.12), (0.48, 0.12, 0.14), (0.12, 0.20, 0.42))
_GROUNDS = ((0.62, 0.76, 0.84), (0.83, 0.76, 0.66), (0.67, 0.78, 0.66), (0.80, 0.70, 0.78), (0.58, 0.62, 0.70))


@dataclass(frozen=True)
class Faces:
    """N faces.

    images: uint8 (N, size, size, 3), sRGB.
    present: bool (N, 8), which of ATTRIBUTES each has.
    """

    images: NDArray[np.uint8]
    present: NDArray[np.bool_]


def render_faces(
    faces: int, size: int = 64, seed: int = 0, start: int = 0, present: NDArray[np.bool_] | None = None
) -> Faces:
    """Draws the faces ``start`` to ``start + faces - 1``.

    Identity and attributes of face k follow from (seed, k); ``size`` changes the resolution only.

    Args:
        faces: how many.
        size: height and width of the images in pixels.
        seed: the same seed gives the same faces.
        start: index of the first.
        present: bool (faces, 8), attributes to draw these identities with instead of their own.

    Raises:
        DataError: faces < 1, size < 16, seed or start < 0, or ``present`` of another shape.
    """
    check_request(size, seed, _UNSEEN, faces=faces)
    if start < 0:
        raise DataError(f"start is {start}, expected 0 or more: it is the index of the first face")
    if present is None:
        present = np.stack([_random(seed, _ATTRIBUTES, k, len(ATTRIBUTES)) < 0.5 for k in range(start, start + faces)])
    if present.shape != (faces, len(ATTRIBUTES)):
        raise DataError(f"present has the shape {present.shape}, expected {(faces, len(ATTRIBUTES))}")
    identities = np.stack([_random(seed, _IDENTITY, k, _NUMBERS) for k in range(start, start + faces)])
    images = np.empty((faces, size, size, 3), np.uint8)
    for first in range(0, faces, _CHUNK):
        part = slice(first, first + _CHUNK)
        images[part] = _draw(identities[part], present[part], size)
    return Faces(images, present.astype(bool))


def write_dataset(folder: Path, faces: int, size: int = 64, seed: int = 0, progress: bool = True) -> None:
    """Writes ``img_align_celeba/*.png`` and ``list_attr_celeba.txt`` into a new or empty folder; all, or nothing.

    Args:
        folder: written under another name beside it and renamed at the end.
        faces, size, seed: as for ``render_faces``.
        progress: shows a bar.

    Raises:
        DataError: faces < 1, size < 16, seed < 0, or ``folder`` is a file or holds anything.
    """
    check_request(size, seed, _UNSEEN, faces=faces)
    with new_folder(folder) as temporary:
        (temporary / "img_align_celeba").mkdir()
        lines = [str(faces), " ".join(ATTRIBUTES)]
        for start in track(range(0, faces, _CHUNK), "drawing faces", disable=not progress):
            drawn = render_faces(min(_CHUNK, faces - start), size, seed, start)
            for index, (image, row) in enumerate(zip(drawn.images, drawn.present, strict=True), start=start + 1):
                name = f"{index:06d}.png"
                Image.fromarray(image).save(temporary / "img_align_celeba" / name)
                lines.append(f"{name} " + " ".join(" 1" if there else "-1" for there in row))
        (temporary / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _random(seed: int, stream: int, face: int, count: int) -> NDArray[np.float32]:
    return np.random.default_rng((seed, stream, face)).random(count, dtype=np.float32)


class _Identity:
    """Named quantities, each (B,) in its own range or (B, 3), from (B, 32) random numbers in 0..1."""

    def __init__(self, numbers: NDArray[np.float32]) -> None:
        self.numbers = numbers
        self.next = 0

    def between(self, low: float, high: float) -> Floats:
        self.next += 1
        return low + (high - low) * self.numbers[:, self.next - 1]

    def one_of(self, colors: tuple[tuple[float, float, float], ...]) -> Floats:
        pick = self.between(0, len(colors)).astype(int).clip(0, len(colors) - 1)
        return np.array(colors, np.float32)[pick] + self.between(-0.05, 0.05)[:, None]

    def shade(self, ends: tuple[tuple[float, float, float], tuple[float, float, float]]) -> Floats:
        low, high = np.array(ends, np.float32)
        return low + (high - low) * self.between(0, 1)[:, None]


class _Face:
    """What B faces look like, and its parts on a canvas. Lengths are in half picture widths, y points down."""

    def __init__(self, numbers: NDArray[np.float32], present: NDArray[np.bool_], size: int) -> None:
        self.of = dict(zip(ATTRIBUTES, present.T.astype(np.float32), strict=True))
        # the order of what follows is that of the random numbers: another one would be other faces
        i = _Identity(numbers)
        self.canvas = Canvas(size, i.between(-0.07, 0.07), i.between(0.02, 0.10), i.between(1.02, 1.13))
        self.ground, self.shirt, self.hat = i.one_of(_GROUNDS), i.one_of(_SHIRTS), i.one_of(_HATS)
        self.iris, self.frame = i.one_of(_EYES), i.one_of(_FRAMES)
        self.skin = self.by("Pale_Skin", i.shade(_TANNED), i.shade(_PALE))
        self.hair = self.by("Blond_Hair", i.shade(_DARK), i.shade(_BLOND))
        self.wide, self.tall = i.between(0.40, 0.46), i.between(0.53, 0.58)
        self.apart, self.gaze = i.between(0.175, 0.205), i.between(-0.018, 0.018)
        self.brow, self.nose, self.mouth = i.between(-0.03, 0.02), i.between(0.17, 0.22), i.between(0.375, 0.415)
        self.fringe, self.parting, self.light = i.between(-0.30, -0.20), i.between(-0.25, 0.25), i.between(-0.14, 0.14)
        self.dark_skin = self.skin * 0.84
        self.lips = self.skin * 0.45 + np.array([0.36, 0.12, 0.13], np.float32)

    def by(self, attribute: str, without: Floats, with_: Floats) -> Floats:
        mixed: Floats = without + self.of[attribute][:, None] * (with_ - without)
        return mixed

    def paint_shoulders(self) -> None:
        """And the hair behind the head."""
        c, wide = self.canvas, self.wide
        c.paint(
            self.hair * 0.86, ellipse(c, 0, 0.14, wide + 0.19, 0.82), Box(-0.75, 0.75, -0.75, 1.0), self.of["Long_Hair"]
        )
        c.paint(self.shirt, ellipse(c, 0, 1.22, 0.82, 0.47), Box(-0.95, 0.95, 0.7, 1.4))
        c.paint(self.dark_skin, ellipse(c, 0, 0.66, 0.17, 0.28), Box(-0.25, 0.25, 0.35, 1.0))
        c.paint(self.hair * 0.93, ellipse(c, 0, -0.17, wide + 0.07, 0.47), Box(-0.65, 0.65, -0.75, 0.4))

    def paint_head(self) -> None:
        c, wide, tall = self.canvas, self.wide, self.tall
        c.mirrored.paint(self.dark_skin, ellipse(c.mirrored, wide, 0.08, 0.075, 0.12), Box(0.3, 0.6, -0.1, 0.25))
        head = ellipse(c, 0, 0.1, wide, tall)
        c.paint(self.skin, head, Box(-0.55, 0.55, -0.55, 0.75))
        chin = Box(-0.55, 0.55, 0.1, 0.8)
        jaw = ellipse(c, 0, 0.11, wide + 0.025, tall + 0.03)
        cheeks = c.below(0.20, 0.9)
        beard = self.hair * np.array([0.72, 0.60, 0.50], np.float32)
        c.paint(beard, lambda w: jaw(w) * cheeks(w), chin, self.of["Beard"])

    def paint_hair(self) -> None:
        """In front of the head."""
        c, wide = self.canvas, self.wide
        cap = ellipse(c, 0, -0.15, wide + 0.055, 0.46)
        line = c.above(self.fringe, self.parting)
        c.paint(self.hair, lambda w: cap(w) * line(w), Box(-0.65, 0.65, -0.75, 0.3))
        lock = ellipse(c.mirrored, wide + 0.07, 0.3, 0.115, 0.56)
        c.mirrored.paint(self.hair, lock, Box(0.3, 0.75, -0.35, 1.0), self.of["Long_Hair"])

    def paint_eyes(self) -> None:
        c, m, hair, apart, big = self.canvas, self.canvas.mirrored, self.hair, self.apart, self.of["Big_Eyes"]
        eye_w, eye_h, r = 0.085 + 0.04 * big, 0.05 + 0.055 * big, 0.046 + 0.036 * big
        eyes = Box(0.0, 0.42, -0.2, 0.2)
        m.paint(hair * 0.25 + 0.04, ellipse(m, apart, -0.014, eye_w + 0.012, eye_h + 0.012), eyes)
        m.paint(np.full_like(hair, 0.97), ellipse(m, apart, 0.004, eye_w, eye_h), eyes)
        for side in (-1, 1):
            x, box = side * apart + self.gaze, Box(min(0, side * 0.42), max(0, side * 0.42), -0.2, 0.2)
            c.paint(self.iris, ellipse(c, x, 0.004, r, r), box)
            c.paint(self.iris * 0.15, ellipse(c, x, 0.004, r * 0.5, r * 0.5), box)
            c.paint(np.ones_like(hair), ellipse(c, x - r * 0.35, 0.004 - r * 0.4, r * 0.28, r * 0.28), box)
        brows = ellipse(m, apart + 0.01, -0.135 - 0.055 * big + self.brow, 0.105, 0.022)
        m.paint(hair * 0.55, brows, Box(0, 0.42, -0.35, 0))

    def paint_nose_and_mouth(self) -> None:
        c, nose, mouth = self.canvas, self.nose, self.mouth
        c.paint(self.skin * 0.76, ellipse(c, 0, nose, 0.055, 0.028), Box(-0.15, 0.15, 0.1, 0.3))
        c.paint(self.skin * 1.05, ellipse(c, 0, nose - 0.035, 0.035, 0.04), Box(-0.15, 0.15, 0.05, 0.3))
        smile, rest = self.of["Smiling"], 1 - self.of["Smiling"]
        lower = Box(-0.35, 0.35, 0.2, 0.65)
        c.paint(self.lips, c.crescent(mouth - 0.015, mouth + 0.15, 0.235, 0.075), lower, smile)
        c.paint(np.full_like(self.lips, 0.98), c.crescent(mouth + 0.015, mouth + 0.105, 0.20, 0.07), lower, smile)
        c.paint(self.lips * 0.96, ellipse(c, 0, mouth + 0.03, 0.125, 0.03), lower, rest)

    def paint_glasses(self) -> None:
        m, apart, glasses = self.canvas.mirrored, self.apart, self.of["Eyeglasses"]
        ring, lens = ellipse(m, apart + 0.005, 0.01, 0.178, 0.165), ellipse(m, apart + 0.005, 0.01, 0.143, 0.13)
        rims = Box(0, 0.5, -0.25, 0.25)
        m.paint(np.array([[0.75, 0.88, 0.96]], np.float32), lens, rims, 0.22 * glasses)
        m.paint(self.frame, lambda w: ring(w) * (1 - lens(w)), rims, glasses)
        m.paint(self.frame, ellipse(m, 0, 0.0, 0.05, 0.018), rims, glasses)
        m.paint(self.frame, ellipse(m, self.wide - 0.05, -0.01, 0.06, 0.018), Box(0.2, 0.6, -0.1, 0.1), glasses)

    def paint_hat(self) -> None:
        c, wide, hat, worn = self.canvas, self.wide, self.hat, self.of["Wearing_Hat"]
        crown, brim_line = ellipse(c, 0, -0.42, wide + 0.05, 0.46), c.above(-0.34, 0.0)
        over = Box(-0.85, 0.85, -1.05, -0.2)
        c.paint(hat, lambda w: crown(w) * brim_line(w), over, worn)
        band = c.below(-0.5, 0.0)
        c.paint(hat * 0.55, lambda w: crown(w) * brim_line(w) * band(w), over, worn)
        c.paint(hat * 0.88, ellipse(c, 0, -0.36, wide + 0.23, 0.075), over, worn)


def _draw(numbers: NDArray[np.float32], present: NDArray[np.bool_], size: int) -> NDArray[np.uint8]:
    """Faces (B, size, size, 3), from back to front."""
    face = _Face(numbers, present, size)
    face.canvas.fill(face.ground, lighter_by=0.16)
    face.paint_shoulders()
    face.paint_head()
    face.paint_hair()
    face.paint_eyes()
    face.paint_nose_and_mouth()
    face.paint_glasses()
    face.paint_hat()
    return face.canvas.picture(face.light)
