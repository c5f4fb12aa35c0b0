"""The conditional GAN for multi-label data: every asked object in the picture."""

from collections.abc import Sequence
from typing import Any

from lit_gans import checks
from lit_gans.inference.generators import Architecture, SlotGenerator, slot_generator
from lit_gans.losses.adversarial import ObjectiveName
from lit_gans.models.base_conditional_gan import BaseConditionalGAN
from lit_gans.networks.projection import ProjectionDiscriminator
from lit_gans.training.batches import Batch
from lit_gans.training.logging import is_logged_step
from lit_gans.training.penalty import LAZY_R1, PenaltyConfig


class ConditionalGAN(SlotGenerator, BaseConditionalGAN):
    """A projection discriminator with an auxiliary multi-label head against a generator that keeps each asked class
    apart ("object_layers") or is modulated by all of them ("modulated").

    Args:
        num_classes: length of the multi-hot condition.
        class_names: name of each class, for conditions given by name.
        image_size: 8, 16, 32, 64, ...
        architecture: "object_layers": the picture is composed of one layer an asked class, see ObjectLayers; for
            classes that are things. "modulated": one modulated network, see ModulatedGenerator; for classes that are
            properties.
        slots: of object layers, the most classes in a picture.
        patch_size, width: of the generator; see the network.
        discriminator_width: channels of the discriminator's first layer.
        auxiliary: weight of the head's cross-entropy: in the discriminator's loss on real images, in the generator's
            on its own.
        channels: of the images: 3, or 1 for grey.
        objective, betas, penalties: see GAN; by default relativistic pairs with a lazy R1.
        training: wrong_labels (see BaseConditionalGAN) and the other hyperparameters of GAN.
    """

    def __init__(
        self,
        num_classes: int = 24,
        class_names: Sequence[str] | None = None,
        image_size: int = 64,
        architecture: Architecture = "object_layers",
        slots: int = 3,
        patch_size: int = 16,
        width: int = 128,
        discriminator_width: int = 64,
        auxiliary: float = 10.0,
        objective: ObjectiveName = "rpgan",
        betas: tuple[float, float] = (0.0, 0.99),
        penalties: Sequence[PenaltyConfig] | None = (LAZY_R1,),
        channels: int = 3,
        **training: Any,
    ) -> None:
        checks.number("auxiliary", auxiliary, at_least=0, hint="a weight, such as 10")
        generator = slot_generator(num_classes, image_size, architecture, slots, patch_size, width, channels)
        super().__init__(
            generator,
            ProjectionDiscriminator(num_classes, image_size, discriminator_width, channels=channels),
            latent_dim=generator.latent_dim,
            condition_size=num_classes,
            objective=objective,
            betas=betas,
            penalties=penalties,
            **training,
        )
        self.save_hyperparameters()
        self.set_slots(architecture, slots)
        self.most_labels = slots if architecture == "object_layers" else None
        self.auxiliary = auxiliary
        self.set_classes(num_classes, class_names)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        if is_logged_step(self.trainer):
            self.check_conditions(batch["condition"])
