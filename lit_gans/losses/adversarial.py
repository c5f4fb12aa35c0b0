"""Adversarial objectives on discriminator logits.

Each objective is a pair of pure functions; logits have any shape, losses are means over all of their elements, in
float32 whatever the precision of the logits. `OBJECTIVES` has them by name.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus

ObjectiveName = Literal["bce", "minimax", "lsgan", "wgan", "hinge", "rpgan"]


class Objective(NamedTuple):
    """Two losses to be minimised, each a scalar.

    Attributes:
        discriminator: (real_logits, fake_logits) -> loss.
        generator: (fake_logits, real_logits) -> loss; the real ones are None unless the objective is relativistic.
        relativistic: whether the generator's loss needs the logits of real images.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor | None], Tensor]
    relativistic: bool = False


def bce_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """-log s(real) - log(1 - s(fake)), s the sigmoid (Goodfellow et al. 2014, eq. 1); 2 log 2 at logits of 0."""
    return softplus(-real.float()).mean() + softplus(fake.float()).mean()


def bce_generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """-log s(fake): the non-saturating form (Goodfellow et al. 2014, section 3); log 2 at logits of 0."""
    return softplus(-fake.float()).mean()


def minimax_generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """log(1 - s(fake)): the game of Goodfellow et al. 2014, eq. 1, whose gradient fades while fakes are recognised;
    -log 2 at logits of 0."""
    return -softplus(fake.float()).mean()


def lsgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """(real - 1)^2 / 2 + fake^2 / 2: targets 1 and 0 (Mao et al. 2017, eq. 9)."""
    return ((real.float() - 1).square().mean() + fake.float().square().mean()) / 2


def lsgan_generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """(fake - 1)^2 / 2 (Mao et al. 2017, eq. 9)."""
    return (fake.float() - 1).square().mean() / 2


def wgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """fake - real: minus the critic's estimate of the Wasserstein distance (Arjovsky et al. 2017, eq. 3)."""
    return fake.float().mean() - real.float().mean()


def wgan_generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """-fake (Arjovsky et al. 2017); also the generator's side of the hinge objective."""
    return -fake.float().mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """max(0, 1 - real) + max(0, 1 + fake) (Lim and Ye 2017; Miyato et al. 2018, eq. 16)."""
    return relu(1 - real.float()).mean() + relu(1 + fake.float()).mean()


def rpgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """-log s(real - fake), the i-th real against the i-th fake image (Jolicoeur-Martineau 2018; Huang et al. 2024,
    eq. 2); log 2 where both are judged alike."""
    return softplus(fake.float() - real.float()).mean()


def rpgan_generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """-log s(fake - real): the same pairs, the other way round."""
    assert real is not None, "a relativistic loss compares with real logits"
    return softplus(real.float() - fake.float()).mean()


OBJECTIVES: dict[str, Objective] = {
    "bce": Objective(bce_discriminator, bce_generator),
    "minimax": Objective(bce_discriminator, minimax_generator),
    "lsgan": Objective(lsgan_discriminator, lsgan_generator),
    "wgan": Objective(wgan_discriminator, wgan_generator),
    "hinge": Objective(hinge_discriminator, wgan_generator),
    "rpgan": Objective(rpgan_discriminator, rpgan_generator, relativistic=True),
}
