"""Ray casting for small pictures of a few solids on a grey ground, one solid at a time, with soft shadows.

World units are CLEVR's: x right, y away from the camera, z up, ground at z = 0. Light is linear until
``Canvas.picture``. The lamps' light falls off with distance; far away the ambient grey of the background is left.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from data_modules.rendered.solids import Floats, Solid, Vector

Box = tuple[slice, slice]

SUPERSAMPLING = 2
GROUND = -1
LENS = (0.457, 0.343)
"""Tangents of half the field of view, across and down: 4:3, squashed to a square picture as in the real set."""

GROUND_ALBEDO = 0.68
LAMP_HALF_WIDTH = 0.6
GRAIN = (0.035, 0.013)
"""Standard deviation of the grain over the linear pixel, in the top and in the bottom row: coarser far away."""


@dataclass(frozen=True)
class Camera:
    """A perspective camera at ``position``, looking at ``target``, with the horizon level; ``zoom`` 2 shows half."""

    position: tuple[float, float, float]
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    zoom: float = 1.0

    @property
    def lens(self) -> tuple[float, float]:
        """Half the width and half the height of what is seen at distance 1."""
        return LENS[0] / self.zoom, LENS[1] / self.zoom

    @cached_property
    def axes(self) -> Floats:
        """Right, up and forward as rows of a (3, 3) array; right and up are scaled by ``lens``."""
        forward = np.subtract(self.target, self.position)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0, 0, 1))
        right = right / np.linalg.norm(right)
        return np.stack([right * self.lens[0], np.cross(right, forward) * self.lens[1], forward]).astype(np.float32)

    def rays(self, side: int) -> Floats:
        """Directions (3, side, side) through the pixel centres; not of unit length."""
        steps = (np.arange(side, dtype=np.float32) + 0.5) * (2 / side) - 1
        right, up, forward = self.axes[:, :, None, None]
        directions: Floats = (forward - up * steps[:, None]) + right * steps
        return directions

    def frame(self, points: Floats, side: int) -> tuple[float, float, float, float]:
        """Smallest rectangle around points (n, 3) in pixels: (top, left, bottom, right); it may leave the picture."""
        offset = points - np.array(self.position, dtype=np.float32)
        right, up, forward = self.axes
        depth = np.maximum(offset @ forward, 0.1)
        column = (1 + offset @ right / (depth * self.lens[0] ** 2)) * (side / 2)
        row = (1 - offset @ up / (depth * self.lens[1] ** 2)) * (side / 2)
        return float(row.min()), float(column.min()), float(row.max()), float(column.max())


@dataclass(frozen=True)
class Lighting:
    """Lamps above the ground: positions (n, 3), linear RGB powers (n, 3); ``ambient`` (3,) comes from everywhere."""

    positions: Floats
    powers: Floats
    ambient: Floats


@lru_cache(maxsize=4)
def _lamp_samples(lamps: int, side: int) -> Floats:
    """Offsets (lamps, 2, side, side): each sub-pixel of a pixel sees its own quarter of a square lamp.

    So soft shadows cost one ray a sub-pixel. The samples are the same in all pictures: the real set, too, has a fixed
    pattern of grain.
    """
    rng = np.random.default_rng(0)
    inside = rng.random((lamps, 2, side, side), dtype=np.float32)
    quarter = np.indices((side, side), dtype=np.float32) % 2
    return ((inside + quarter) - 1) * LAMP_HALF_WIDTH


@lru_cache(maxsize=4)
def _grain(size: int) -> Floats:
    noise = np.random.default_rng(1).standard_normal((size, size, 1), dtype=np.float32)
    rows = np.linspace(*GRAIN, size, dtype=np.float32)
    return 1 + rows[:, None, None] * noise


@lru_cache(maxsize=1)
def _srgb() -> NDArray[np.uint8]:
    linear = np.linspace(0, 1, 4096)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    table: NDArray[np.uint8] = np.rint(encoded * 255).astype(np.uint8)
    return table


def silhouette(solid: Solid, camera: Camera, side: int) -> NDArray[np.bool_]:
    """Pixels (side, side) that the solid would cover if it stood alone."""
    near, far = solid.span(_vector(camera.position), _split(camera.rays(side)))
    return near < far


class Canvas:
    """A ground with its lights seen by a camera; ``place`` adds solids, ``picture`` shows what stands there.

    ``ids`` (side, side), int8, holds the index of the solid seen at each sub-pixel, or GROUND; side = 2 * size.
    """

    def __init__(self, camera: Camera, lighting: Lighting, size: int) -> None:
        self.camera, self.lighting, self.size = camera, lighting, size
        self.side = size * SUPERSAMPLING
        self.solids: list[Solid] = []
        self.ids = np.full((self.side, self.side), GROUND, dtype=np.int8)
        self._covered: list[int] = []
        self._rays = camera.rays(self.side)
        self._depth: Floats = -camera.position[2] / self._rays[2]
        self._points = np.array(camera.position, dtype=np.float32)[:, None, None] + self._depth * self._rays
        self._albedo = np.full_like(self._points, GROUND_ALBEDO)
        self._ambient = np.ones_like(self._depth)
        lamps = len(lighting.positions)
        self._samples = _lamp_samples(lamps, self.side)
        self._lit = np.ones((lamps, self.side, self.side), dtype=np.float32)
        self._irradiance = np.empty_like(self._lit)
        for lamp, (x, y, z) in enumerate(lighting.positions):
            squared = (self._points[0] - x) ** 2 + (self._points[1] - y) ** 2 + z * z
            self._irradiance[lamp] = z / (squared * np.sqrt(squared))
        self._highlight = np.zeros_like(self._lit)

    def place(self, solid: Solid, max_hidden: float) -> bool:
        """Adds the solid, unless it leaves the picture or a solid would then be hidden by more than ``max_hidden``.

        The hidden share is counted in sub-pixels: those lost to other solids, over those covered when alone.
        """
        top, left, bottom, right = self.camera.frame(solid.corners, self.side)
        if min(top, left) < 1 or max(bottom, right) > self.side - 1:
            return False
        box = (slice(int(top), int(bottom) + 2), slice(int(left), int(right) + 2))
        near, far = solid.span(_vector(self.camera.position), _split(self._rays[:, *box]))
        covered = near < far
        seen = covered & (near < self._depth[box])
        counts = [*self._covered, int(covered.sum())]
        after = self.ids.copy()
        after[box][seen] = len(self.solids)
        if any(np.count_nonzero(after == i) < (1 - max_hidden) * count for i, count in enumerate(counts)):
            return False
        self.ids, self._covered = after, counts
        self._shade(solid, box, seen, near[seen])
        self._cast_shadows(solid)
        self.solids.append(solid)
        return True

    def picture(self) -> NDArray[np.uint8]:
        """The picture (size, size, 3), sRGB."""
        powers = self.lighting.powers
        light = np.einsum("lc,lyx->cyx", powers, self._irradiance * self._lit)
        light += self.lighting.ambient[:, None, None] * self._ambient
        light *= self._albedo
        if self.solids:
            light += np.einsum("lc,lyx->cyx", powers, self._highlight * self._lit)
        pixels = light.reshape(3, self.size, SUPERSAMPLING, self.size, SUPERSAMPLING).mean(axis=(2, 4))
        pixels = np.clip(pixels.transpose(1, 2, 0) * _grain(self.size), 0, 1)
        encoded: NDArray[np.uint8] = _srgb()[(pixels * 4095 + 0.5).astype(np.int16)]
        return encoded

    def _shade(self, solid: Solid, box: Box, seen: NDArray[np.bool_], depth: Floats) -> None:
        rays = self._rays[:, *box][:, seen]
        points = np.array(self.camera.position, dtype=np.float32)[:, None] + depth * rays
        normal = solid.normal(_split(points))
        self._depth[box][seen] = depth
        self._points[:, *box][:, seen] = points
        self._albedo[:, *box][:, seen] = np.array(solid.albedo, dtype=np.float32)[:, None]
        self._ambient[box][seen] = 0.72 + 0.28 * normal[2]
        view = -rays / np.sqrt((rays * rays).sum(axis=0))
        for lamp, position in enumerate(self.lighting.positions):
            towards = position[:, None] - points
            squared = (towards * towards).sum(axis=0)
            towards /= np.sqrt(squared)
            facing = np.maximum(_dot(normal, towards), 0)
            halfway = towards + view
            halfway /= np.sqrt((halfway * halfway).sum(axis=0))
            shine = np.maximum(_dot(normal, halfway), 0) ** solid.shininess
            self._irradiance[lamp][box][seen] = facing / squared
            self._highlight[lamp][box][seen] = solid.gloss * shine * (facing > 0) / squared
            lit = np.ones_like(depth)
            sample = self._lamp(lamp, box)
            light = (sample[0][seen], sample[1][seen], sample[2])
            for other in self.solids:
                lit[other.blocks(_split(points), light)] = 0
            self._lit[lamp][box][seen] = lit

    def _cast_shadows(self, solid: Solid) -> None:
        new = len(self.solids)
        for lamp, position in enumerate(self.lighting.positions):
            box = self._shadow_box(solid, position)
            blocked = solid.blocks(_split(self._points[:, *box]), self._lamp(lamp, box))
            blocked &= self.ids[box] != new  # a convex solid shades itself by its normals alone
            self._lit[lamp][box][blocked] = 0
        foot = np.array([solid.x, solid.y, 0], dtype=np.float32)
        wide = np.array([3, 3, 1], dtype=np.float32)
        box = self._clip(*self.camera.frame(foot + (solid.corners - foot) * wide, self.side))
        x, y, _ = _split(self._points[:, *box])
        half = solid.half
        squared = (x - solid.x) ** 2 + (y - solid.y) ** 2 + half * half
        # The sky that a ball of the solid's size takes from a point of the ground below or beside it.
        sky = 1 - half * half * half / (squared * np.sqrt(squared))
        self._ambient[box] *= np.where(self.ids[box] == GROUND, sky, 1)

    def _shadow_box(self, solid: Solid, lamp: Floats) -> Box:
        corners = solid.corners
        hull = [corners]
        for dx in (-LAMP_HALF_WIDTH, LAMP_HALF_WIDTH):
            for dy in (-LAMP_HALF_WIDTH, LAMP_HALF_WIDTH):
                source = lamp + np.array([dx, dy, 0], dtype=np.float32)
                hull.append(source + (corners - source) * (lamp[2] / (lamp[2] - corners[:, 2:])))
        return self._clip(*self.camera.frame(np.concatenate(hull), self.side))

    def _clip(self, top: float, left: float, bottom: float, right: float) -> Box:
        rows = slice(max(int(top), 0), min(max(int(bottom) + 2, 0), self.side))
        return rows, slice(max(int(left), 0), min(max(int(right) + 2, 0), self.side))

    def _lamp(self, lamp: int, box: Box) -> Vector:
        x, y, z = self.lighting.positions[lamp]
        dx, dy = self._samples[lamp][:, *box]
        return x + dx, y + dy, np.asarray(z)


def _dot(left: Vector, right: Floats) -> Floats:
    product: Floats = left[0] * right[0] + left[1] * right[1] + left[2] * right[2]
    return product


def _split(vectors: Floats) -> Vector:
    return vectors[0], vectors[1], vectors[2]


def _vector(values: tuple[float, float, float]) -> Vector:
    x, y, z = np.asarray(values, dtype=np.float32)
    return x, y, z
