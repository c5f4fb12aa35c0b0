"""Images a second, measured where Lightning logs."""

from __future__ import annotations

import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from lit_gans.training.logging import is_logged_step


class Throughput(Callback):
    """Log ``images_per_second`` on logged steps: the images of all ranks since the last logged step, over the time.

    Validation, and what happens between two training epochs (checkpoints, restarting the loader), do not count. The
    clock is the host's: the device is never waited for, so on a GPU a figure is right over several logged steps.

    The model must keep an int ``images_seen``, the number of training images that all ranks have consumed.
    """

    def __init__(self) -> None:
        self._images = 0
        self._seconds = 0.0
        self._running_since: float | None = None

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        self._images = pl_module.images_seen
        self._seconds = 0.0
        self._resume()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._resume()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if not is_logged_step(trainer):
            return
        self._pause()
        images = pl_module.images_seen
        # A CPU tensor: Lightning would copy a float to the GPU, and read it back for the bar after every batch.
        rate = torch.tensor((images - self._images) / max(self._seconds, 1e-9))
        pl_module.log("images_per_second", rate, prog_bar=True)
        self._images = images
        self._seconds = 0.0
        self._resume()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._pause()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._pause()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._resume()

    def _pause(self) -> None:
        if self._running_since is not None:
            self._seconds += time.perf_counter() - self._running_since
            self._running_since = None

    def _resume(self) -> None:
        if self._running_since is None:
            self._running_since = time.perf_counter()
