"""What the GANs have in common whose networks get a multi-hot condition."""

import torch
from torch import Tensor

from lit_gans.models.base import Batch
from lit_gans.models.conditional import ScoredByEvaluator
from lit_gans.models.gan import GAN
from lit_gans.networks.modes import inference

SAMPLING_BATCH = 256


class MultiLabelGAN(ScoredByEvaluator, GAN):
    """A GAN of networks `generator(z, condition)` and `discriminator(images, condition)`, condition (B, num_classes).

    A subclass calls `set_scoring` beside `GAN.__init__`.
    """

    def condition(self, batch: Batch) -> tuple[Tensor, ...]:
        return (batch["condition"],)

    def draw(self, conditions: Tensor, noise: torch.Generator, ema: bool) -> Tensor:
        z = torch.randn(len(conditions), self.latent_dim, generator=noise).to(conditions.device)
        with inference(self.sampler(ema)) as network:
            parts = zip(z.split(SAMPLING_BATCH), conditions.split(SAMPLING_BATCH), strict=True)
            return torch.cat([network(*part) for part in parts])
