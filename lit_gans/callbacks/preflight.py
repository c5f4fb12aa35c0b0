"""Checks at the start of a training: folders, disk space, held-out pictures, slots."""

import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import lightning as L
import torch

from lit_gans.errors import InputError, OutputError
from lit_gans.files import reason

# A checkpoint holds the weights and, with Adam, two averages of each; one is written while the last one still exists.
COPIES, CHECKPOINTS = 3, 2


class Preflight(L.Callback):
    """Refuses, before the first batch, a training that would end at its first checkpoint, validation or picture.

    Raises:
        InputError: the data have a picture of more labels than the model draws, or too few held-out ones.
        OutputError: the run's folder cannot be written to, or its disk has no room for two checkpoints.
    """

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        folder = Path(trainer.log_dir or ".") / "checkpoints"  # asks every rank
        if trainer.is_global_zero:
            check_writable(folder)
            check_space(folder, size_of(pl_module) * COPIES * CHECKPOINTS)
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if limit := getattr(pl_module, "most_labels", None):
            check_labels(data, limit)
        if trainer.limit_val_batches != 0:
            check_held_out(data, getattr(pl_module, "held_out_needed", 0))


def check_writable(folder: Path) -> None:
    """Raises OutputError: it cannot be made, or no file in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {reason(error)} (--trainer.default_root_dir)") from error


def check_space(folder: Path, needed: int) -> None:
    """Raises OutputError: fewer free bytes than needed."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            f"{folder}: {free / 1e6:,.0f} MB free, and two checkpoints of this model take {needed / 1e6:,.0f} MB or "
            "less; free some, or write to another disk (--trainer.default_root_dir)"
        )


def size_of(model: torch.nn.Module) -> int:
    """Size of the parameters and buffers in bytes."""
    return sum(value.numel() * value.element_size() for value in model.state_dict().values())


def check_labels(data: Any, limit: int) -> None:
    """Raises InputError: a picture has more labels than that; names it."""
    columns = getattr(data, "columns", {})
    if (numbers := columns.get("classes")) is not None:
        counts, most = (numbers >= 0).sum(dim=1), numbers.shape[1]  # pictures that are streamed are not here
    elif (conditions := columns.get("condition")) is not None:
        counts = torch.as_tensor(conditions).sum(dim=1)
        most = int(counts.max())
    else:
        return
    if most > limit:
        row, paths = int(counts.argmax()), data.paths() if hasattr(data, "paths") else []
        name = Path(paths[row]).name if row < len(paths) else f"row {row}"
        raise InputError(
            f"{name} has {most} labels, and this model draws at most {limit} in a picture: give --model.slots {most}"
        )


def check_held_out(data: Any, needed: int) -> None:
    """Raises InputError: fewer pictures are held out than validation compares with."""
    held_out, trained = len(getattr(data, "val_rows", [])), len(getattr(data, "train_rows", []))
    if not hasattr(data, "val_rows") or held_out >= needed:
        return
    total = held_out + trained
    if total < needed + 1:
        remedy = f"put at least {needed + 1} pictures there"
    else:
        remedy = f"give --data.val_fraction {math.ceil(100 * needed / total) / 100:g}"
    raise InputError(
        f"{total} pictures, {held_out} of them held out; validation compares with at least {needed}: {remedy}"
    )
