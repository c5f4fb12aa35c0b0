"""Record of a training: all that is needed to repeat it, and its duration."""

import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning as L
import torch

from lit_gans.callbacks.loggers import wandb_id
from lit_gans.files import replacing

SCHEMA = 1
FILE = "run.json"


def wandb_id_of(checkpoint: str | None) -> str | None:
    """The W&B run of the training that wrote a checkpoint, where its folder still says so."""
    file = Path(checkpoint or "").expanduser().parent.parent / FILE
    if not checkpoint or not file.is_file():
        return None
    found = json.loads(file.read_text(encoding="utf-8")).get("wandb")
    return found if isinstance(found, str) else None


class RunRecord(L.Callback):
    """Keeps `run.json` in the folder of a training: command, commit, machine, and so far minutes, batches and images.

    Minutes are those of this start, with its validation; a run that was continued has a folder for each start, and
    `continues` is the checkpoint.
    """

    def __init__(self) -> None:
        self.began = 0.0
        self.folder: Path | None = None
        self.facts: dict[str, Any] = {}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.began = time.monotonic()
        folder = trainer.log_dir  # asks every rank
        self.folder = Path(folder) if folder is not None and trainer.is_global_zero else None
        self.facts = {
            "schema": SCHEMA,
            "model": type(pl_module).__name__,
            "command": ["lit-gans", *sys.argv[1:]],
            "commit": commit_of(Path(__file__).parents[2]),
            "versions": {"lit_gans": version("lit_gans"), "torch": torch.__version__, "lightning": L.__version__},
            "machine": machine(),
            "devices": trainer.world_size,
            "precision": str(trainer.precision),
            "seed": getattr(pl_module, "run_seed", None),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "continues": str(trainer.ckpt_path) if trainer.ckpt_path else None,
            "wandb": wandb_id(trainer.loggers),
            "first_batch": trainer.global_step,
        }
        self.write(trainer, pl_module)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.write(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.write(trainer, pl_module)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self.write(trainer, pl_module)

    def write(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.folder is None:
            return
        so_far = {
            "minutes": round((time.monotonic() - self.began) / 60, 2),
            "batches": trainer.global_step,
            "images_seen": getattr(pl_module, "images_seen", None),
        }
        with replacing(self.folder / FILE) as temporary:
            temporary.write_text(json.dumps(self.facts | so_far, indent=2) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Processor, instruction set that torch uses, and GPU."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.system(),
        "python": platform.python_version(),
    }


def processor() -> str:
    """Name of the processor; read from a file on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def commit_of(checkout: Path) -> str | None:
    """The commit that the code is of, with a "+" if files were changed since; None where it is no checkout."""
    if not (checkout / ".git").exists():  # another repository around an installed package tells nothing
        return None
    try:
        told = [
            subprocess.run(
                ["git", "-C", str(checkout), *what], capture_output=True, text=True, check=True
            ).stdout.strip()
            for what in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        ]
    except (OSError, subprocess.CalledProcessError):
        return None
    return told[0] + ("+" if told[1] else "")
