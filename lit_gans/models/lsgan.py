"""The LSGAN of report 000 as a LightningModule."""

from typing import Any

from lit_gans.losses.adversarial import ObjectiveName
from lit_gans.models.unconditional import UnconditionalGAN
from lit_gans.networks.lsgan import LSGANDiscriminator, LSGANGenerator
from lit_gans.networks.norms import NormName


class LSGAN(UnconditionalGAN):
    """Pictures from noise by the report's LSGAN: least squares (Mao et al. 2017), Adam 2e-4.

    The report states no betas; the default here is GAN's (0.5, 0.999).

    Args:
        image_size: height and width of the images, a multiple of 4.
        latent_dim: length of z.
        width: channels of the generator's last hidden layer; the discriminator's first has a quarter of them.
        eps_as_printed: BatchNorm with eps 0.8 and momentum 0.1, as the report prints, where eps 1e-3 and Keras's
            momentum 0.8 were meant.
        norm: of the discriminator: "batch", "instance", "layer" or "none".
        dropout: of whole channels of the discriminator, in training.
        objective: see GAN.
        channels: of the images: 3, or 1 for grey.
        training: the other hyperparameters of GAN.
    """

    def __init__(
        self,
        image_size: int = 64,
        latent_dim: int = 100,
        width: int = 64,
        eps_as_printed: bool = False,
        norm: NormName = "batch",
        dropout: float = 0.25,
        objective: ObjectiveName = "lsgan",
        channels: int = 3,
        **training: Any,
    ) -> None:
        super().__init__(
            LSGANGenerator(latent_dim, image_size, channels, width, eps_as_printed=eps_as_printed),
            LSGANDiscriminator(image_size, channels, width, eps_as_printed=eps_as_printed, norm=norm, dropout=dropout),
            latent_dim=latent_dim,
            objective=objective,
            **training,
        )
        self.save_hyperparameters()
