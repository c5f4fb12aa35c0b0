"""Generators of GANs: latents in, pictures out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.inference.base import Averaged, AveragedModel, called, checked_temperature
from lit_gans.inference.sampling import ConditionalSampling, Sampling, UnconditionalSampling
from lit_gans.networks.contexts import inference
from lit_gans.networks.modulated import ModulatedGenerator
from lit_gans.networks.noise_layers import seeded_if_stochastic
from lit_gans.networks.object_layers import ObjectLayers
from lit_gans.training.tips import LatentName, checked_pixel_range, draw_latents, from_range

SAMPLING_BATCH = 256
Architecture = Literal["object_layers", "modulated"]


class LatentGenerator(Averaged, Sampling):
    """Mixin: a generator of latents z, and what they are drawn from. See GAN for its hyperparameters."""

    network_name = "generator"
    sampling_networks: ClassVar[tuple[str, ...]] = ("generator",)
    generator: nn.Module
    generator_ema: nn.Module | None

    def set_latents(
        self,
        latent_dim: int = 100,
        latent: LatentName = "gaussian",
        pixel_range: Sequence[float] = (-1.0, 1.0),
        temperature: float = 1.0,
    ) -> None:
        checks.choice("latent", latent, get_args(LatentName))
        self.latent_dim, self.latent = latent_dim, latent
        self.pixel_range = checked_pixel_range(pixel_range, self.trained)
        self.temperature = checked_temperature(temperature)

    def images(
        self, count: int, rng: torch.Generator, use_ema: bool, *condition: Tensor, temperature: float | None = None
    ) -> Iterator[Tensor]:
        """`count` pictures in parts of 256; `condition` has a row for each."""
        factor = self.temperature if temperature is None else checked_temperature(temperature)
        z = factor * draw_latents(self.latent, (count, self.latent_dim), rng).to(self.device)
        return self.pictures_of(z, rng, use_ema, *condition)

    def pictures_of(self, z: Tensor, rng: torch.Generator, use_ema: bool, *condition: Tensor) -> Iterator[Tensor]:
        """The pictures of these latents (B, latent_dim), in parts of 256.

        Args:
            rng: for a generator that draws random numbers of its own.
            condition: (B, num_classes) for a conditional generator.
        """
        network = self.chosen(use_ema)
        for part in zip(*(rows.split(SAMPLING_BATCH) for rows in (z, *condition)), strict=True):
            with inference(network), seeded_if_stochastic(network, rng):
                images = from_range(network(*part), self.pixel_range)
            yield images


class UnconditionalGenerator(UnconditionalSampling, LatentGenerator):
    """Mixin: a network `generator(z)`."""

    def draw(
        self, count: int, rng: torch.Generator, use_ema: bool, *, temperature: float | None = None
    ) -> Iterator[Tensor]:
        return self.images(count, rng, use_ema, temperature=temperature)


class ConditionalGenerator(ConditionalSampling, LatentGenerator):
    """Mixin: a network `generator(z, condition)`."""

    def draw(
        self, conditions: Tensor, rng: torch.Generator, use_ema: bool, *, temperature: float | None = None
    ) -> Iterator[Tensor]:
        self.check_conditions(conditions)
        return self.images(len(conditions), rng, use_ema, conditions, temperature=temperature)

    def check_conditions(self, conditions: Tensor) -> None:
        """Raises InputError: a condition that this generator cannot draw."""


class SlotGenerator(ConditionalGenerator):
    """Mixin: a generator with a slot for each asked class, or one that draws the whole; see ConditionalGAN."""

    def set_slots(self, architecture: Architecture = "object_layers", slots: int = 3) -> None:
        self.architecture, self.slots = architecture, slots

    def check_conditions(self, conditions: Tensor) -> None:
        most = int(conditions.sum(dim=1).max())
        if self.architecture == "object_layers" and most > self.slots:
            raise InputError(
                f"a picture asks for {most} objects, and this generator has {self.slots} slots; ask for fewer, or "
                "train one with more slots"
            )


def slot_generator(
    num_classes: int = 24,
    image_size: int = 64,
    architecture: Architecture = "object_layers",
    slots: int = 3,
    patch_size: int = 16,
    width: int = 128,
    channels: int = 3,
) -> ObjectLayers | ModulatedGenerator:
    """The generator of a ConditionalGAN.

    Raises:
        InputError: an unknown `architecture`.
    """
    checks.choice("architecture", architecture, get_args(Architecture))
    if architecture == "object_layers":
        return ObjectLayers(num_classes, slots, image_size, width=width, patch_size=patch_size, channels=channels)
    return ModulatedGenerator(num_classes, image_size, width=width // 4, channels=channels)


class UnconditionalGeneratorModel(UnconditionalGenerator, AveragedModel):
    """A trained DCGAN, LSGAN or ModulatedGAN."""

    def set_up(self, hyperparameters: Mapping[str, Any]) -> None:
        called(self.set_latents, hyperparameters)


class ConditionalGeneratorModel(ConditionalGenerator, AveragedModel):
    """A trained CDCGAN or TagDCGAN."""

    def set_up(self, hyperparameters: Mapping[str, Any]) -> None:
        called(self.set_latents, hyperparameters)
        called(self.set_classes, hyperparameters)


class SlotGeneratorModel(SlotGenerator, AveragedModel):
    """A trained ConditionalGAN."""

    def set_up(self, hyperparameters: Mapping[str, Any]) -> None:
        called(self.set_latents, {**hyperparameters, "latent_dim": self.trained.latent_dim})
        called(self.set_classes, hyperparameters)
        called(self.set_slots, hyperparameters)
