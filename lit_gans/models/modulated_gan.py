"""The GAN of today for pictures without labels."""

from collections.abc import Sequence
from typing import Any

from lit_gans.losses.adversarial import ObjectiveName
from lit_gans.models.unconditional import UnconditionalGAN
from lit_gans.networks.modulated import ModulatedGenerator
from lit_gans.networks.projection import StridedDiscriminator
from lit_gans.training.penalty import LAZY_R1, PenaltyConfig


class ModulatedGAN(UnconditionalGAN):
    """Pictures from noise by a generator whose stages the latent modulates (Karras et al. 2019), relativistic pairs and
    a lazy R1 (Huang et al. 2024): the networks of ConditionalGAN's "modulated", without a condition.

    Networks of one size start those of the next: `start_from` and `start_discriminator_from` take what fits.

    Args:
        image_size: 8, 16, 32, 64, ...
        latent_dim: length of z.
        width: channels of the generator's last stage; see ModulatedGenerator.
        discriminator_width: channels of the discriminator's first layer.
        channels: of the images: 3, or 1 for grey.
        objective, betas, penalties: see GAN.
        training: the other hyperparameters of GAN.
    """

    def __init__(
        self,
        image_size: int = 64,
        latent_dim: int = 128,
        width: int = 32,
        discriminator_width: int = 64,
        objective: ObjectiveName = "rpgan",
        betas: tuple[float, float] = (0.0, 0.99),
        penalties: Sequence[PenaltyConfig] | None = (LAZY_R1,),
        channels: int = 3,
        **training: Any,
    ) -> None:
        super().__init__(
            ModulatedGenerator(0, image_size, latent_dim, width=width, channels=channels),
            StridedDiscriminator(image_size, discriminator_width, channels=channels),
            latent_dim=latent_dim,
            objective=objective,
            betas=betas,
            penalties=penalties,
            **training,
        )
        self.save_hyperparameters()
