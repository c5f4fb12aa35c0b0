"""From the classes of objects and the places where they stand to features for each level of the flow.

A flow that must find out by itself where the objects of a label go learns it last, and mostly not at all: the
likelihood hardly tells (measured on iCLEVR: 0.14 of the objects after as many images as give 0.60 to a flow that is
told). So the flow is told, and the places have a density of their own, see `layouts.py`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle, silu

from lit_gans.networks.flow.label_pyramid import coordinates

REACH = 5 / 64
"""Standard deviation of the window in which an object paints, as a share of the picture: objects are as large."""
WIDE_REACH = 8 / 64
"""The same of the window in which the smaller levels are told its class."""
BASIS = 32
HIDDEN = 64


def with_places(label: Tensor, place: Tensor | None) -> Tensor:
    """A label that also tells where its objects stand, for `LayoutPyramid`.

    Args:
        label: (B, num_classes) multi-hot.
        place: (B, num_classes, 2), x and y in [0, 1) from the left and from the top; NaN for a place that is not
            known. None where none is.

    Returns:
        (B, 3 * num_classes): the label, all x and all y.
    """
    if place is None:
        place = torch.full((*label.shape, 2), torch.nan, dtype=label.dtype, device=label.device)
    return torch.cat([label, *place.to(label).unbind(-1)], dim=1)


class LayoutPyramid(nn.Module):
    """Objects and their places -> a picture of features at the largest size, squeezed along with the picture.

    An object paints a basis of functions of the offset from its place, times coefficients of its class, within a
    Gaussian window: the same wherever it stands. Convolutions make features of the sum over the objects. The smaller
    sizes also see which classes are near and which there are at all, so that a label without places is not lost.

    Args:
        num_classes: length of the multi-hot label.
        sizes: heights (and widths) of the levels, each half of the one before.
        features: channels at the largest size.
        embedding: channels in which the smaller sizes are told the classes.

    Shapes:
        label (B, 3 * num_classes) of `with_places`, kept (B,) bool: for which pictures the classes are told
        -> a list of (B, channels[i], sizes[i], sizes[i]), one a level
    """

    def __init__(self, num_classes: int, sizes: Sequence[int], features: int = 16, embedding: int = 64) -> None:
        super().__init__()
        self.num_classes, self.sizes = num_classes, tuple(sizes)
        self.channels = [features, *(features * 4**i + embedding for i in range(1, len(sizes)))]
        self.embed = nn.Embedding(num_classes + 1, embedding)  # the last one: of an object whose class is not told
        self.basis = nn.Sequential(nn.Linear(8, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, BASIS), nn.SiLU())
        self.coefficients = nn.Linear(embedding, 2 * BASIS)
        self.enter = nn.Conv2d(2 * BASIS + 2, HIDDEN, 1)
        self.inner = nn.Conv2d(HIDDEN, HIDDEN, 3, padding=1)
        self.last = nn.Conv2d(HIDDEN, features, 3, padding=1)

    def forward(
        self, label: Tensor, kept: Tensor | None = None, low: Tensor | None = None, low_kept: Tensor | None = None
    ) -> list[Tensor]:
        there, x, y = label.split(self.num_classes, dim=1)
        picture, kind = there.nonzero(as_tuple=True)
        place = torch.stack([x[picture, kind], y[picture, kind]], dim=1)
        if kept is not None:
            kind = torch.where(kept[picture], kind, self.num_classes)
        embedded = self.embed(kind)
        painted = self.paint(picture, embedded, place, label.shape[0])
        features = [painted]
        for i, size in enumerate(self.sizes[1:], start=1):
            # each object's class near its place, and a tenth of it everywhere
            window = 0.1 + 0.9 * near(place, size, WIDE_REACH)
            told = gathered(picture, embedded[:, :, None] * window[:, None], label.shape[0]).unflatten(2, (size, size))
            features.append(torch.cat([pixel_unshuffle(painted, 2**i), told], dim=1))
        return features

    def paint(self, picture: Tensor, embedded: Tensor, place: Tensor, count: int) -> Tensor:
        """(count, features, size, size): what the objects paint at the largest size.

        Args:
            picture: (N,) in which picture each object is.
            embedded: (N, embedding) of its class.
            place: (N, 2).
        """
        size = self.sizes[0]
        window = near(place, size, REACH)[:, :, None]
        basis = self.basis(seen_from(place, size)) * window
        scale, shift = self.coefficients(embedded)[:, None].chunk(2, dim=-1)
        # coefficients times basis, and the class itself
        parts = torch.cat([basis * scale, window * shift], dim=2).transpose(1, 2)
        canvas = gathered(picture, parts, count).unflatten(2, (size, size))
        canvas = torch.cat([canvas, coordinates(canvas)], dim=1).contiguous(memory_format=torch.channels_last)
        hidden = silu(self.inner(silu(self.enter(canvas))))
        painted: Tensor = self.last(hidden)
        return painted


def seen_from(place: Tensor, size: int) -> Tensor:
    """(N, size * size, 8): for each pixel the offset from each place (N, 2) in windows, its square, product and length,
    and the place; all 0 for a place that is not known."""
    dx, dy = (offset / REACH for offset in offsets(place, size))
    where = [2 * place[:, None, i].expand_as(dx) - 1 for i in (0, 1)]
    seen = [dx, dy, dx.square(), dy.square(), dx * dy, (dx.square() + dy.square()).sqrt(), *where]
    return torch.stack(seen, dim=-1).nan_to_num(0).clamp(-4, 4)


def near(place: Tensor, size: int, reach: float) -> Tensor:
    """(N, size * size): 1 at the place, falling like a Gaussian; 0 for a place that is not known."""
    dx, dy = offsets(place, size)
    return torch.exp((dx.square() + dy.square()) / (-2 * reach**2)).nan_to_num(0)


def offsets(place: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """x and y of each pixel's middle less those of each place, (N, size * size)."""
    middle = (torch.arange(size, dtype=place.dtype, device=place.device) + 0.5) / size
    return (middle.repeat(size) - place[:, :1]), (middle.repeat_interleave(size, dim=0) - place[:, 1:])


def gathered(picture: Tensor, parts: Tensor, count: int) -> Tensor:
    """(count, ...): for each picture the sum of the parts (N, ...) of its objects."""
    return parts.new_zeros(count, *parts.shape[1:]).index_add(0, picture, parts)
