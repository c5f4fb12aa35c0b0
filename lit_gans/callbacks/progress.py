"""Progress on a terminal (a bar) and anywhere else (plain lines)."""

from __future__ import annotations

import math
import sys
import time
from datetime import timedelta
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar, RichProgressBar
from lightning.pytorch.trainer.states import TrainerFn

from lit_gans.training.logging import is_logged_step


def progress_bar(seconds: float = 30.0) -> ProgressBar:
    """The progress display that suits standard output: a bar on a terminal, else plain lines.

    Args:
        seconds: Time between two plain lines, at least.
    """
    return BarProgress() if sys.stdout.isatty() else PlainProgress(seconds)


class BarProgress(RichProgressBar):
    """A bar with the losses, images/s and validation scores of the last logged step.

    Metrics need no ``prog_bar=True``; with it, Lightning reads them back from the device after every batch.
    """

    def __init__(self) -> None:
        super().__init__(refresh_rate=20)
        self._shown: dict[str, str] = {}

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        # Lightning asks after every batch; reading a metric waits for the device.
        if trainer.validating or (trainer.training and is_logged_step(trainer)):
            self._shown = shown_metrics(trainer)
        return dict(self._shown)


class PlainProgress(ProgressBar):
    """A line on standard output on logged steps, at most every ``seconds``, and one after every validation.

    For logs, pipes and notebooks. Validating, testing and predicting outside of training print nothing here: Lightning
    prints their results itself.

    Args:
        seconds: Time between two training lines, at least. The first logged step always prints.
    """

    def __init__(self, seconds: float = 30.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._enabled = True
        self._start = (0.0, 0)
        self._printed_at = -math.inf

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start = (time.perf_counter(), trainer.global_step)
        self._printed_at = -math.inf

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not self._enabled or not is_logged_step(trainer):
            return
        now = time.perf_counter()
        if now - self._printed_at < self._seconds:
            return
        self._printed_at = now
        total = trainer.estimated_stepping_batches
        known = 0 < total < math.inf
        batches = f"batch {trainer.global_step:,}" + (f"/{total:,}" if known else "")
        eta = [f"ETA {self._remaining(now, trainer.global_step, int(total))}"] if known else []
        self._print([f"epoch {trainer.current_epoch}", batches, *_words(shown_metrics(trainer)), *eta])

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._enabled or trainer.sanity_checking or trainer.state.fn != TrainerFn.FITTING:
            return
        scores = {name: value for name, value in shown_metrics(trainer).items() if name.startswith("val/")}
        self._print(["validation", f"batch {trainer.global_step:,}", *_words(scores)])

    def _remaining(self, now: float, step: int, total: int) -> timedelta:
        started_at, first_step = self._start
        seconds_per_step = (now - started_at) / max(step - first_step, 1)
        return timedelta(seconds=round(seconds_per_step * max(total - step, 0)))

    def _print(self, words: list[str]) -> None:
        self.print("  ".join(words), flush=True)


def shown_metrics(trainer: Trainer) -> dict[str, str]:
    """The latest losses, images/s and validation scores, as text; losses go by their name without ``loss/``."""
    metrics = trainer.callback_metrics
    shown = {name.removeprefix("loss/"): f"{metrics[name]:.4g}" for name in metrics if name.startswith("loss/")}
    if "images_per_second" in metrics:
        shown["images/s"] = f"{metrics['images_per_second']:,.0f}"
    return shown | {name: f"{metrics[name]:.4g}" for name in metrics if name.startswith("val/")}


def _words(shown: dict[str, str]) -> list[str]:
    return [f"{name} {value}" for name, value in shown.items()]
