"""What a trained conditional flow does for its user."""

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from lit_gans.errors import InputError
from lit_gans.models.base import Batch, checked_temperature
from lit_gans.models.conditional import ScoredByEvaluator
from lit_gans.models.conditions import Conditions, as_multi_hot, known_name
from lit_gans.networks.flow.bijections import Features
from lit_gans.networks.flow.conditioning import CANVAS
from lit_gans.networks.flow.flow import Flow
from lit_gans.networks.flow.latents import Latents, between
from lit_gans.networks.flow.places import in_places, random_order
from lit_gans.networks.flow.quantization import LEVELS, from_cube, to_cube
from lit_gans.networks.modes import inference

SAMPLING_BATCH = 128


class Invertible(ScoredByEvaluator):
    """Mixin of a flow between images and latents, given a label: sample, encode, decode, densities, interpolation,
    edits.

    Attributes that the model sets:
        flow, flow_ema: the network, and its averaged copy if there is one.
        image_size, dims: height and width of the images, and C * H * W.
        label_drop, lr_drop, places: see ConditionalFlow.
        temperature, guidance: where `sample` is given none.
    """

    pictures_from = "flow"
    flow: Flow
    flow_ema: torch.nn.Module | None
    image_size: int
    dims: int
    label_drop: float
    lr_drop: float | None
    places: int
    temperature: float
    guidance: float

    def sample(
        self,
        conditions: Conditions,
        n: int = 1,
        seed: int | None = None,
        ema: bool = True,
        temperature: float | None = None,
        guidance: float | None = None,
        lr: Tensor | None = None,
    ) -> Tensor:
        """Pictures for labels, as in `ScoredByEvaluator.sample`.

        Args:
            temperature: factor of all latents; 1 draws from the flow's distribution, 0 gives the same picture always.
            guidance: w: mean and log-scale of every layer are moved by w times their difference to those without the
                label. 0 draws from the flow's distribution; 1 to 3 show the label more clearly.
            lr: (B, 3, h, w) images in [-1, 1] whose 8x8 mean colours the pictures shall have, for a flow with
                low-resolution input.
        """
        low = None if lr is None else self.given_lr(lr, len(conditions)).repeat_interleave(n, dim=0)
        return self.draw_each(conditions, n, seed, ema, temperature=temperature, guidance=guidance, low=low)

    def draw(
        self,
        conditions: Tensor,
        noise: torch.Generator,
        ema: bool,
        temperature: float | None = None,
        guidance: float | None = None,
        low: Tensor | None = None,
    ) -> Tensor:
        temperature, guidance = self.checked(
            self.temperature if temperature is None else temperature, self.guidance if guidance is None else guidance
        )
        labels = in_places(conditions, random_order(conditions, noise) if self.places else None, self.places)
        pictures = []
        with self.exact(torch.float32, ema) as flow:
            for start in range(0, len(conditions), SAMPLING_BATCH):
                label = labels[start : start + SAMPLING_BATCH]
                eps = temperature * torch.randn(len(label), self.dims, generator=noise).to(self.device)
                pyramid = flow.guided(label, guidance, None if low is None else low[start : start + SAMPLING_BATCH])
                pictures.append(from_cube(flow.inverse(Latents.unflatten(eps, flow.shapes), pyramid)).clamp(-1, 1))
        return torch.cat(pictures)

    def log_prob(self, x: Tensor, c: Conditions | None = None, lr: Tensor | None = None, ema: bool = True) -> Tensor:
        """Natural logarithm of the density p(x | label), (B,), of points of [-1, 1]^(C*H*W): no noise is added.

        Args:
            x, c, lr, ema: as in `encode`.
        """
        x = self.given_images(x)
        with self.exact(x.dtype, ema) as flow:
            density = flow.log_prob(to_cube(x), self.known(flow, x, c, lr))
        return density + self.dims * math.log((LEVELS - 1) / (2 * LEVELS))

    def encode(self, x: Tensor, c: Conditions | None = None, lr: Tensor | None = None, ema: bool = True) -> Latents:
        """All latents of images.

        Args:
            x: (B, 3, image_size, image_size) in [-1, 1]; in float64 everything is computed in float64.
            c: what each image shows, multi-hot or names; None for latents that say all of it themselves.
            lr: as in `sample`.
            ema: the averaged weights where there are any, else the trained ones.

        Raises:
            InputError: images of another size, labels that do not fit, or none for a flow that always has one.
        """
        x = self.given_images(x)
        wide = x.to(self.inversion_dtype(x.dtype))
        with self.exact(wide.dtype, ema) as flow:
            return flow(to_cube(wide), self.known(flow, wide, c, lr))[0].to(x.dtype)

    def decode(
        self,
        latents: Latents | Tensor,
        c: Conditions | None = None,
        lr: Tensor | None = None,
        guidance: float = 0.0,
        ema: bool = True,
    ) -> Tensor:
        """The images of latents (or of their flat form), not clipped. The inverse of `encode` for the same c and lr,
        if guidance is 0; see `sample` for guidance.

        Returns:
            (B, 3, image_size, image_size), in [-1, 1] up to what the flow makes of unlikely latents; in the latents'
            precision.
        """
        if isinstance(latents, Tensor):
            latents = Latents.unflatten(latents.to(self.device), self.flow.shapes)
        _, guidance = self.checked(0.0, guidance)
        if guidance and c is None:
            raise InputError("guidance strengthens the label, and decode was given none; give c, or guidance 0")
        given = latents.parts[0].dtype
        wide = latents.to(self.inversion_dtype(given))
        with self.exact(wide.parts[0].dtype, ema) as flow:
            pyramid = self.known(flow, wide.parts[0], c, lr, guidance)
            return from_cube(flow.inverse(wide, pyramid)).to(given)

    def interpolate(
        self, first: Tensor, second: Tensor, steps: int = 8, mode: str = "lerp", c: Conditions | None = None
    ) -> Tensor:
        """Pictures on the way from each image to its partner.

        Args:
            first, second: (B, 3, image_size, image_size) in [-1, 1].
            steps: pictures, both ends included.
            mode: "lerp", straight; "slerp", along the great circle.
            c: what both show; none by default, so that the latents hold all that differs.

        Returns:
            (B, steps, 3, image_size, image_size) in [-1, 1]; the ends are the images.
        """
        if steps < 2:
            raise InputError(f"steps is {steps}; expected at least 2, the two images themselves")
        start, end = (self.encode(x, c).flatten() for x in (first, second))
        shares = torch.linspace(0, 1, steps).tolist()
        return torch.stack([self.decode(between(start, end, t, mode), c).clamp(-1, 1) for t in shares], dim=1)

    def attribute_directions(self, batches: Iterable[Batch], attributes: Sequence[str | int]) -> Tensor:
        """For each attribute the mean latents of images with it minus those of images without it.

        One pass over the batches, whatever their number, in the memory of one batch. The images are encoded without
        their label: latents under a label no longer hold what the label tells.

        Args:
            batches: `{"image": (B, 3, H, W) in [-1, 1], "condition": (B, num_classes)}`.
            attributes: names or indices of classes.

        Returns:
            (attributes, D) on the CPU, for the flat form of latents.

        Raises:
            InputError: an unknown attribute, or one that all or none of the images have.
        """
        columns = [self.class_index(attribute) for attribute in attributes]
        sums, counts = torch.zeros(2, len(columns), self.dims, dtype=torch.float64), torch.zeros(2, len(columns))
        for batch in batches:
            z = self.encode(batch["image"]).flatten().cpu().double()
            has = batch["condition"].cpu()[:, columns]
            for i, side in enumerate((has, 1 - has)):
                sums[i] += side.T.double() @ z
                counts[i] += side.sum(0)
        for attribute, (with_it, without) in zip(attributes, counts.T.tolist(), strict=True):
            if not with_it or not without:
                raise InputError(
                    f"attribute {attribute!r}: {with_it:.0f} images have it and {without:.0f} have not; a direction "
                    "needs some of both"
                )
        with_it, without = sums / counts[:, :, None]
        return (with_it - without).float()

    def edit(self, x: Tensor, direction: Tensor, amounts: Sequence[float]) -> Tensor:
        """Images whose latents are moved along a direction of `attribute_directions`, times each amount.

        Returns:
            (B, amounts, 3, image_size, image_size) in [-1, 1]; amount 0 is the image itself.
        """
        z = self.encode(x).flatten()
        moved = [z + amount * direction.to(z) for amount in amounts]
        return torch.stack([self.decode(one).clamp(-1, 1) for one in moved], dim=1)

    def relabel(self, x: Tensor, before: Conditions, after: Conditions, guidance: float = 0.0) -> Tensor:
        """Images decoded under another label than they were encoded with: what the label does not tell stays.

        Returns:
            (B, 3, image_size, image_size) in [-1, 1].
        """
        return self.decode(self.encode(x, before), after, guidance=guidance).clamp(-1, 1)

    def inversion_dtype(self, given: torch.dtype) -> torch.dtype:
        """What `encode` and `decode` compute in. The inverse of an autoregressive map feeds the rounding errors of each
        pixel to all pixels after it: in float32 they grow to visible ones, in float64 they do not."""
        return torch.float64 if self.flow.attention else given

    @contextmanager
    def exact(self, dtype: torch.dtype, ema: bool) -> Iterator[Flow]:
        """The flow in eval mode, without gradients and autocast, in the precision that is asked for."""
        chosen = self.flow_ema if ema and self.flow_ema is not None else self.flow
        assert isinstance(chosen, Flow)
        if dtype == torch.float64:
            chosen = copy.deepcopy(chosen).double()
        with inference(chosen):
            yield chosen

    def known(
        self, flow: Flow, x: Tensor, c: Conditions | None, lr: Tensor | None, guidance: float = 0.0
    ) -> list[Features]:
        """The features of what the user tells about images or latents x."""
        count = len(x)
        low = None if lr is None else self.given_lr(lr, count).to(x.dtype)
        if c is None:
            if not self.label_drop:
                raise InputError("this flow was trained with label_drop 0, so it always needs a condition; give c")
            nothing = torch.zeros(count, self.num_classes, dtype=x.dtype, device=x.device)
            nothing = in_places(nothing, None, self.places)
            return list(flow.pyramid(nothing, torch.zeros(count, dtype=torch.bool, device=x.device), low))
        rows = as_multi_hot(c, self.num_classes, self.class_names)
        if len(rows) != count:
            raise InputError(f"{len(rows)} conditions for {count} images or latents; expected one for each")
        return flow.guided(in_places(rows.to(x), None, self.places), guidance, low)

    def low_resolution(self, image: Tensor) -> Tensor | None:
        """What the flow is shown of an image beside the label: its 8x8 mean colours, if it has been built for that."""
        return None if self.lr_drop is None else small(image)

    def given_images(self, x: Tensor) -> Tensor:
        expected = (3, self.image_size, self.image_size)
        if x.ndim != 4 or tuple(x.shape[1:]) != expected or not x.is_floating_point():
            raise InputError(
                f"images have shape {tuple(x.shape)} and type {x.dtype}; expected (B, {', '.join(map(str, expected))}) "
                "and floats in [-1, 1]: resize them first"
            )
        return x.to(self.device, torch.float64 if x.dtype == torch.float64 else torch.float32)

    def given_lr(self, lr: Tensor, count: int) -> Tensor:
        if self.lr_drop is None:
            raise InputError("this flow has no low-resolution input and would ignore lr; train one with lr_drop 0.5")
        if lr.ndim != 4 or lr.shape[1] != 3 or len(lr) != count:
            raise InputError(f"lr has shape {tuple(lr.shape)}; expected ({count}, 3, h, w)")
        return small(lr.to(self.device))

    def class_index(self, attribute: str | int) -> int:
        if isinstance(attribute, int):
            return attribute
        if self.class_names is None:
            raise InputError("this model was trained without class_names; give attributes by index")
        return list(self.class_names).index(known_name(attribute, self.class_names))

    def checked(self, temperature: float, guidance: float) -> tuple[float, float]:
        if guidance < 0:
            raise InputError(f"guidance is {guidance}; expected 0 (none) or more: below 0 the label is weakened")
        if guidance and not self.label_drop:
            raise InputError("guidance needs a flow that also knows images without label; train with label_drop 0.15")
        return checked_temperature(temperature), float(guidance)


def small(image: Tensor) -> Tensor:
    """(B, 3, h, w) -> (B, 3, 8, 8) mean colours."""
    return interpolate(image, size=(CANVAS, CANVAS), mode="area")
