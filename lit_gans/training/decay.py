"""Learning rates as functions of the share of the run that is done."""

import math

from lit_gans import checks

# Of the one-cycle schedule: the lowest rates, as shares of the highest one, at the start and at the end of the run.
CYCLE_START, CYCLE_END = 1 / 25, 4e-6


def checked_decay(decay_from: float | None) -> float | None:
    """Raises InputError: if it is neither None nor a share of the run in [0, 1)."""
    if decay_from is None:
        return None
    hint = "the share of the run after which the learning rates fall; None for constant ones"
    return checks.number("decay_from", decay_from, at_least=0, below=1, hint=hint)


def decay_factor(progress: float, decay_from: float | None) -> float:
    """What the learning rate is multiplied with when the share `progress` of the run is done: 1 until `decay_from`,
    then on a straight line to 0 at the end. Always 1 without decay."""
    if decay_from is None:
        return 1.0
    return min(1.0, max(0.0, (1 - progress) / (1 - decay_from)))


def one_cycle(progress: float, warmup: float = 0.2) -> float:
    """The share of the highest learning rate when the share `progress` of the run is done: on half a cosine from 1/25
    to 1 over the share `warmup` of the run, and on another one to almost 0 at its end (Smith and Topin 2018)."""
    if progress < warmup:
        return _half_cosine(CYCLE_START, 1.0, progress / warmup)
    return _half_cosine(1.0, CYCLE_END, (progress - warmup) / (1 - warmup))


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
