"""How many updates each network gets for a batch."""

from dataclasses import dataclass
from typing import TypedDict

from lit_gans import checks
from lit_gans.errors import InputError


class Schedule(TypedDict, total=False):
    """Updates a batch, as plain hyperparameters; what is left out is 1.

    `{"generator": 4}` is the 4:1 of report 003; `{"generator_every": 5}` the 5 critic steps on fresh batches of WGAN;
    `{"discriminator_every": 2}` trains the discriminator on every second batch.
    """

    generator: int
    discriminator: int
    generator_every: int
    discriminator_every: int


@dataclass(frozen=True)
class Updates:
    """A checked Schedule: n generator updates every k-th batch, m discriminator updates every l-th batch."""

    generator: int = 1
    discriminator: int = 1
    generator_every: int = 1
    discriminator_every: int = 1

    @classmethod
    def of(cls, schedule: Schedule | None) -> "Updates":
        """Raises InputError: unknown key, a number below 1, or no network that is updated in every batch."""
        given = dict(schedule or {})
        if unknown := given.keys() - cls.__dataclass_fields__.keys():
            raise InputError(
                f"schedule has no {', '.join(sorted(unknown))}; expected {', '.join(cls.__dataclass_fields__)}"
            )
        for name, value in given.items():
            checks.whole(f"schedule.{name}", value, at_least=1)
        updates = cls(**given)  # type: ignore[arg-type]
        if updates.generator_every > 1 and updates.discriminator_every > 1:
            raise InputError(
                "schedule: generator_every and discriminator_every are both above 1; "
                "one of the networks must be updated in every batch, so leave one of them at 1"
            )
        return updates

    @property
    def generator_counts(self) -> bool:
        """Whether the batch's last generator step is the one that Lightning counts; else the discriminator's."""
        return self.generator_every == 1

    def of_generator(self, batch: int) -> int:
        """Generator updates in this batch (numbered from 0)."""
        return self.generator if batch % self.generator_every == 0 else 0

    def of_discriminator(self, batch: int) -> int:
        """Discriminator updates in this batch (numbered from 0)."""
        return self.discriminator if batch % self.discriminator_every == 0 else 0
