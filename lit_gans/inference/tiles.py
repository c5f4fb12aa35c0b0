"""Large images through a network in the memory that one part of them takes."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

OVERLAP = 8
"""A tile shares at least this part of its side, an eighth, with the next one."""


def in_tiles(network: Callable[[Tensor], Tensor], images: Tensor, tile: int) -> Tensor:
    """What a network makes of images that may be larger than a tile: tiles that overlap, each through the network by
    itself, blended. An image no larger than a tile goes through it whole.

    Where tiles overlap, each counts by the distance to its own edge: no seam is left. But the statistics of an instance
    norm are those of a tile, not of the image: a generator may paint one corner more than it would in the whole.

    Args:
        network: (B, C, h, w) -> same.
        images: (B, C, H, W).
        tile: largest height and width that the network gets.

    Returns:
        (B, C, H, W)
    """
    rows, columns = (starts(side, tile) for side in images.shape[-2:])
    if len(rows) == len(columns) == 1:
        return network(images)
    blended, weights = torch.zeros_like(images), images.new_zeros(images.shape[-2:])
    for top in rows:
        for left in columns:
            place = (..., slice(top, top + tile), slice(left, left + tile))
            made = network(images[place])
            weight = hat(made.shape[-2], images)[:, None] * hat(made.shape[-1], images)
            blended[place] += weight * made
            weights[place] += weight
    return blended / weights


def starts(side: int, tile: int) -> list[int]:
    """Where the tiles of one side begin, evenly spread; the last one ends where the side does."""
    if side <= tile:
        return [0]
    shared = tile // OVERLAP
    count = math.ceil((side - shared) / (tile - shared))
    return [round(i * (side - tile) / (count - 1)) for i in range(count)]


def hat(length: int, like: Tensor) -> Tensor:
    """(length,): the distance to the nearer end, from 1 on."""
    place = torch.arange(1, length + 1, device=like.device, dtype=like.dtype)
    return torch.minimum(place, place.flip(0))
