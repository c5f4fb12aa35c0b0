"""Sample grids during training, and the pictures of `lit-gans predict`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import BasePredictionWriter
from torch import Tensor

from lit_gans.callbacks.loggers import log_picture
from lit_gans.checks import seed as seed_of
from lit_gans.checks import whole
from lit_gans.pictures import grid, save_picture, to_uint8


class SampleGrid(L.Callback):
    """Writes `samples/<batches>.png`: the same noise and the same held-out conditions each time.

    The grid also goes to every logger that takes images. The data module says what to show (`preview_batch`), the
    model draws it (`preview`).

    Args:
        every: batches between two grids; there is one at the end in any case.
        count: pictures in a grid, 8 in a row.
        seed: of their noise.
    """

    def __init__(self, every: int = 500, count: int = 32, seed: int = 0) -> None:
        self.every = whole("samples.every", every, at_least=1, hint="batches between two grids")
        self.count = whole("samples.count", count, at_least=1)
        self.seed = seed_of("samples.seed", seed)
        self.drawn_at = -1

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        if trainer.global_step % self.every == 0:
            self.draw(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.drawn_at != trainer.global_step:
            self.draw(trainer, pl_module)

    def draw(self, trainer: L.Trainer, pl_module: Any) -> None:
        self.drawn_at = trainer.global_step
        folder = Path(trainer.log_dir or ".") / "samples"  # asks every rank, so before all but the first leave
        if not trainer.is_global_zero or not hasattr(pl_module, "preview"):
            return
        batch = pl_module.transfer_batch_to_device(
            trainer.datamodule.preview_batch(self.count),  # type: ignore[attr-defined]
            pl_module.device,
            0,
        )
        picture = grid(pl_module.preview(batch, self.seed))
        save_picture(picture, folder / f"{trainer.global_step:07d}.png")
        log_picture(trainer.loggers, "samples", picture, trainer.global_step - 1)


class PredictionWriter(BasePredictionWriter):
    """`lit-gans predict`: one PNG a condition, `predictions/<list>/<row>.png`."""

    def __init__(self) -> None:
        super().__init__("batch")

    def write_on_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        prediction: Tensor,
        batch_indices: Sequence[int] | None,
        batch: dict[str, Any],
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        folder = Path(trainer.log_dir or ".") / "predictions" / batch["name"]
        for row, image in enumerate(prediction):
            save_picture(to_uint8(image), folder / f"{row:03d}.png")
        print(f"wrote {len(prediction)} pictures to {folder}")
