"""The tag-conditional DCGAN of report 000 as a LightningModule."""

from collections.abc import Sequence
from typing import Any

from lit_gans.errors import InputError
from lit_gans.models.base_conditional_gan import BaseConditionalGAN
from lit_gans.networks.norms import NormName
from lit_gans.networks.tag_dcgan import TagDCGANDiscriminator, TagDCGANGenerator
from lit_gans.training.batches import Batch


class TagDCGAN(BaseConditionalGAN):
    """Faces with the asked hair and eye colour: binary cross-entropy, Adam 2e-4 with beta1 0.5.

    Args:
        num_classes: length of the tag vector.
        class_names: name of each tag, in the order of the vector: "orange hair", ..., "blue eyes".
        image_size: 8, 16, 32, 64, ...
        latent_dim: length of z.
        width: channels next to the image, in both networks.
        norm: of the discriminator: "batch", "instance", "layer" or "none".
        channels: of the images: 3, or 1 for grey.
        training: the hyperparameters of BaseConditionalGAN and GAN: wrong_labels, objective, schedule, ...
    """

    def __init__(
        self,
        num_classes: int = 23,
        class_names: Sequence[str] | None = None,
        image_size: int = 64,
        latent_dim: int = 100,
        width: int = 64,
        norm: NormName = "batch",
        channels: int = 3,
        **training: Any,
    ) -> None:
        super().__init__(
            TagDCGANGenerator(num_classes, latent_dim, image_size, width, channels),
            TagDCGANDiscriminator(num_classes, image_size, width, norm, channels),
            latent_dim=latent_dim,
            condition_size=num_classes,
            **training,
        )
        self.save_hyperparameters()
        self.set_classes(num_classes, class_names)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        if "condition" not in batch:
            raise InputError("this model learns from tags, and the data has none: give --data.tags tags.csv")
