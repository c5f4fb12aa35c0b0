"""Cubes, spheres and upright cylinders on the ground z = 0: where rays hit them, analytically."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Shape = Literal["cube", "sphere", "cylinder"]
Floats = NDArray[np.float32]
Vector = tuple[Floats, Floats, Floats]

HALF_EXTENT: dict[Shape, float] = {"cube": 0.65, "sphere": 0.7, "cylinder": 0.7}


@dataclass(frozen=True)
class Solid:
    """A cube, sphere or upright cylinder standing on the ground at (x, y), turned by ``angle`` radians about z.

    ``albedo`` is linear RGB in [0, 1]; ``gloss`` in [0, 1] weighs the highlight, and ``shininess`` is its Blinn-Phong
    exponent.
    """

    shape: Shape
    x: float
    y: float
    angle: float
    albedo: tuple[float, float, float]
    gloss: float = 0.0
    shininess: float = 20.0

    @property
    def half(self) -> float:
        """Half the height, and half the width across parallel faces."""
        return HALF_EXTENT[self.shape]

    @property
    def footprint(self) -> float:
        """Radius of the circle on the ground that holds the solid at any angle."""
        return self.half * (math.sqrt(2) if self.shape == "cube" else 1.0)

    @cached_property
    def corners(self) -> Floats:
        """The eight corners (8, 3) of the bounding box."""
        half = self.half
        unit = np.array([(i, j, k) for i in (-1, 1) for j in (-1, 1) for k in (0, 2)], dtype=np.float32) * half
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        x = self.x + cos * unit[:, 0] - sin * unit[:, 1]
        y = self.y + sin * unit[:, 0] + cos * unit[:, 1]
        return np.stack([x, y, unit[:, 2]], axis=1)

    def span(self, origin: Vector, direction: Vector) -> tuple[Floats, Floats]:
        """Where the rays origin + t * direction enter and leave: (near, far), each of the rays' shape.

        A ray hits where near < far; both are in multiples of ``direction`` and may be negative (behind the origin).
        """
        x, y, z = origin
        o = self._turn(((x - self.x), (y - self.y), (z - self.half)), 1 / self.half)
        return _unit_span(self.shape, o, self._turn(direction, 1 / self.half))

    def normal(self, point: Vector) -> Vector:
        """Outward unit normals at points of the surface."""
        x, y, z = self._turn((point[0] - self.x, point[1] - self.y, point[2] - self.half), 1 / self.half)
        if self.shape == "sphere":
            local = (x, y, z)
        elif self.shape == "cylinder":
            cap = np.abs(z) > np.hypot(x, y)
            local = (np.where(cap, 0, x), np.where(cap, 0, y), np.where(cap, np.sign(z), 0))
        else:
            largest = np.maximum(np.maximum(np.abs(x), np.abs(y)), np.abs(z))
            face_x = np.abs(x) == largest
            face_y = ~face_x & (np.abs(y) == largest)
            zero = np.zeros_like(x)
            local = (
                np.where(face_x, np.sign(x), zero),
                np.where(face_y, np.sign(y), zero),
                np.where(face_x | face_y, zero, np.sign(z)),
            )
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return cos * local[0] - sin * local[1], sin * local[0] + cos * local[1], local[2]

    def blocks(self, point: Vector, light: Vector) -> NDArray[np.bool_]:
        """Whether the solid stands between each point and its light."""
        towards = (light[0] - point[0], light[1] - point[1], light[2] - point[2])
        near, far = self.span(point, towards)
        return (near < far) & (far > 1e-3) & (near < 1)

    def _turn(self, vector: Vector, scale: float) -> Vector:
        cos, sin = math.cos(self.angle) * scale, math.sin(self.angle) * scale
        x, y, z = vector
        return cos * x + sin * y, cos * y - sin * x, scale * z


def _unit_span(shape: Shape, origin: Vector, direction: Vector) -> tuple[Floats, Floats]:
    # Every shape is convex: the ray is inside it where it is inside all of its slabs and quadrics.
    x, y, z = origin
    dx, dy, dz = direction
    if shape == "sphere":
        return _quadric(dx * dx + dy * dy + dz * dz, x * dx + y * dy + z * dz, x * x + y * y + z * z - 1)
    near, far = _slab(z, dz)
    if shape == "cylinder":
        spans = [_quadric(dx * dx + dy * dy, x * dx + y * dy, x * x + y * y - 1)]
    else:
        spans = [_slab(x, dx), _slab(y, dy)]
    for enter, leave in spans:
        near, far = np.maximum(near, enter), np.minimum(far, leave)
    return near, far


def _quadric(a: Floats, b: Floats, c: Floats) -> tuple[Floats, Floats]:
    a = np.maximum(a, np.float32(1e-12))
    discriminant = b * b - a * c
    root = np.sqrt(np.maximum(discriminant, 0))
    return np.where(discriminant > 0, (-b - root) / a, np.float32(np.inf)), (root - b) / a


def _slab(position: Floats, direction: Floats) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore"):
        low, high = (-1 - position) / direction, (1 - position) / direction
    return np.minimum(low, high), np.maximum(low, high)
