"""BatchNorm statistics that are the same on every rank."""

from typing import Any

import lightning as L


class AverageBuffers(L.Callback):
    """Averages floating-point buffers over the ranks before validation and at the end of each epoch.

    With manual optimization Lightning never synchronises buffers: each rank would validate with its own BatchNorm
    statistics, and the checkpoint would hold those of rank 0.
    """

    def average(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.world_size > 1:
            for buffer in pl_module.buffers():
                if buffer.is_floating_point():
                    buffer.copy_(trainer.strategy.reduce(buffer, reduce_op="mean"))

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.average(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.average(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        self.average(trainer, pl_module)
