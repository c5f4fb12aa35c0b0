"""What a CycleGAN's cycle and identity losses count, batch by batch."""

from lit_gans import checks


class CycleWeights:
    """Weights of the two losses; arguments and their checks are those of CycleGAN.

    Raises:
        InputError: a value that is not possible.
    """

    def __init__(self, cycle: float, end: float | None, falls_until: float, identity: float, every: int) -> None:
        self.start = self.end = checks.number("cycle_weight", cycle, at_least=0)
        if end is not None:
            self.end = checks.number("cycle_weight_end", end, at_least=0)
        self.falls_until = checks.number("cycle_falls_until", falls_until, above=0, at_most=1)
        self.identity_share = checks.number("identity_weight", identity, at_least=0)
        self.every = checks.whole("identity_every", every, at_least=1)

    def scheduled_options(self) -> list[str]:
        """Hyperparameters in use whose meaning depends on the length of the run."""
        return ["cycle_weight_end"] if self.end != self.start else []

    @property
    def in_use(self) -> bool:
        """Whether the cycle loss ever counts."""
        return self.start > 0 or self.end > 0

    def cycle(self, progress: float) -> float:
        """At this share of the run: on a line from start to end, and then the end."""
        return self.start + min(1.0, progress / self.falls_until) * (self.end - self.start)

    def identity(self, progress: float, step: int) -> float:
        """In the step-th batch: 0 where it is not due, `every`-fold where it is."""
        return self.cycle(progress) * self.identity_share * self.every if step % self.every == 0 else 0.0
