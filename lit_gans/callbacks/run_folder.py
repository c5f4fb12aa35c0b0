"""Where a run was written, and what is left of one that came to nothing."""

from pathlib import Path

import lightning as L
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException
from lightning.pytorch.utilities.model_summary.model_summary import get_human_readable_count
from torch import nn

# What is there before anything has been trained, scored or drawn; curves of an earlier run, where one is continued.
EMPTY = {"config.yaml", "hparams.yaml", "metrics.csv", "curves.png", "run.json"}
# What a training writes, by what a user looks at first; a run of a few batches has no figures yet, so no curves.
RESULTS = ("checkpoints", "samples", "metrics.csv", "curves.png", "config.yaml")


class RunFolder(L.Callback):
    """Says where a training is written. After a run of any kind, `tidy` removes a folder without results."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.is_new = False
        self.trained = False

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        folder = trainer.log_dir  # asks every rank
        if folder is None or not trainer.is_global_zero or self.folder is not None:
            return
        self.folder = Path(folder)
        self.is_new = not any(self.folder.iterdir()) if self.folder.is_dir() else True

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.folder is not None:
            print(f"{type(pl_module).__name__}: {sizes(pl_module)}; the run is written to {self.folder}", flush=True)

    def on_train_batch_end(self, *_: object) -> None:
        self.trained = True

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.folder is None or trainer.state.fn != TrainerFn.FITTING:
            return
        if self.trained:
            there = ", ".join(name for name in RESULTS if (self.folder / name).exists())
            print(f"wrote {self.folder}: {there}", flush=True)
        else:
            print(
                f"nothing was trained: batch {trainer.global_step:,} is the end of this run already; give a later "
                "--trainer.max_steps, --trainer.max_epochs or --trainer.max_time",
                flush=True,
            )

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if self.folder is not None and self.trained and isinstance(exception, KeyboardInterrupt | SIGTERMException):
            print(f"stopped: continue with --ckpt_path {self.folder / 'checkpoints' / 'last.ckpt'}", flush=True)

    def tidy(self) -> None:
        """Removes the folder if this run made it and wrote nothing but its options; call it when all is closed."""
        if self.folder is None or not self.is_new or self.trained or not self.folder.is_dir():
            return
        paths = list(self.folder.rglob("*"))
        files = [path for path in paths if not path.is_dir()]
        events = {file.name for file in files if file.name.startswith("events.out.tfevents.")}
        if {file.name for file in files} - EMPTY - events or any(
            f.name == "metrics.csv" and f.stat().st_size for f in files
        ):
            return
        for file in files:
            file.unlink(missing_ok=True)
        for path in sorted((path for path in paths if path.is_dir()), reverse=True):
            path.rmdir()
        self.folder.rmdir()


def sizes(model: nn.Module) -> str:
    """Each trained network with the number of its weights."""
    trained = {
        name: sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
        for name, network in model.named_children()
    }
    return ", ".join(f"{name} {get_human_readable_count(count)}" for name, count in trained.items() if count)
