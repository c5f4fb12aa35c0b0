"""From the label, and a low-resolution image where there is one, to features for each level of the flow.

Report 003 (section B3) takes its features from a low-resolution image by a trunk of residual-in-residual dense blocks,
and has none when it draws from a label. Here the label paints the trunk's input, so features exist without an image.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, relu

CANVAS = 8
"""Height and width of the trunk, and of the low-resolution image."""

# Of the residuals, and of the start weights of the dense blocks' convolutions (report 003, B3).
RESIDUAL = 0.2
START = 0.1


class LabelPyramid(nn.Module):
    """Label -> embedding -> canvas with coordinates -> trunk -> features at each size.

    Args:
        num_classes: length of the multi-hot label.
        sizes: heights (and widths) of the levels, falling.
        embedding: length of the embedded label.
        features: channels everywhere in the trunk and the pyramid.
        growth: channels that each convolution of a dense block adds.
        blocks: residual-in-residual dense blocks in the trunk.
        droppable: whether labels may be left out; then there is a learnt embedding of "no label".
        low_resolution: whether there is a low-resolution image beside the label.
        channels: of that image.

    Shapes:
        label (B, num_classes), kept (B,) bool, low (B, channels, 8, 8) and low_kept (B,) bool
        -> a list of (B, channels[i], sizes[i], sizes[i]), one a level
    """

    def __init__(
        self,
        num_classes: int,
        sizes: Sequence[int],
        embedding: int = 200,
        features: int = 64,
        growth: int = 32,
        blocks: int = 4,
        droppable: bool = True,
        low_resolution: bool = False,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.sizes, self.features = tuple(sizes), features
        self.channels = [features] * len(sizes)
        self.embed = nn.Linear(num_classes, embedding)
        self.unlabelled = nn.Parameter(torch.randn(embedding) * embedding**-0.5) if droppable else None
        self.low_planes = channels + 1 if low_resolution else 0
        self.paint = nn.Linear(embedding, features * CANVAS**2)
        self.enter = nn.Conv2d(features + 2 + self.low_planes, features, 3, padding=1)
        self.trunk = nn.ModuleList(ResidualDense(features, growth) for _ in range(blocks))
        self.taps = nn.Conv2d(features * (1 + blocks), features, 1)
        larger = [size for size in sizes if size > CANVAS]
        self.up = nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in larger)

    def forward(
        self, label: Tensor, kept: Tensor | None = None, low: Tensor | None = None, low_kept: Tensor | None = None
    ) -> list[Tensor]:
        embedded = relu(self.embed(label))
        if kept is not None and self.unlabelled is not None:
            embedded = torch.where(kept[:, None], embedded, self.unlabelled)
        canvas = self.paint(embedded).view(-1, self.features, CANVAS, CANVAS)
        planes = [canvas, coordinates(canvas)]
        if self.low_planes:
            planes.append(masked(canvas, self.low_planes, low, low_kept))
        x = self.enter(torch.cat(planes, dim=1))
        outputs = [x]
        for block in self.trunk:
            outputs.append(block(outputs[-1]))
        return self.pyramid(self.taps(torch.cat(outputs, dim=1)))

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """(B, features, 8, 8) -> that at each level's size: nearest and a convolution upwards, means downwards."""
        found = {CANVAS: leaky_relu(x, 0.2)}
        larger = sorted(size for size in self.sizes if size > CANVAS)
        for (before, size), conv in zip(pairwise([CANVAS, *larger]), self.up, strict=True):
            found[size] = leaky_relu(conv(interpolate(found[before], size=size, mode="nearest")), 0.2)
        for size in self.sizes:
            if size < CANVAS:
                found[size] = interpolate(found[CANVAS], size=size, mode="area")
        return [found[size] for size in self.sizes]


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees the outputs of all before it (report 003, B3)."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        inputs = [features + i * growth for i in range(5)]
        outputs = [growth] * 4 + [features]
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in zip(inputs, outputs, strict=True)
        )
        for conv in self.convs:
            nn.init.kaiming_normal_(conv.weight, a=0.2)  # type: ignore[arg-type]
            with torch.no_grad():
                conv.weight.mul_(START)  # type: ignore[operator]
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for conv in list(self.convs)[:-1]:
            seen.append(leaky_relu(conv(torch.cat(seen, dim=1)), 0.2))
        return x + RESIDUAL * self.convs[-1](torch.cat(seen, dim=1))


class ResidualDense(nn.Sequential):
    """Three dense blocks with a residual around them: 719,424 parameters at 64 features, growth 32."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__(*(DenseBlock(features, growth) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        return x + RESIDUAL * super().forward(x)


def coordinates(like: Tensor) -> Tensor:
    """(B, 2, H, W): the row and the column of each pixel, from -1 to 1."""
    batch, _, height, width = like.shape
    rows = torch.linspace(-1, 1, height, dtype=like.dtype, device=like.device)
    columns = torch.linspace(-1, 1, width, dtype=like.dtype, device=like.device)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij")).expand(batch, 2, height, width)


def masked(like: Tensor, planes: int, low: Tensor | None, kept: Tensor | None) -> Tensor:
    """(B, planes, H, W): the low-resolution image and a plane of ones, or zeros where there is none."""
    if low is None:
        return like.new_zeros(like.shape[0], planes, *like.shape[2:])
    seen = torch.cat([low, torch.ones_like(low[:, :1])], dim=1).to(like.dtype)
    return seen if kept is None else seen * kept.view(-1, 1, 1, 1)
