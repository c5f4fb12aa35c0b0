"""Which checkpoints a run keeps."""

import os
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lit_gans.checks import whole
from lit_gans.errors import InputError, OutputError
from lit_gans.files import reason


class LastCheckpoint(Checkpoint):
    """Keeps `checkpoints/last.ckpt` of the run, from which `fit --ckpt_path` continues bit for bit.

    Written every few batches, with the last batch of each epoch and of the run, and on SIGTERM and Ctrl-C. Any other
    exception writes `exception.ckpt`, because its weights may be the broken ones; those that are not finite, and those
    that the user's own mistake stopped, are not written.

    A checkpoint continues exactly only if it is written between a batch and what follows it: Lightning counts an
    unfinished epoch as complete at the end of a run, and an epoch stopped in its validation as one to start again. So
    a stop that is noticed later finds its checkpoint already written with the batch.

    Args:
        every: batches between two saves.
    """

    def __init__(self, every: int = 500) -> None:
        self.every = whole("checkpoint.every", every, at_least=1, hint="batches between two saves")
        self.saved_at = -1

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        stops = trainer.should_stop or trainer.received_sigterm or trainer.global_step == trainer.max_steps
        if trainer.global_step % self.every == 0 or trainer.is_last_batch or stops:
            count_running_epoch(trainer)
            self.save(trainer, "last.ckpt")

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.saved_at != trainer.global_step:  # stopped by something that came after the batch
            self.save(trainer, "last.ckpt")

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if not trainer.global_step or trainer.state.fn != TrainerFn.FITTING:
            return
        if isinstance(exception, KeyboardInterrupt | SIGTERMException):
            if self.saved_at != trainer.global_step:
                self.save(trainer, "last.ckpt")
        elif not isinstance(exception, InputError) and are_finite(pl_module):
            self.save(trainer, "exception.ckpt")

    def save(self, trainer: L.Trainer, name: str) -> None:
        """
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
            if not isinstance(error, OSError) and WRITER not in str(error):
                raise
            temporary.unlink(missing_ok=True)
            why = reason(error) if isinstance(error, OSError) else "it could not be written whole; is the disk full?"
            kept = f"; the one of batch {self.saved_at:,} is kept" if path.is_file() and self.saved_at >= 0 else ""
            raise OutputError(f"cannot write {path}: {why}{kept}") from error
        self.saved_at = trainer.global_step


# How torch's errors begin when a file cannot be written.
WRITER = "PytorchStreamWriter"


def are_finite(model: L.LightningModule) -> bool:
    """Whether no weight is NaN or infinite."""
    return all(torch.isfinite(weight).all() for weight in model.state_dict().values() if weight.is_floating_point())


def count_running_epoch(trainer: L.Trainer) -> None:
    """Counts the epoch that is being trained as begun.

    Lightning forgets to (2.6) in a run that continues from the end of an epoch; the next one would take the last batch
    of an epoch for its start, and train it twice.
    """
    progress = trainer.fit_loop.epoch_progress
    for counts in (progress.total, progress.current):
        counts.ready = counts.started = counts.processed + 1  # type: ignore[attr-defined]


class BestCheckpoint(ModelCheckpoint):
    """Keeps `checkpoints/best.ckpt`, the highest `val/score`: on held-out training scenes, never on a test list.

    Does nothing in a run without that score.
    """

    def __init__(self) -> None:
        super().__init__(
            filename="best",
            monitor="val/score",
            mode="max",
            enable_version_counter=False,
            save_on_train_epoch_end=False,  # but when the score is new, after validation
        )

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.monitor in trainer.callback_metrics:
            super().on_validation_end(trainer, pl_module)
