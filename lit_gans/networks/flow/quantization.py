"""Between images in [-1, 1], the unit cube on which the flow has its density, and bits.

A stored value v in 0..255 is the image value v / 127.5 - 1 and the cell [v, v + 1) / 256 - 1/2 of the cube; the image
value itself lies in the middle of the cell.
"""

import math

import torch
from torch import Tensor

LEVELS = 256
IN_CUBE = (LEVELS - 1) / (2 * LEVELS)
"""Length in the cube of what has length 1 in the image."""


def to_cube(image: Tensor) -> Tensor:
    """[-1, 1] -> (-1/2, 1/2)."""
    return image * IN_CUBE


def from_cube(x: Tensor) -> Tensor:
    """The image that `to_cube` maps to x; not clipped."""
    return x / IN_CUBE


def dequantize(image: Tensor, noise: Tensor, bits: int = 8) -> Tensor:
    """A point of each value's cell: the value is cut to its highest bits, and the noise fills the cell.

    Args:
        image: multiples of 1 / 127.5 in [-1, 1].
        noise: uniform in [0, 1), of the image's shape.
        bits: 1 to 8; the cells are 2 ** -bits wide.

    Returns:
        in [-1/2, 1/2).
    """
    cells = 2**bits
    values = torch.round((image + 1) * ((LEVELS - 1) / 2))
    return (torch.floor(values * (cells / LEVELS)) + noise) / cells - 0.5


def bits_per_dim(log_density: Tensor, dims: int, bits: int = 8) -> Tensor:
    """Bits a value of the image: -log2 of the probability of its cell, estimated by the density at one point of it.

    Args:
        log_density: natural logarithm, on the unit cube.
        dims: C * H * W.
        bits: of the dequantization.
    """
    return bits - log_density / (dims * math.log(2))
