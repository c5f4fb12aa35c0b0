"""A normalizing flow in use: it draws, encodes, decodes, edits and scores pictures."""

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from lit_gans.errors import InputError
from lit_gans.inference.base import Averaged, AveragedModel, called
from lit_gans.inference.conditions import Conditions
from lit_gans.inference.latent_space import LatentSpace
from lit_gans.inference.sampling import ConditionalSampling
from lit_gans.networks.contexts import inference
from lit_gans.networks.flow.bijections import Features
from lit_gans.networks.flow.denoising import denoised
from lit_gans.networks.flow.flow import Flow
from lit_gans.networks.flow.label_pyramid import CANVAS
from lit_gans.networks.flow.latents import Latents
from lit_gans.networks.flow.layout import with_places
from lit_gans.networks.flow.order import random_order, with_order
from lit_gans.networks.flow.quantization import IN_CUBE, from_cube, to_cube

SAMPLING_BATCH = 128


class FlowSampling(LatentSpace, ConditionalSampling, Averaged):
    """Mixin: what a ConditionalFlow is used for; see there for its hyperparameters.

    Images, latents and likelihoods are computed in float32 whatever a trainer's precision, and in float64 where the
    images or latents that are handed in are float64; see also `inversion_dtype`.
    """

    network_name = "flow"
    sampling_networks: ClassVar[tuple[str, ...]] = ("flow",)
    flow: Flow

    def set_told(
        self, ordered_objects: int = 0, layout: bool = False, low_res_drop: float | None = None, noise: float = 0.0
    ) -> None:
        self.ordered_objects, self.layout, self.low_res_drop, self.noise = ordered_objects, layout, low_res_drop, noise

    def draw(
        self,
        conditions: Tensor,
        rng: torch.Generator,
        use_ema: bool,
        *,
        temperature: float | None = None,
        guidance: float | None = None,
        low_res: Tensor | None = None,
        places: Tensor | None = None,
    ) -> Iterator[Tensor]:
        """
        Args:
            temperature: factor of all latents; 1 draws from the flow's distribution, 0 gives the same picture always.
            guidance: w: the Gaussian p of every layer becomes p ** (1 + w) / q ** w, q being the one without the label.
                0 draws from the flow's distribution; 1 to 3 show the label more clearly.
            low_res: (B, 3, h, w) images in [-1, 1] whose 8x8 mean colours the pictures shall have, for a flow with
                low-resolution input.
            places: (B, num_classes, 2), x and y in [0, 1) from the left and from the top, of where the asked objects
                shall stand, for a flow with layout. An object whose place is NaN stands where a drawn layout has it.
        """
        temperature, guidance = self.settings(temperature, guidance)
        low = None if low_res is None else self.given_low_res(low_res, len(conditions))
        labels = self.asked(conditions, rng, places)
        for start in range(0, len(labels), SAMPLING_BATCH):
            label = labels[start : start + SAMPLING_BATCH]
            eps = temperature * torch.randn(len(label), self.dims, generator=rng).to(self.device)
            known = None if low is None else low[start : start + SAMPLING_BATCH]
            yield self.picture(eps, label, guidance, known, use_ema)

    def pictures_of(self, z: Tensor, rng: torch.Generator, use_ema: bool, conditions: Tensor) -> Iterator[Tensor]:
        """The pictures of these flat latents (B, dims) at the model's guidance, in parts of 128."""
        labels = self.asked(conditions, rng)
        for eps, label in zip(z.split(SAMPLING_BATCH), labels.split(SAMPLING_BATCH), strict=True):
            yield self.picture(eps, label, self.guidance, None, use_ema)

    def picture(self, eps: Tensor, label: Tensor, guidance: float, low_res: Tensor | None, use_ema: bool) -> Tensor:
        """One batch of `draw`, of flat latents and of what `asked` gives."""
        with self.exact(torch.float32, use_ema) as flow:
            x = flow.inverse(Latents.unflatten(eps, flow.shapes), flow.guided(label, guidance, low_res))
            if self.noise:
                x = denoised(flow, x, self.noise * IN_CUBE, label, low_res)
        return from_cube(x).clamp(-1, 1)

    def asked(self, conditions: Tensor, rng: torch.Generator, places: Tensor | None = None) -> Tensor:
        """What the flow is told to draw for these conditions, a row each; `places` as in `draw`."""
        order = random_order(conditions, rng) if self.ordered_objects else None
        if places is not None:
            places = self.given_places(places, len(conditions)).to(conditions)
        return self.with_objects(conditions, order, self.layout_of(conditions, rng, places))

    def layout_of(self, conditions: Tensor, rng: torch.Generator, given: Tensor | None) -> Tensor | None:
        """(B, num_classes, 2): the given places, and those of a drawn layout where there are none; None for a flow
        without layout."""
        if given is not None and not (conditions.bool() & given.isnan().any(dim=-1)).any():
            return given
        drawn = None if self.flow.layouts is None else self.flow.layouts.sample(conditions, rng)
        return drawn if given is None or drawn is None else torch.where(given.isnan(), drawn, given)

    def with_objects(self, label: Tensor, order: Tensor | None = None, place: Tensor | None = None) -> Tensor:
        """The label with what else the flow is told of its objects; None where nobody knows."""
        return with_places(label, place) if self.layout else with_order(label, order, self.ordered_objects)

    def known(
        self, flow: Flow, x: Tensor, conditions: Conditions | None, low_res: Tensor | None, guidance: float = 0.0
    ) -> list[Features]:
        """The features of what the user tells about images or latents x."""
        count = len(x)
        low = None if low_res is None else self.given_low_res(low_res, count).to(x.dtype)
        rows = self.told(conditions, count)
        if rows is None:
            nothing = self.with_objects(torch.zeros(count, self.num_classes, dtype=x.dtype, device=x.device))
            return list(flow.pyramid(nothing, torch.zeros(count, dtype=torch.bool, device=x.device), low))
        return flow.guided(self.with_objects(rows.to(x)), guidance, low)

    def log_prob(
        self, x: Tensor, conditions: Conditions | None = None, low_res: Tensor | None = None, use_ema: bool = True
    ) -> Tensor:
        """Natural logarithm of the density p(x | label), (B,), of points of [-1, 1]^(C*H*W): no noise is added.

        Args:
            x, conditions, low_res, use_ema: as in `encode`.
        """
        x = self.given_images(x)
        with self.exact(x.dtype, use_ema) as flow:
            density = flow.log_prob(to_cube(x), self.known(flow, x, conditions, low_res))
        return density + self.dims * math.log(IN_CUBE)

    def encode(
        self, x: Tensor, conditions: Conditions | None = None, low_res: Tensor | None = None, use_ema: bool = True
    ) -> Latents:
        """All latents of images.

        Args:
            x: (B, 3, image_size, image_size) in [-1, 1]; in float64 everything is computed in float64.
            conditions: what each image shows, multi-hot or names; None for latents that say all of it themselves.
            low_res: as in `draw`.
            use_ema: the averaged weights where there are any, else the trained ones.

        Raises:
            InputError: images of another size, labels that do not fit, or none for a flow that always has one.
        """
        x = self.given_images(x)
        wide = x.to(self.inversion_dtype(x.dtype))
        with self.exact(wide.dtype, use_ema) as flow:
            return flow(to_cube(wide), self.known(flow, wide, conditions, low_res))[0].to(x.dtype)

    def decode(
        self,
        latents: Latents | Tensor,
        conditions: Conditions | None = None,
        low_res: Tensor | None = None,
        guidance: float = 0.0,
        use_ema: bool = True,
    ) -> Tensor:
        """The images of latents (or of their flat form), not clipped. The inverse of `encode` for the same
        conditions and low_res, if guidance is 0; see `draw` for guidance.

        Returns:
            (B, 3, image_size, image_size), in [-1, 1] up to what the flow makes of unlikely latents; in the latents'
            precision.
        """
        if isinstance(latents, Tensor):
            latents = Latents.unflatten(latents.to(self.device), self.flow.shapes)
        self.check_guided(conditions, guidance)
        given = latents.parts[0].dtype
        wide = latents.to(self.inversion_dtype(given))
        with self.exact(wide.parts[0].dtype, use_ema) as flow:
            pyramid = self.known(flow, wide.parts[0], conditions, low_res, guidance)
            return from_cube(flow.inverse(wide, pyramid)).to(given)

    def inversion_dtype(self, given: torch.dtype) -> torch.dtype:
        """What `encode` and `decode` compute in, where they are given this. The inverse of an autoregressive map feeds
        the rounding errors of each pixel to all pixels after it: in float32 they grow to visible ones, in float64 they
        do not."""
        return torch.float64 if self.flow.attention else given

    @contextmanager
    def exact(self, dtype: torch.dtype, use_ema: bool) -> Iterator[Any]:
        """The flow in eval mode, without gradients and autocast, in the precision that is asked for."""
        chosen = self.chosen(use_ema)
        if dtype == torch.float64:
            if self.device.type == "mps":
                raise InputError("this flow computes in float64, which an mps device has not; take the cpu")
            chosen = copy.deepcopy(chosen).double()
        with inference(chosen):
            yield chosen

    def given_images(self, x: Tensor) -> Tensor:
        expected = (self.channels, self.image_size, self.image_size)
        if x.ndim != 4 or tuple(x.shape[1:]) != expected or not x.is_floating_point():
            raise InputError(
                f"images have shape {tuple(x.shape)} and type {x.dtype}; expected (B, {', '.join(map(str, expected))}) "
                "and floats in [-1, 1]: resize them first"
            )
        return x.to(self.device, torch.float64 if x.dtype == torch.float64 else torch.float32)

    def given_low_res(self, low_res: Tensor, count: int) -> Tensor:
        """What a flow with low-resolution input is told of such images."""
        if self.low_res_drop is None:
            raise InputError(
                "this flow has no low-resolution input and would ignore low_res; train one with low_res_drop 0.5"
            )
        if low_res.ndim != 4 or low_res.shape[1] != self.channels or len(low_res) != count:
            raise InputError(f"low_res has shape {tuple(low_res.shape)}; expected ({count}, {self.channels}, h, w)")
        return small(low_res.to(self.device))

    def given_places(self, places: Tensor, count: int) -> Tensor:
        """Raises InputError: a flow that is told none, another shape, or a place outside of the picture."""
        if not self.layout:
            raise InputError("this flow is told no places and would ignore them; train one with layout true")
        if tuple(places.shape) != (count, self.num_classes, 2):
            raise InputError(
                f"places have shape {tuple(places.shape)}; expected ({count}, {self.num_classes}, 2): x and y of each "
                "class, NaN where there is none"
            )
        outside = places[(places < 0) | (places >= 1)]
        if len(outside):
            raise InputError(f"places hold {outside[0].item():g}; expected shares of the picture, at least 0, below 1")
        return places


def small(image: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, 8, 8) mean colours."""
    return interpolate(image, size=(CANVAS, CANVAS), mode="area")


class FlowModel(FlowSampling, AveragedModel):
    """A trained ConditionalFlow."""

    def set_up(self, hyperparameters: Mapping[str, Any]) -> None:
        for part in (self.set_classes, self.set_space, self.set_told):
            called(part, hyperparameters)
