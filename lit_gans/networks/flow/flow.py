"""The conditional flow: images <-> latents, given the label."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.networks.flow.affine import BOUND, PRIOR_BOUND, AffineCoupling, AffineInjector, LastPrior, Split
from lit_gans.networks.flow.autoregressive import HEAD, AutoregressiveAffine
from lit_gans.networks.flow.bijections import Bijection, Chain, Features, Guided, Mixing, Squeeze
from lit_gans.networks.flow.label_pyramid import LabelPyramid
from lit_gans.networks.flow.latents import Latents, Shape
from lit_gans.networks.flow.layout import LayoutPyramid
from lit_gans.networks.flow.layouts import Layouts

TRANSITIONS = 2


class Flow(nn.Module):
    """A multi-scale Glow whose injectors, couplings and priors know the label.

    Each level: squeeze, two transitions (ActNorm, 1x1 convolution), K steps (ActNorm, 1x1 convolution, injector,
    coupling), and a split that whitens half of the channels and takes them out; after the last level all that is left
    is whitened. Where there is attention, autoregressive maps whiten that once more, over the whole picture. So the
    latents are standard normal where the flow fits, and its density needs no prior beside it:

        log p(x | label) = log N(latents; 0, I) + log |det d latents / dx|

    Args:
        num_classes: length of the multi-hot label.
        image_size: height and width, a multiple of 2 ** levels.
        levels: L.
        steps: K; one number, or one a level from the largest picture to the smallest, where a step costs least; 0 for
            a level that only squeezes, where there is no split.
        hidden: channels of the hidden layers of every prediction; one number, or one a level.
        embedding, features, growth, blocks: see LabelPyramid.
        condition_drop: above 0 for a flow that is also used without a label.
        low_res_drop: None for a flow without a low-resolution image beside the label.
        ordered_objects: of so many objects the label says which is the first, the second, ...; see order.py.
        attention: autoregressive maps after the last level, with a step behind each; at the smallest picture, since
            attention's cost grows with the square of its pixels.
        attention_width: their channels, a multiple of 32.
        recompute: in training, keep only what goes into each step and compute its inside again for the backward pass:
            less memory, more time; see Chain.
        split: take half of the channels out after each level; else all of them go on to the smallest picture.
        layout: features from the objects' places, see LayoutPyramid, which takes `features` and `embedding`; the
            density of the places is in `layouts`.
        channels: of the images: 3, or 1 for grey.

    Shapes:
        x (B, channels, image_size, image_size) in [-1/2, 1/2] as a rule, the label's features as `pyramid` makes them
        -> latents, log |det| (B,)
    """

    def __init__(
        self,
        num_classes: int = 24,
        image_size: int = 64,
        levels: int = 3,
        steps: int | Sequence[int] = 16,
        hidden: int | Sequence[int] = 64,
        embedding: int = 200,
        features: int = 64,
        growth: int = 32,
        blocks: int = 4,
        condition_drop: float = 0.15,
        low_res_drop: float | None = None,
        ordered_objects: int = 0,
        attention: int = 0,
        attention_width: int = 128,
        recompute: bool = False,
        split: bool = True,
        layout: bool = False,
        channels: int = 3,
    ) -> None:
        super().__init__()
        checks.channels(channels)
        checks.counts(num_classes=num_classes, image_size=image_size, levels=levels, embedding=embedding)
        checks.counts(features=features, growth=growth, blocks=blocks)
        if image_size % 2**levels:
            raise InputError(f"image_size is {image_size}; a flow of {levels} levels needs a multiple of {2**levels}")
        sizes = [image_size // 2 ** (i + 1) for i in range(levels)]
        self.image_size, self.attention = image_size, attention
        self.pyramid = (
            LayoutPyramid(num_classes, sizes, features, embedding)
            if layout
            else LabelPyramid(
                *(num_classes * (1 + ordered_objects), sizes, embedding, features, growth, blocks),
                *(condition_drop > 0, low_res_drop is not None, channels),
            )
        )
        self.layouts = Layouts() if layout else None
        self.levels = nn.ModuleList()
        self.shapes: list[Shape] = []
        counts = each_level("steps", steps, levels, 1 if split else 0)
        widths = each_level("hidden", hidden, levels, 1)
        for i, (size, told, count, width) in enumerate(zip(sizes, self.pyramid.channels, counts, widths, strict=True)):
            channels *= 4
            is_last = i == levels - 1
            parts = level(channels, count, told, width, recompute, mixed=split)
            kept = 0 if is_last else channels // 2 if split else channels
            if is_last or split:
                parts.append((LastPrior if is_last else Split)(channels, told, width))
            if is_last:
                bound = BOUND if split else PRIOR_BOUND
                parts += refinement(attention, channels, told, size, width, attention_width, bound, recompute)
            self.levels.append(Chain(parts))
            self.shapes.append((channels - kept, size, size))
            channels = kept

    def forward(self, x: Tensor, pyramid: Sequence[Features]) -> tuple[Latents, Tensor]:
        parts: list[Tensor] = []
        total = x.new_zeros(x.shape[0])
        for bijection, u, (leaving, *_) in zip(self.levels, pyramid, self.shapes, strict=True):
            x, logdet = bijection(x, u)
            total = total + logdet
            x, part = x.split([x.shape[1] - leaving, leaving], dim=1)
            parts.append(part)
        return Latents(tuple(parts)), total

    def inverse(self, latents: Latents, pyramid: Sequence[Features]) -> Tensor:
        """The x that forward maps to the latents; under guidance a picture that it maps elsewhere."""
        x = latents.parts[-1][:, :0]
        for bijection, u, part in zip(reversed(self.levels), reversed(pyramid), reversed(latents.parts), strict=True):
            x = bijection.inverse(torch.cat([x, part], dim=1), u)  # type: ignore[operator]
        return x

    def log_prob(self, x: Tensor, pyramid: Sequence[Features]) -> Tensor:
        """Natural logarithm of the density at each x, (B,)."""
        latents, logdet = self(x, pyramid)
        return sum((standard_normal(part) for part in latents.parts), logdet)

    def guided(self, label: Tensor, guidance: float, low: Tensor | None = None) -> list[Features]:
        """Features for `inverse`, guided where guidance is not 0."""
        pyramid = self.pyramid(label, low=low)
        if not guidance:
            return list(pyramid)
        without = self.pyramid(label, torch.zeros(label.shape[0], dtype=torch.bool, device=label.device), low)
        return [Guided(u, v, guidance) for u, v in zip(pyramid, without, strict=True)]

    @torch.no_grad()
    def initialize(self, x: Tensor, pyramid: Sequence[Features]) -> None:
        """Sets every ActNorm from this first batch, once; in a distributed run from the batches of all processes."""
        for bijection, u, (leaving, *_) in zip(self.levels, pyramid, self.shapes, strict=True):
            x = bijection.initialize(x, u)  # type: ignore[operator]
            x = x[:, : x.shape[1] - leaving]


def level(channels: int, steps: int, features: int, hidden: int, recompute: bool, mixed: bool) -> list[Bijection]:
    """The bijections of a level before its prior; without `mixed`, a level of no steps only squeezes."""
    transitions = [Mixing(channels) for _ in range(TRANSITIONS)] if mixed or steps else []
    return [Squeeze(), *transitions, *(step(channels, features, hidden, recompute) for _ in range(steps))]


def step(channels: int, features: int, hidden: int, recompute: bool) -> Chain:
    """ActNorm and 1x1 convolution, injector, coupling."""
    injector, coupling = (part(channels, features, hidden) for part in (AffineInjector, AffineCoupling))
    return Chain([Mixing(channels), injector, coupling], recompute)


def refinement(
    count: int, channels: int, features: int, size: int, hidden: int, width: int, bound: float, recompute: bool
) -> list[Bijection]:
    """So many autoregressive maps, every second one backwards, each with a step behind it.

    Raises:
        InputError: fewer than 0, or another width than a multiple of 32.
    """
    checks.whole("attention", count, at_least=0, hint="autoregressive maps, such as 4; 0 for none")
    checks.counts(attention_width=width)
    if width % HEAD:
        raise InputError(f"attention_width is {width}; expected a multiple of {HEAD}, such as 128")
    parts: list[Bijection] = []
    for i in range(count):
        parts.append(AutoregressiveAffine(channels, features, size, width, bound=bound, backwards=i % 2 == 1))
        parts.append(step(channels, features, hidden, recompute))
    return parts


def each_level(name: str, given: int | Sequence[int], levels: int, least: int) -> list[int]:
    """One number a level.

    Raises:
        InputError: another number of numbers, or one below `least`.
    """
    numbers = list(given) if isinstance(given, list | tuple) else [given] * levels
    if len(numbers) != levels:
        raise InputError(f"{name} is {given}; expected a whole number of at least {least}, or {levels}, one a level")
    return [checks.whole(name, number, at_least=least, hint="for all levels, or one a level") for number in numbers]


def standard_normal(z: Tensor) -> Tensor:
    """log N(z; 0, I) of each of (B, C, H, W)."""
    return -0.5 * (z.square().sum((1, 2, 3)) + z[0].numel() * math.log(2 * math.pi))
