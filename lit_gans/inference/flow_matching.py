"""A flow-matching model in use: images are drawn by following the velocity from noise."""

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar, get_args

import torch
from torch import Tensor

from lit_gans import checks
from lit_gans.inference.base import Averaged, AveragedModel, called
from lit_gans.inference.conditions import Conditions
from lit_gans.inference.latent_space import LatentSpace
from lit_gans.inference.sampling import ConditionalSampling
from lit_gans.networks.contexts import inference
from lit_gans.networks.flow.latents import Latents
from lit_gans.networks.ode import Solver, Velocity, evenly, solve, solve_with_divergence, towards_images
from lit_gans.networks.unet import UNet
from lit_gans.training.seeding import generator_of

SAMPLING_BATCH = 64


class VelocitySampling(LatentSpace, ConditionalSampling, Averaged):
    """Mixin: what a ConditionalFlowMatching is used for; see there for its hyperparameters."""

    network_name = "unet"
    sampling_networks: ClassVar[tuple[str, ...]] = ("unet",)
    unet: UNet

    def set_solver(self, steps: int = 20, solver: Solver = "heun") -> None:
        checks.choice("solver", solver, get_args(Solver))
        self.steps, self.solver = checks.whole("steps", steps, at_least=1), solver

    def draw(
        self,
        conditions: Tensor,
        rng: torch.Generator,
        use_ema: bool,
        *,
        temperature: float | None = None,
        guidance: float | None = None,
        steps: int | None = None,
    ) -> Iterator[Tensor]:
        """
        Args:
            temperature: factor of the noise that images are drawn from.
            guidance: w: the velocity v becomes v + w * (v - the one without the condition) (Ho and Salimans 2022).
            steps: of the equation; None: the model's.
        """
        temperature, guidance = self.settings(temperature, guidance)
        for told in conditions.split(SAMPLING_BATCH):
            shape = (len(told), self.channels, self.image_size, self.image_size)
            z = temperature * torch.randn(shape, generator=rng).to(self.device)
            yield self.follow(z, told, 0.0, 1.0, use_ema, guidance, steps).clamp(-1, 1)

    def pictures_of(self, z: Tensor, rng: torch.Generator, use_ema: bool, conditions: Tensor) -> Iterator[Tensor]:
        """The pictures of this flat noise (B, dims), at the model's guidance; nothing else is drawn at random."""
        x = z.view(len(z), self.channels, self.image_size, self.image_size)
        yield self.follow(x, conditions, 0.0, 1.0, use_ema, self.guidance).clamp(-1, 1)

    def encode(self, x: Tensor, conditions: Conditions | None = None, use_ema: bool = True) -> Latents:
        """The noise that images (B, 3, image_size, image_size) in [-1, 1] are drawn from, up to the error of the steps.

        Args:
            conditions: what each image shows, multi-hot or names; None for noise that says all of it itself.
        """
        return Latents((self.follow(x.to(self.device), self.told(conditions, len(x)), 1.0, 0.0, use_ema),))

    def decode(
        self,
        latents: Latents | Tensor,
        conditions: Conditions | None = None,
        guidance: float = 0.0,
        use_ema: bool = True,
    ) -> Tensor:
        """The images of noise (or of its flat form), not clipped; the inverse of `encode` up to the error of the
        steps."""
        if isinstance(latents, Tensor):
            latents = Latents.unflatten(latents.to(self.device), [(self.channels, self.image_size, self.image_size)])
        self.check_guided(conditions, guidance)
        z = latents.parts[0]
        return self.follow(z, self.told(conditions, len(z)), 0.0, 1.0, use_ema, guidance)

    def log_prob(
        self,
        x: Tensor,
        conditions: Conditions | None = None,
        *,
        noise: float = 0.0,
        steps: int = 32,
        seed: int | None = 0,
        use_ema: bool = True,
    ) -> Tensor:
        """Natural logarithm of the density p(x | condition), (B,), of points of R^(C*H*W).

        An estimate: unbiased but for the error of the steps. A step takes about three times what one of `encode` takes.

        Args:
            x: (B, 3, image_size, image_size), images in [-1, 1], with their noise.
            conditions: what each image shows, multi-hot or names; None for the density of all images.
            noise: standard deviation of the Gaussian noise that x holds. The path is images with ever less noise, so
                their density is known too: it is the one at the time at which image and noise stand as 1 to `noise`.
            steps: of the equation, smaller ones near the images.
            seed: of the directions in which the velocity's divergence is measured.
        """
        end = 1 / (1 + checks.number("noise", noise, at_least=0, hint="0, or 0.05"))
        times = towards_images(end, checks.whole("steps", steps, at_least=1))[::-1]
        told, rng = self.told(conditions, len(x)), generator_of(seed)
        densities = []
        with inference(self.chosen(use_ema)) as unet:
            for part, velocity in self.parts(unet, end * x.to(self.device), told):
                signs = (torch.randint(2, part.shape, generator=rng) * 2 - 1).to(part)
                z, change = solve_with_divergence(velocity, part, times, self.solver, signs)
                normal = -(z.square().flatten(1).sum(dim=1) + self.dims * math.log(2 * math.pi)) / 2
                densities.append(normal + change + self.dims * math.log(end))
        return torch.cat(densities)

    def follow(
        self,
        x: Tensor,
        conditions: Tensor | None,
        start: float,
        end: float,
        use_ema: bool,
        guidance: float = 0.0,
        steps: int | None = None,
    ) -> Tensor:
        """Where the velocity brings x (B, 3, H, W) from one time to the other; without conditions where they are
        None."""
        steps = self.steps if steps is None else checks.whole("steps", steps, at_least=1)
        with inference(self.chosen(use_ema)) as unet:
            parts = self.parts(unet, x, conditions, guidance)
            times = evenly(start, end, steps)
            return torch.cat([solve(velocity, part, times, self.solver) for part, velocity in parts])

    def parts(
        self, unet: Any, x: Tensor, conditions: Tensor | None, guidance: float = 0.0
    ) -> Iterator[tuple[Tensor, Velocity]]:
        """x in batches, each with its velocity (x, time) -> dx/dt."""
        for i in range(0, len(x), SAMPLING_BATCH):
            part = x[i : i + SAMPLING_BATCH].contiguous(memory_format=torch.channels_last)
            told = None if conditions is None else conditions[i : i + SAMPLING_BATCH]
            yield part, partial(self.velocity, unet, conditions=told, guidance=guidance)

    def velocity(self, unet: Any, x: Tensor, time: float, conditions: Tensor | None, guidance: float) -> Tensor:
        """dx/dt at x, guided where guidance is not 0."""
        count = x.shape[0]
        times = x.new_full((2 * count,), time)
        nothing = x.new_zeros(count, self.num_classes)
        kept = torch.arange(2 * count, device=x.device) < count
        if conditions is None:
            without: Tensor = unet(x, times[:count], nothing, kept[count:])
            return without
        if not guidance:
            told: Tensor = unet(x, times[:count], conditions.to(x))
            return told
        both = unet(torch.cat([x, x]), times, torch.cat([conditions.to(x), nothing]), kept)
        told, without = both.chunk(2)
        return told + guidance * (told - without)


class VelocityModel(VelocitySampling, AveragedModel):
    """A trained ConditionalFlowMatching."""

    def set_up(self, hyperparameters: Mapping[str, Any]) -> None:
        for part in (self.set_classes, self.set_space, self.set_solver):
            called(part, hyperparameters)
