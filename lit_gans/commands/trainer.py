"""The Trainer of fit, validate, test and predict."""

from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.accelerators import Accelerator
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.strategies import Strategy
from torch.utils.data import BatchSampler, DataLoader

from lit_gans.checkpoints import one_line
from lit_gans.checks import choice, whole
from lit_gans.errors import InputError
from lit_gans.safe_files import SUFFIX, read_safetensors
from lit_gans.training.precision import best_precision

PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed", "32", "bf16", "16")
# Each network is updated alone, so some parameters have no gradient in a backward pass.
SEVERAL = "ddp_find_unused_parameters_true"
# What Lightning takes without a look, and then divides by or ignores: option -> the least it may be.
LEAST = {"check_val_every_n_epoch": 1, "log_every_n_steps": 0, "num_sanity_val_steps": -1}


class CheckpointFiles(TorchCheckpointIO):
    """Lightning's checkpoints, and safetensors files of weights."""

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if Path(path).suffix == SUFFIX:
            return read_safetensors(Path(path), "checkpoint")
        return super().load_checkpoint(path, *args, **kwargs)


class Trainer(L.Trainer):
    """Lightning's Trainer with defaults that suit every model here.

    Args:
        accelerator: auto, cpu, gpu, mps, ...; auto takes what is there.
        devices: how many, or which ([0, 2]); "auto" takes all.
        num_nodes: machines.
        strategy: auto is one process a device, with `find_unused_parameters`.
        precision: auto is bf16-mixed where the hardware multiplies bf16, and 32-true elsewhere.
        use_distributed_sampler: the data module divides its own order among the processes.
        args, kwargs: see lightning.pytorch.Trainer.

    Raises:
        InputError: an option that Lightning cannot use, or a precision that no model here is made for.
    """

    def __init__(
        self,
        *args: Any,
        accelerator: str | Accelerator = "auto",
        devices: list[int] | str | int = 1,
        num_nodes: int = 1,
        strategy: str | Strategy = "auto",
        precision: str | int = "auto",
        use_distributed_sampler: bool = False,
        **kwargs: Any,
    ) -> None:
        choice("trainer.precision", str(precision), PRECISIONS)
        for name, least in LEAST.items():
            if kwargs.get(name) is not None:
                whole(f"trainer.{name}", kwargs[name], at_least=least)
        if precision == "auto":
            precision = best_precision(accelerator) if isinstance(accelerator, str) else "32-true"
        if strategy == "auto" and (num_nodes > 1 or are_several(devices, accelerator)):
            strategy = SEVERAL
        if kwargs.get("enable_progress_bar") is False:  # which Lightning refuses beside the bar of the command line
            given = kwargs.get("callbacks") or []
            given = given if isinstance(given, list) else [given]
            kwargs["callbacks"] = [one for one in given if not isinstance(one, ProgressBar)]
        try:
            super().__init__(
                *args,
                accelerator=accelerator,
                devices=devices,
                num_nodes=num_nodes,
                strategy=strategy,
                precision=precision,  # type: ignore[arg-type]
                use_distributed_sampler=use_distributed_sampler,
                **kwargs,
            )
        except (ValueError, TypeError, ImportError) as error:  # how Lightning refuses most options that it cannot use
            raise InputError(f"trainer: {one_line(error)}") from error
        if type(self.strategy.checkpoint_io) is TorchCheckpointIO:
            self.strategy.checkpoint_io = CheckpointFiles()


def put_back_loaders() -> None:
    """Undoes what Lightning does to torch's loader classes while it asks for data: it stays when the data raise an
    error, and the next run of the process ends with a message about DataLoader (Lightning 2.6)."""
    kinds: list[type] = [DataLoader, BatchSampler]
    for kind in kinds:
        kinds += kind.__subclasses__()
        for name in ("__setattr__", "__delattr__", "__init__"):
            if f"__old{name}" in vars(kind):
                setattr(kind, name, getattr(kind, f"__old{name}"))
                delattr(kind, f"__old{name}")


def are_several(devices: list[int] | str | int, accelerator: str | Accelerator) -> bool:
    """Whether this asks for more than one device; "auto" and -1 are all GPUs, and one process on a CPU."""
    if devices in ("auto", "-1", -1):
        return accelerator in ("auto", "gpu", "cuda") and torch.cuda.device_count() > 1
    if isinstance(devices, str) and "," in devices:
        devices = [one for one in devices.split(",") if one.strip()]  # type: ignore[misc]
    if isinstance(devices, list | tuple):
        return len(devices) > 1
    return whole("trainer.devices", int(devices) if str(devices).isdecimal() else devices, at_least=1) > 1
