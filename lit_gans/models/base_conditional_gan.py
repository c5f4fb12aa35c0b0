"""What the GANs have in common whose networks get a multi-hot condition."""

from typing import Any

from torch import Tensor, nn

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.inference.generators import ConditionalGenerator
from lit_gans.models.conditional_model import Conditional
from lit_gans.models.gan import GAN
from lit_gans.training.batches import Batch


class BaseConditionalGAN(ConditionalGenerator, Conditional, GAN):
    """A GAN of networks `generator(z, condition)` and `discriminator(images, condition)`, condition (B, num_classes).

    A subclass also calls `set_classes`.

    Args:
        generator_network, discriminator_network: see GAN.
        wrong_labels: weight of a third kind of pair in the discriminator's loss: real images with another image's
            condition, to be refused like generated ones (matching-aware: Reed et al. 2016). 0 for none.
        training: the other hyperparameters of GAN.
    """

    def __init__(
        self, generator_network: nn.Module, discriminator_network: nn.Module, wrong_labels: float = 0.0, **training: Any
    ) -> None:
        super().__init__(generator_network, discriminator_network, **training)
        checks.number("wrong_labels", wrong_labels, at_least=0, hint="a weight, such as 0.5")
        if not self.separate_batches:
            raise InputError("separate_batches: false is not for conditional GANs; leave it at true")
        self.wrong_labels = wrong_labels

    def condition(self, batch: Batch) -> tuple[Tensor, ...]:
        return (batch["condition"],)
