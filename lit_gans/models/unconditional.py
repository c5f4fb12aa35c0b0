"""Models that draw pictures from noise alone."""

from typing import Any

import torch
from torch import Tensor, nn

from lit_gans.errors import InputError
from lit_gans.metrics.extractors import Extractor
from lit_gans.metrics.frechet import KernelDistance
from lit_gans.models.against_real import AgainstReal
from lit_gans.models.base import Batch
from lit_gans.models.conditional import VALIDATION_SEED
from lit_gans.models.extractors import load_extractor
from lit_gans.models.gan import GAN


class UnconditionalGAN(AgainstReal, GAN):
    """A GAN of networks `generator(z)` and `discriminator(images)`. A subclass also calls `set_comparison`.

    Validation logs `val/kernel_distance`, to the held-out pictures in the features of `extractor`: the curve that shows
    whether pictures get better, which a GAN's losses do not.
    """

    held_out_needed = 2  # of a kernel distance

    def __init__(self, generator_network: nn.Module, discriminator_network: nn.Module, **training: Any) -> None:
        super().__init__(generator_network, discriminator_network, **training)
        # in a list, so that neither becomes a part of the model
        self.validation: list[tuple[Extractor, KernelDistance]] = []

    def sample(
        self, n: int = 25, seed: int | None = None, ema: bool = True, temperature: float | None = None
    ) -> Tensor:
        """Pictures, in eval mode and full precision.

        Args:
            n: how many.
            seed: of the noise; the same seed gives the same pictures. None: another noise in each call.
            ema: the averaged weights where there are any, else the trained ones.
            temperature: factor of the noise; None: the model's.

        Returns:
            (n, 3, H, W) float in [-1, 1].
        """
        if n < 1:
            raise InputError(f"n is {n}; expected at least 1 picture")
        noise = torch.Generator()
        noise.seed() if seed is None else noise.manual_seed(seed)
        return self.pictures(n, noise, ema, temperature=temperature)

    def preview(self, batch: Batch, seed: int) -> Tensor:
        """As many pictures as the batch has, or as it asks for."""
        n = len(batch["image"]) if "image" in batch else batch["count"]
        return self.sample(n, seed=seed, ema=self.weights == "ema")

    def on_fit_start(self) -> None:
        super().on_fit_start()
        self.on_validation_start()  # a missing file is known before the first epoch

    def on_validation_start(self) -> None:
        if not self.validation:
            extractor = load_extractor(self.extractor)
            self.validation = [(extractor, KernelDistance(extractor.num_features))]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        ((extractor, distance),) = self.validation
        seed = VALIDATION_SEED + batch_idx * self.trainer.world_size + self.global_rank
        distance.to(self.device)
        distance.update(extractor(batch["image"]), real=True)
        distance.update(extractor(self.preview(batch, seed)), real=False)

    def on_validation_epoch_end(self) -> None:
        ((_, distance),) = self.validation
        self.log("val/kernel_distance", distance.compute()[0].float(), prog_bar=True)
        distance.reset()

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """(count, 3, H, W)"""
        return self.preview(batch, self.draw_seed)
