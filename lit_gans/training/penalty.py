"""Gradient penalties as plain hyperparameters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict, get_args

from torch import Tensor, nn

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.losses.penalties import Target, Where, gradient_penalty, sample_points


class PenaltyConfig(TypedDict, total=False):
    """One gradient penalty of the discriminator; see losses/penalties.py for `where` and `target`.

    WGAN-GP is `{"where": "line", "target": "one", "weight": 10}`; R1 with gamma 2 on every 8th update of the
    discriminator `{"where": "real", "target": "zero", "weight": 1, "every": 8}`. A lazy penalty counts `every`-fold
    when it is applied, so that `weight` means the same for any `every`.
    """

    where: Where
    target: Target
    weight: float
    every: int


# R1 with gamma 1, on every 8th update of the discriminator.
LAZY_R1: PenaltyConfig = {"where": "real", "target": "zero", "weight": 0.5, "every": 8}


@dataclass(frozen=True)
class Penalty:
    """A checked PenaltyConfig."""

    where: Where
    target: Target
    weight: float
    every: int = 1

    @classmethod
    def of(cls, given: PenaltyConfig) -> "Penalty":
        """Raises InputError: unknown or missing key, or a value that is not possible."""
        if unknown := given.keys() - cls.__dataclass_fields__.keys():
            raise InputError(f"a penalty has no {', '.join(sorted(unknown))}; expected where, target, weight, every")
        for key, allowed in (("where", get_args(Where)), ("target", get_args(Target))):
            checks.choice(f"penalty.{key}", given.get(key), allowed)
        weight = checks.number("penalty.weight", given.get("weight"), above=0, hint="10 for WGAN-GP")
        every = checks.whole("penalty.every", given.get("every", 1), at_least=1)
        return cls(given["where"], given["target"], weight, every)

    def __call__(self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """The weighted penalty of one update in which it is applied, a scalar."""
        points = sample_points(self.where, real, fake)
        return self.weight * self.every * gradient_penalty(discriminator, points, self.target)


def checked_penalties(given: Sequence[PenaltyConfig] | None, discriminator: nn.Module) -> list[Penalty]:
    """
    Raises:
        InputError: a penalty that is not possible, or a discriminator whose logit depends on the rest of the batch.
    """
    penalties = [Penalty.of(one) for one in given or ()]
    batch_norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)
    found = [name for name, module in discriminator.named_modules() if isinstance(module, batch_norms)]
    if penalties and found:
        raise InputError(
            f"a gradient penalty needs a discriminator without BatchNorm, and this one has it in {found[0]}: "
            "the penalty is on each image's own gradient, which BatchNorm mixes with the other images'. "
            "Take a network with norm: none, instance or layer, or no penalty"
        )
    return penalties
