"""Adversarial objectives on discriminator logits.

Each objective is a pair of pure functions; logits have any shape, losses are means over all of their elements, in
float32 whatever the precision of the logits.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import softplus


class Objective(NamedTuple):
    """`discriminator(real_logits, fake_logits)` and `generator(fake_logits)`, each a scalar to be minimised."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


def bce_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """-log s(real) - log(1 - s(fake)), s the sigmoid (Goodfellow et al. 2014, eq. 1); 2 log 2 at logits of 0."""
    return softplus(-real.float()).mean() + softplus(fake.float()).mean()


def bce_generator(fake: Tensor) -> Tensor:
    """-log s(fake): the non-saturating form (Goodfellow et al. 2014, section 3); log 2 at logits of 0."""
    return softplus(-fake.float()).mean()


BCE = Objective(bce_discriminator, bce_generator)
