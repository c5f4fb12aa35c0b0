"""The conditional DCGAN of report 003 as a LightningModule."""

from collections.abc import Sequence
from typing import Any

from lit_gans.models.base_conditional_gan import BaseConditionalGAN
from lit_gans.networks.cdcgan import CDCGANDiscriminator, CDCGANGenerator
from lit_gans.training.schedule import Schedule


class CDCGAN(BaseConditionalGAN):
    """Pictures that hold the asked objects, by the report's conditional DCGAN.

    For each batch one discriminator update, then four generator updates with fresh noise and the batch's labels
    ("G:D = 4:1"); binary cross-entropy; Adam 2e-4. The report states no betas and its code has (0.5, 0.99); the
    default here is (0.5, 0.999), the usual one.

    Args:
        num_classes: length of the multi-hot condition.
        class_names: name of each class, for conditions given by name.
        image_size: 8, 16, 32, 64, ...
        latent_dim, condition_dim: lengths of z and of the embedded condition.
        width: channels next to the image, in both networks.
        schedule: updates a batch, see Schedule; four of the generator by default.
        channels: of the images: 3, or 1 for grey.
        training: wrong_labels (see BaseConditionalGAN) and the hyperparameters of GAN: lr_generator, lr_discriminator,
            betas, ema_decay, objective, decay_from, clip_norm, augment, ...
    """

    def __init__(
        self,
        num_classes: int = 24,
        class_names: Sequence[str] | None = None,
        image_size: int = 64,
        latent_dim: int = 100,
        condition_dim: int = 200,
        width: int = 64,
        schedule: Schedule | None = None,
        channels: int = 3,
        **training: Any,
    ) -> None:
        super().__init__(
            CDCGANGenerator(num_classes, latent_dim, condition_dim, image_size, width, channels),
            CDCGANDiscriminator(num_classes, image_size, width, channels),
            latent_dim=latent_dim,
            condition_size=num_classes,
            schedule={"generator": 4} if schedule is None else schedule,
            **training,
        )
        self.save_hyperparameters()
        self.set_classes(num_classes, class_names)
