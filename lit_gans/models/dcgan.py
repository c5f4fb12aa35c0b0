"""The DCGAN of report 000 as a LightningModule."""

from typing import Any

from lit_gans.models.unconditional import UnconditionalGAN
from lit_gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator, OutputName, ReportModel
from lit_gans.networks.norms import NormName


class DCGAN(UnconditionalGAN):
    """Pictures from noise by the report's DCGAN: binary cross-entropy, Adam 2e-4 with beta1 0.5.

    Any objective and penalty goes with these networks: `lit_gans.WGAN` and `lit_gans.WGANGP` give it the settings of
    those papers (old_names.py), which the configs wgan_anime and wgan_gp_anime spell out.

    Args:
        image_size: height and width of the images, a multiple of 4.
        latent_dim: length of z.
        width: channels of the generator's last hidden layer, and of the discriminator's second.
        report_model: 2, or 1 for ReLU and max pooling (training tip 5).
        output: last layer of the generator, "tanh", or "linear" (tip 1).
        norm: of the discriminator: "batch", "instance", "layer" or "none" (tip 4; see there for gradient penalties).
        dropout: of the discriminator, in training.
        generator_dropout: of the generator, in training and testing (tip 17).
        generator_noise: standard deviation of the noise in the generator's layers, in training (tip 13).
        channels: of the images: 3, or 1 for grey.
        training: the hyperparameters of GAN: objective, schedule, lr_generator, ..., and the other training tips.
    """

    def __init__(
        self,
        image_size: int = 64,
        latent_dim: int = 100,
        width: int = 64,
        report_model: ReportModel = 2,
        output: OutputName = "tanh",
        norm: NormName = "batch",
        dropout: float = 0.25,
        generator_dropout: float = 0.0,
        generator_noise: float = 0.0,
        channels: int = 3,
        **training: Any,
    ) -> None:
        super().__init__(
            DCGANGenerator(
                latent_dim, image_size, width, report_model, output, generator_dropout, generator_noise, channels
            ),
            DCGANDiscriminator(image_size, width, report_model, norm, dropout, channels),
            latent_dim=latent_dim,
            **training,
        )
        self.save_hyperparameters()
