"""The loggers of a run: CSV always; Weights & Biases, TensorBoard and what the user names beside it."""

from collections.abc import Sequence
from typing import Any

import yaml
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.pictures import as_image


def with_csv(given: Any, save_dir: str, name: str) -> list[Logger]:
    """The loggers that the user named (`trainer.logger`: one, several, or none), behind one that writes the CSV."""
    named: list[Logger] = list(given) if isinstance(given, list | tuple) else [given] * isinstance(given, Logger)
    csv = next((logger for logger in named if isinstance(logger, CSVLogger)), CSVLogger(save_dir, name=name))
    return [csv, *(logger for logger in named if logger is not csv)]


def tensorboard_logger(csv: CSVLogger) -> Logger:
    """Events beside `metrics.csv`, for `tensorboard --logdir runs`.

    Raises:
        InputError: TensorBoard is not installed.
    """
    try:
        return TensorBoardLogger(csv.save_dir, name=csv.name, version=csv.version, default_hp_metric=False)
    except ModuleNotFoundError:
        raise InputError(
            "--tensorboard true: TensorBoard is not installed; pip install 'lit_gans[tensorboard]'"
        ) from None


def log_picture(loggers: Sequence[Logger], name: str, picture: Tensor, step: int) -> None:
    """Shows a uint8 picture (C, H, W) in every logger that takes pictures."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(name, picture, step)
        elif hasattr(logger, "log_image"):
            logger.log_image(name, [as_image(picture)], step=step)


def log_options(loggers: Sequence[Logger], config: str) -> None:
    """Logs all options of the run, as YAML, to every logger but CSV, which has config.yaml beside it."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_text("config", f"```yaml\n{config}```")
        elif not isinstance(logger, CSVLogger):
            logger.log_hyperparams(yaml.safe_load(config))


def wandb_id(loggers: Sequence[Logger]) -> str | None:
    """The id of the run at W&B, where there is one."""
    return next((logger.version for logger in loggers if isinstance(logger, WandbLogger)), None)
