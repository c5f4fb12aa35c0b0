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
from lit_gans.training.progress import batches_of, run_progress


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
        self._start = (0.0, 0.0)
        self._printed_at = -math.inf

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start = (time.perf_counter(), run_progress(trainer, batches_of(trainer)))
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
        total = batches_of(trainer)
        batches = f"batch {trainer.global_step:,}" + (f"/{total:,}" if total < math.inf else "")
        eta = self._eta(now, run_progress(trainer, total))
        self._print([f"epoch {trainer.current_epoch}", batches, *_words(shown_metrics(trainer)), *eta])

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._enabled or trainer.sanity_checking or trainer.state.fn != TrainerFn.FITTING:
            return
        scores = {name: value for name, value in shown_metrics(trainer).items() if name.startswith("val/")}
        self._print(["validation", f"batch {trainer.global_step:,}", *_words(scores)])

    def _eta(self, now: float, done: float) -> list[str]:
        """How long the rest takes at the pace so far; nothing in a run without an end."""
        started_at, done_then = self._start
        if done <= done_then:
            return []
        return [f"ETA {timedelta(seconds=round((now - started_at) * (1 - done) / (done - done_then)))}"]

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
