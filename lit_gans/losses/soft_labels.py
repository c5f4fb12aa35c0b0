"""Labels of a discriminator's loss other than 1 and 0: soft, noisy, sometimes flipped (training tip 6)."""

from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.losses.adversarial import OBJECTIVES, Objective, ObjectiveName


class SoftLabels(TypedDict, total=False):
    """Labels of the discriminator's loss (tip 6), uniform in a range for each image anew; what is left out is hard.

    The tip's are `{"real": [0.7, 1.2], "fake": [0.0, 0.3], "flip": 0.05}`; `flip` is the share of the images that get a
    label of the other kind.
    """

    real: tuple[float, float]
    fake: tuple[float, float]
    flip: float


@dataclass(frozen=True)
class Labels:
    """A checked SoftLabels."""

    real: tuple[float, float] = (1.0, 1.0)
    fake: tuple[float, float] = (0.0, 0.0)
    flip: float = 0.0

    @classmethod
    def of(cls, given: SoftLabels) -> "Labels":
        """Raises InputError: unknown key, a range that does not rise, or a share that is none."""
        if unknown := given.keys() - cls.__dataclass_fields__.keys():
            raise InputError(f"soft_labels has no {', '.join(sorted(unknown))}; expected real, fake, flip")
        real, fake, flip = given.get("real", cls.real), given.get("fake", cls.fake), given.get("flip", cls.flip)
        for key, ends in (("real", real), ("fake", fake)):
            if len(ends) != 2 or not ends[0] <= ends[1]:
                raise InputError(f"soft_labels.{key} is {list(ends)}; expected lowest and highest label, [0.7, 1.2]")
            for end in ends:
                checks.number(f"soft_labels.{key}", end)
        checks.number("soft_labels.flip", flip, at_least=0, below=0.5, hint="a share, such as 0.05")
        return cls((real[0], real[1]), (fake[0], fake[1]), flip)

    def draw(self, logits: Tensor, real: bool) -> Tensor:
        """A label for each logit of real or of generated images, in float32."""
        mine, other = (self.real, self.fake) if real else (self.fake, self.real)
        share = torch.rand(logits.shape, device=logits.device)
        is_flipped = torch.rand(logits.shape, device=logits.device) < self.flip
        return torch.where(is_flipped, _between(other, share), _between(mine, share))


def _between(ends: tuple[float, float], share: Tensor) -> Tensor:
    return torch.lerp(torch.full_like(share, ends[0]), torch.full_like(share, ends[1]), share)


def bce_to(logits: Tensor, label: Tensor) -> Tensor:
    """-t log s(x) - (1 - t) log(1 - s(x)) for labels t, also above 1; s the sigmoid."""
    x = logits.float()
    return (softplus(x) - label * x).mean()


def least_squares_to(logits: Tensor, label: Tensor) -> Tensor:
    """(x - t)^2 / 2 for labels t."""
    return (logits.float() - label).square().mean() / 2


# Objectives that compare a logit with a label; the others have none to soften.
LABELLED = {"bce": bce_to, "minimax": bce_to, "lsgan": least_squares_to}


def objective_of(name: ObjectiveName, soft_labels: SoftLabels | None) -> Objective:
    """The objective of this name, its discriminator's loss with these labels.

    Raises:
        InputError: an unknown name, or labels for an objective without any.
    """
    checks.choice("objective", name, list(OBJECTIVES))
    if soft_labels is None:
        return OBJECTIVES[name]
    if name not in LABELLED:
        raise InputError(
            f"soft_labels are given for objective {name!r}, which compares no logit with a label; "
            f"take one of {', '.join(LABELLED)}, or soft_labels: null"
        )
    labels, loss = Labels.of(soft_labels), LABELLED[name]

    def discriminator(real: Tensor, fake: Tensor) -> Tensor:
        return loss(real, labels.draw(real, real=True)) + loss(fake, labels.draw(fake, real=False))

    return OBJECTIVES[name]._replace(discriminator=discriminator)
