"""Checkpoints of a run: last and best."""

import math
import os
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info
from lightning.pytorch.utilities.exceptions import SIGTERMException
from lightning.pytorch.utilities.model_helpers import is_overridden

from lit_gans.checks import whole
from lit_gans.errors import InputError, OutputError
from lit_gans.files import reason


class CheckpointFile(Checkpoint):
    """Writes checkpoints into the run's folder atomically."""

    saved_at = -1  # batch of the newest one

    def save(self, trainer: L.Trainer, name: str) -> Path:
        """The file.

        Raises:
            OutputError: the file cannot be written; one of this name that is there already stays as it is.
        """
        path = Path(trainer.log_dir or ".") / "checkpoints" / name
        temporary = path.with_suffix(".tmp")
        try:
            trainer.save_checkpoint(temporary)
            if trainer.is_global_zero:
                os.replace(temporary, path)
        except (OSError, RuntimeError) as error:
            if trainer.is_global_zero:
                temporary.unlink(missing_ok=True)
            if not isinstance(error, OSError) and not any(part in str(error) for part in WRITER):
                raise
            why = reason(error) if isinstance(error, OSError) else "it could not be written whole; is the disk full?"
            kept = f"; the one of batch {self.saved_at:,} is kept" if path.is_file() and self.saved_at >= 0 else ""
            raise OutputError(f"cannot write {path}: {why}{kept}") from error
        self.saved_at = trainer.global_step
        return path


class LastCheckpoint(CheckpointFile):
    """Keeps `checkpoints/last.ckpt` of the run, from which `fit --ckpt_path` continues bit for bit.

    Written every few batches, with the last batch of each epoch and of the run, and on SIGTERM and Ctrl-C. Weights that
    are not finite never replace it: where they are met, the run ends. Any other exception writes `exception.ckpt`,
    because its weights may be the broken ones; not those that the user's own mistake stopped. Nor those of a run of
    several processes: the others may have ended, or still train, and writing waits for all.

    A checkpoint continues exactly only if it is written between a batch and what follows it: Lightning counts an
    unfinished epoch as complete at the end of a run, and an epoch stopped in its validation as one to start again. So
    a stop that is noticed later finds its checkpoint already written with the batch.

    Args:
        every: batches between two saves.
    """

    def __init__(self, every: int = 500) -> None:
        self.every = whole("checkpoint.every", every, at_least=1, hint="batches between two saves")

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.ckpt_path:
            self.saved_at = trainer.global_step  # so nothing is written where nothing is trained

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *_: Any) -> None:
        """Raises DivergedError: a checkpoint is due, and weights are not finite."""
        stops = trainer.should_stop or trainer.received_sigterm or trainer.global_step == trainer.max_steps
        if trainer.global_step % self.every == 0 or trainer.is_last_batch or stops:
            if not are_finite(pl_module):
                seen = f"weights are NaN or infinite at batch {trainer.global_step}"
                raise pl_module.diverged(seen)
            count_running_epoch(trainer)
            self.save(trainer, "last.ckpt")

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        # stopped by something that came after the batch
        if self.saved_at != trainer.global_step and are_finite(pl_module):
            self.save(trainer, "last.ckpt")

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if not trainer.global_step or trainer.state.fn != TrainerFn.FITTING:
            return
        if isinstance(exception, KeyboardInterrupt | SIGTERMException):
            if self.saved_at != trainer.global_step and are_finite(pl_module):
                self.save(trainer, "last.ckpt")
        elif trainer.world_size == 1 and not isinstance(exception, InputError) and are_finite(pl_module):
            self.save(trainer, "exception.ckpt")


# What torch's errors hold when a file cannot be written whole.
WRITER = ("PytorchStreamWriter", ". unexpected pos ")


def are_finite(model: L.LightningModule) -> bool:
    """Whether all weights are finite."""
    return all(torch.isfinite(weight).all() for weight in model.state_dict().values() if weight.is_floating_point())


def count_running_epoch(trainer: L.Trainer) -> None:
    """Counts the epoch that is being trained as begun.

    Lightning forgets to (2.6) in a run that continues from the end of an epoch; the next one would take the last batch
    of an epoch for its start, and train it twice.
    """
    progress = trainer.fit_loop.epoch_progress
    for counts in (progress.total, progress.current):
        counts.ready = counts.started = counts.processed + 1  # type: ignore[attr-defined]


# What tells the best weights, if it is measured, in this order; 1: the higher the better, -1: the lower.
MEASURES = {"val/score": 1, "val/kernel_distance": -1, "val/bits_per_dim": -1, "val/velocity": -1}


class BestCheckpoint(CheckpointFile):
    """Keeps `checkpoints/best.ckpt`, and ends a run that no longer gains.

    The best is told by the first of MEASURES that the validation has: on held-out training pictures, never on a test
    list. A run that goes on from a checkpoint remembers the best, wherever its file is, and how long it has waited;
    the validation that was due behind the checkpoint, and which Lightning leaves out, is made up for.

    Args:
        patience: validations without a gain after which the run ends; None for never.
    """

    def __init__(self, patience: int | None = None) -> None:
        hint = "validations without a gain; null for never"
        self.patience = None if patience is None else whole("stop.patience", patience, at_least=1, hint=hint)
        self.measure: str | None = None
        self.best = math.nan
        self.batch, self.file = -1, ""
        self.waited = 0
        self.validated_at = -1
        self.is_due = False

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        validates = is_overridden("validation_step", pl_module) and trainer.limit_val_batches != 0
        if self.patience is not None and not validates:
            raise InputError(f"stop.patience is {self.patience}, and this run validates nothing; leave it out")

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.is_due:
            self.is_due = False
            validation = trainer.fit_loop.epoch_loop.val_loop
            validation.restarting = False  # else it goes on behind the batches of the validation before
            trainer.validating = True
            validation.run()
            trainer.training = True

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.validated_at = trainer.global_step
        measure = next((name for name in MEASURES if name in trainer.callback_metrics), None)
        if trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
            return
        if measure is None and self.patience is not None:
            raise InputError(
                f"stop.patience is {self.patience}, and the validation measures none of {', '.join(MEASURES)}; leave "
                "it out"
            )
        if measure is None:
            return
        value = float(trainer.callback_metrics[measure])
        if measure != self.measure:  # an evaluator was given, or left out, since
            self.measure, self.best, self.waited = measure, math.nan, 0
        if math.isnan(self.best) or MEASURES[measure] * (value - self.best) > 0:
            self.best, self.batch, self.waited = value, trainer.global_step, 0
            self.file = str(self.save(trainer, "best.ckpt"))
        else:
            self.waited += 1
        if self.patience is not None and self.waited >= self.patience:
            trainer.should_stop = True
            rank_zero_info(f"{measure} has not gained in {self.waited} validations: the run ends (--stop.patience)")

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.measure is not None and trainer.is_global_zero:
            print(f"best {self.measure} {self.best:.4g} at batch {self.batch:,}: {self.file}", flush=True)
        if self.patience is not None and self.validated_at < 0:
            rank_zero_info(
                "--stop.patience had no effect: the run ended before its first validation; "
                "--trainer.val_check_interval (batches) or --trainer.check_val_every_n_epoch say how often"
            )

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self.trainer = trainer

    def state_dict(self) -> dict[str, Any]:
        is_due = self.validated_at != self.trainer.global_step and validation_is_next(self.trainer)
        return {name: getattr(self, name) for name in KEPT} | {"is_due": is_due}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state.keys() >= set(KEPT):  # not of an earlier version
            vars(self).update(state)


KEPT = ("measure", "best", "batch", "file", "waited", "validated_at")


def validation_is_next(trainer: L.Trainer) -> bool:
    """Whether the schedule, and not the end of this start, has a validation behind the batch that was just trained."""
    fetcher = trainer.fit_loop._data_fetcher
    if fetcher is None or trainer.state.fn != TrainerFn.FITTING:
        return False
    stops, trainer.should_stop = trainer.should_stop, False
    try:
        return trainer.fit_loop.epoch_loop._should_check_val_fx(fetcher)
    finally:
        trainer.should_stop = stops
