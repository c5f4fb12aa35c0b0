"""How much of a training run is done: what every schedule follows."""

import math

import lightning as L
from lightning.pytorch.callbacks import Timer


def run_progress(trainer: L.Trainer, total_batches: float) -> float:
    """The share of the run that is done, in [0, 1]: of its batches or of its time, whichever is further; by the clock
    of this process. Always 0 in a run without an end.

    The time is that of Lightning's Timer (`trainer.max_time`), which a checkpoint keeps: a resumed run counts on.

    Args:
        total_batches: see `batches_of`.
    """
    by_batches = trainer.global_step / total_batches
    timer = time_limit(trainer)
    return min(1.0, by_batches if timer is None else max(by_batches, _share_of_time(timer)))


def shared_progress(trainer: L.Trainer, total_batches: float) -> float:
    """`run_progress` by the clock of the first process, for all of them; each has to call it."""
    share = run_progress(trainer, total_batches)
    if trainer.world_size == 1 or time_limit(trainer) is None:
        return share
    return float(trainer.strategy.broadcast(share))


def batches_of(trainer: L.Trainer) -> float:
    """The number of batches after which the run ends; infinite if no number of batches or epochs ends it."""
    batches = trainer.estimated_stepping_batches
    return batches if batches > 0 else math.inf  # -1 for data without a length


def time_limit(trainer: L.Trainer) -> Timer | None:
    """The Timer that ends this run; None if no time does."""
    timers = (callback for callback in trainer.callbacks if isinstance(callback, Timer))  # type: ignore[attr-defined]
    return next((timer for timer in timers if timer.time_remaining() is not None), None)


def _share_of_time(timer: Timer) -> float:
    left = timer.time_remaining()
    assert left is not None
    elapsed = timer.time_elapsed()
    return elapsed / (elapsed + left) if left > 0 else 1.0
