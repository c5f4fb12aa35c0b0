"""Learning rates that fall to zero towards the end of a run."""

from lit_gans.errors import InputError


def checked_decay(decay_from: float | None) -> float | None:
    """
    Raises:
        InputError: if it is neither None nor a share of the run in [0, 1).
    """
    if decay_from is not None and not 0 <= decay_from < 1:
        raise InputError(
            f"decay_from is {decay_from}; expected None (constant learning rates) or the share of the run after which "
            "they fall, from 0 to below 1, such as 0.5"
        )
    return decay_from


def decay_factor(step: int, total: float, decay_from: float | None) -> float:
    """What the learning rate of batch `step` (from 0) of `total` is multiplied with: 1 until the share `decay_from`
    of the run, then on a straight line to 0 at `total`. Always 1 without decay."""
    if decay_from is None:
        return 1.0
    start = decay_from * total
    return min(1.0, max(0.0, (total - step) / (total - start)))
