"""Many pictures drawn at once from soft-edged shapes, each picture with its own sizes, places and colours."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Window = tuple[slice, slice]
Cover = Callable[[Window], Floats]
"""A shape: the share of each pixel of a window that it covers, (B, rows, columns) in 0..1."""


@dataclass(frozen=True)
class Box:
    """What a shape may reach, in the picture's units: only pixels in there are looked at."""

    left: float
    right: float
    top: float
    bottom: float


class Canvas:
    """B pictures of size x size pixels, x to the right and y down, both about -1 to 1, each picture with an origin and
    a scale of its own.

    Args:
        size: pixels a side.
        dx, dy: (B,) where the origin lies, from the middle of the picture.
        scale: (B,) how large one unit is drawn.
    """

    def __init__(self, size: int, dx: Floats, dy: Floats, scale: Floats) -> None:
        steps = ((np.arange(size, dtype=np.float32) + 0.5) * 2 / size - 1)[None]
        self.x = ((steps - dx[:, None]) / scale[:, None])[:, None, :].astype(np.float32)
        self.y = ((steps - dy[:, None]) / scale[:, None])[:, :, None].astype(np.float32)
        self.pixel = column(2 / size / scale)
        self.image = np.empty((len(dx), 3, size, size), np.float32)

    @cached_property
    def mirrored(self) -> "Canvas":
        """The same pictures with |x| for x: what is drawn on the right appears on both sides."""
        twin = object.__new__(Canvas)
        twin.x, twin.y, twin.pixel, twin.image = np.abs(self.x), self.y, self.pixel, self.image
        return twin

    def fill(self, color: Floats, lighter_by: float) -> None:
        """The ground: (B, 3), lighter towards the top."""
        rise = np.linspace(lighter_by, -lighter_by, self.image.shape[2], dtype=np.float32)
        self.image[:] = color[:, :, None, None] + rise[:, None]

    def paint(self, color: Floats, cover: Cover, box: Box, opacity: Floats | float = 1.0) -> None:
        """Lays a color, (B, 3) or (1, 3), over the pixels that a shape covers; opacity (B,) in 0..1."""
        rows, columns = window = self.window(box)
        alpha = (cover(window) * column(opacity))[:, None]
        part = self.image[:, :, rows, columns]
        part += alpha * (np.asarray(color, np.float32)[:, :, None, None] - part)

    def window(self, box: Box) -> Window:
        """The rows and columns that the box reaches in any of the pictures."""
        inside = (self.y >= box.top) & (self.y <= box.bottom)
        across = (self.x >= box.left) & (self.x <= box.right)
        return span(inside), span(across)

    def above(self, middle: Floats | float, bend: Floats | float) -> Cover:
        """The part above the parabola y = middle + bend * x^2."""
        return self._side(middle, bend, 1)

    def below(self, middle: Floats | float, bend: Floats | float) -> Cover:
        """The part below the parabola y = middle + bend * x^2."""
        return self._side(middle, bend, -1)

    def crescent(self, top: Floats | float, bottom: Floats | float, half_width: float, lift: float) -> Cover:
        """A smile: between two parabolas that meet at +-half_width, `lift` above the upper one's middle."""
        upper = self.below(top, -lift / half_width**2)
        lower = self.above(bottom, -(lift + np.asarray(bottom) - np.asarray(top)) / half_width**2)
        return lambda window: upper(window) * lower(window)

    def picture(self, light: Floats) -> NDArray[np.uint8]:
        """uint8 (B, size, size, 3), lit from the left (light < 0) or the right by a share of `light` (B,)."""
        self.image *= 1 + (column(light) * self.x)[:, None]
        pixels = (self.image.transpose(0, 2, 3, 1) * 255 + 0.5).clip(0, 255)
        return pixels.astype(np.uint8)

    def _side(self, middle: Floats | float, bend: Floats | float, sign: int) -> Cover:
        def cover(window: Window) -> Floats:
            rows, columns = window
            curve = column(middle) + column(bend) * np.square(self.x[:, :, columns])
            distance: Floats = (curve - self.y[:, rows]) * (sign / self.pixel)
            return (distance + 0.5).clip(0, 1)

        return cover


def ellipse(
    canvas: Canvas, x: Floats | float, y: Floats | float, half_width: Floats | float, half_height: Floats | float
) -> Cover:
    """An ellipse about (x, y), its edge one pixel soft; every argument one number, or (B,)."""
    x, y, half_width, half_height = column(x), column(y), column(half_width), column(half_height)

    def cover(window: Window) -> Floats:
        rows, columns = window
        across = np.square((canvas.x[:, :, columns] - x) / half_width)
        down = np.square((canvas.y[:, rows] - y) / half_height)
        # f = across + down - 1 is 0 on the edge, whose distance is f / |grad f| there: one pixel soft in any direction
        slope = np.sqrt(across / half_width**2 + down / half_height**2)
        distance: Floats = (1 - across - down) / (slope * (2 * canvas.pixel) + 1e-6)
        distance += 0.5
        return distance.clip(0, 1)

    return cover


def column(value: Floats | float) -> Floats:
    """(B,) -> (B, 1, 1); a number stays one."""
    array = np.asarray(value, np.float32)
    return array[:, None, None] if array.ndim else array


def span(inside: NDArray[np.bool_]) -> slice:
    """From the first to the last position that is True in any picture, (B, 1, N) or (B, N, 1); empty without one."""
    found = np.flatnonzero(inside.reshape(len(inside), -1).any(axis=0))
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)
