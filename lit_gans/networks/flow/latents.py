"""All that a flow makes of a picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lit_gans.errors import InputError

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Latents:
    """What leaves the flow at each level, from the largest picture to the smallest; together as many numbers as the
    image has, standard normal if the flow fits.

    Attributes:
        parts: (B, C, H, W) each.
    """

    parts: tuple[Tensor, ...]

    def flatten(self) -> Tensor:
        """(B, D), D the number of values of an image."""
        return torch.cat([part.flatten(1) for part in self.parts], dim=1)

    def to(self, dtype: torch.dtype) -> "Latents":
        """The same in another precision."""
        return Latents(tuple(part.to(dtype) for part in self.parts))

    @classmethod
    def unflatten(cls, flat: Tensor, shapes: Sequence[Shape]) -> "Latents":
        """The latents of which (B, D) is the flat form.

        Raises:
            InputError: D is not that of the shapes.
        """
        sizes = [math.prod(shape) for shape in shapes]
        if flat.ndim != 2 or flat.shape[1] != sum(sizes):
            raise InputError(f"latents have shape {tuple(flat.shape)}; expected (B, {sum(sizes)}), a row an image")
        parts = flat.split(sizes, dim=1)
        return cls(tuple(part.reshape(flat.shape[0], *shape) for part, shape in zip(parts, shapes, strict=True)))


def between(first: Tensor, second: Tensor, share: float, mode: str = "lerp") -> Tensor:
    """The latents at this share of the way from one to the other, row by row of (B, D).

    "lerp" goes straight, which in the middle of two independent latents is nearer to 0 than latents are; "slerp" goes
    along the great circle.

    Raises:
        InputError: another mode.
    """
    if mode == "lerp":
        return torch.lerp(first, second, share)
    if mode != "slerp":
        raise InputError(f"mode is {mode!r}; expected 'lerp' or 'slerp'")
    cosine = torch.cosine_similarity(first, second, dim=1)[:, None].clamp(-1, 1)
    angle = torch.acos(cosine)
    # latents in the same or in opposite directions have no great circle between them
    sine = torch.sin(angle)
    round_the_circle = (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * second) / sine
    return torch.where(sine > 1e-3, round_the_circle, torch.lerp(first, second, share))
