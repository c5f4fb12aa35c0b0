"""Where objects stand: a density over layouts, of as many kernels as there are layouts kept from the training data."""

import itertools
import math

import torch
from torch import Tensor, nn

from lit_gans.errors import InputError

KEPT = 4096
"""Layouts that are kept."""
MOST = 4
"""Objects in a layout, at most: the density sums over all ways to hand the places to the objects."""
WIDTH = 0.5 / 64
"""Standard deviation of a kernel, in shares of the picture: half a pixel of 64."""
UNIT = 2**14
"""Places are kept as whole numbers of so many to 1: an average of weights copies those, and must not mix them."""


class Layouts(nn.Module):
    """p(places | number of objects): the layouts of training pictures, blurred by half a pixel.

    Which object stands at which of the places is drawn at random: in iCLEVR the class explains less than 1 % of where
    an object stands.

    Attributes:
        places: (KEPT, MOST, 2) int16, x and y in 1/UNIT; -1 where there is no object.
        count: layouts kept so far.
    """

    places: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("places", torch.full((KEPT, MOST, 2), -1, dtype=torch.int16))
        self.register_buffer("count", torch.tensor(0))

    @torch.no_grad()
    def add(self, label: Tensor, place: Tensor) -> None:
        """Keeps the layouts of these pictures, of those whose objects all have a known place, until there are enough.

        Args:
            label: (B, num_classes) multi-hot.
            place: (B, num_classes, 2) in [0, 1); NaN where it is not known.

        Raises:
            InputError: more than MOST objects in a picture.
        """
        if (most := int(label.sum(1).max())) > MOST:
            raise InputError(f"a picture has {most} objects; layout knows up to {MOST}: set layout to false")
        missing = place.isnan().any(-1)
        whole = (label.sum(1) > 0) & ~((label > 0) & missing).any(1)
        rows = place.masked_fill(missing[..., None], -1 / UNIT)[whole]
        # those with a place first
        order = missing[whole].int().argsort(dim=1, stable=True)[:, :MOST]
        rows = rows.gather(1, order[..., None].expand(-1, -1, 2))[: KEPT - int(self.count)]
        start, end = int(self.count), int(self.count) + len(rows)
        self.places[start:end, : rows.shape[1]] = (rows * UNIT).round().to(torch.int16)
        self.count.fill_(end)

    def of(self, objects: int) -> Tensor:
        """(N, objects, 2): the kept layouts of so many objects, in [0, 1).

        Raises:
            InputError: there is none.
        """
        kept = self.places[: int(self.count)]
        layouts = kept[(kept[..., 0] >= 0).sum(1) == objects, :objects]
        if not len(layouts):
            raise InputError(f"this flow has seen no picture of {objects} objects to lay out; ask for another number")
        return layouts.float() / UNIT

    def sample(self, label: Tensor, rng: torch.Generator) -> Tensor:
        """(B, num_classes, 2): a place for each object of the labels (B, num_classes), NaN for the others; `rng` is a
        generator of the CPU."""
        place = torch.full((*label.shape, 2), torch.nan, device=label.device)
        for row, present in zip(place, label.bool(), strict=True):
            if objects := int(present.sum()):
                layouts = self.of(objects)
                layout = layouts[torch.randint(len(layouts), (1,), generator=rng)][0]
                layout = layout[torch.randperm(objects, generator=rng)]
                blur = WIDTH * torch.randn(objects, 2, generator=rng).to(layout.device)
                row[present] = (layout + blur).clamp(0, 1 - 1 / UNIT)
        return place

    def log_prob(self, label: Tensor, place: Tensor) -> Tensor:
        """Natural logarithm of the density of each picture's places, (B,): by all kernels and all ways to hand a
        layout's places to the objects. Places in shares of the picture."""
        densities = []
        for present, points in zip(label.bool(), place, strict=True):
            objects = int(present.sum())
            if not objects:
                densities.append(place.new_zeros(()))
                continue
            layouts = self.of(objects).to(place)
            ways = torch.tensor(list(itertools.permutations(range(objects))), device=place.device)
            distance = (points[present] - layouts[:, ways]).square().sum((-1, -2))  # (layouts, ways)
            kernel = -distance / (2 * WIDTH**2) - objects * math.log(2 * math.pi * WIDTH**2)
            densities.append(kernel.flatten().logsumexp(0) - math.log(kernel.numel()))
        return torch.stack(densities)
