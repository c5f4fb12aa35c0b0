import csv
import time
from collections.abc import Callable
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn

from lit_gans.callbacks import throughput
from lit_gans.callbacks.throughput import Throughput

BATCH = 4


class Tiny(L.LightningModule):
    """One counted step a batch; `work` is called in every training batch, `check` in every validation batch."""

    automatic_optimization = False

    def __init__(self, work: Callable[[], None], check: Callable[[], None]) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.images_seen = 0
        self.work, self.check = work, check

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        self.work()
        optimizer = self.optimizers()
        loss = self.layer(batch).square().mean()
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        self.images_seen += len(batch) * 2  # as of two ranks

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.check()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


class Clock:
    """time.perf_counter that moves only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def tick(self, seconds: float) -> Callable[[], None]:
        def advance() -> None:
            self.now += seconds

        return advance


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: clock.now)
    return clock


def fit(folder: Path, model: L.LightningModule, callbacks: list[L.Callback], **settings: object) -> list[float]:
    """The images_per_second column of metrics.csv."""
    loader = torch.utils.data.DataLoader(torch.randn(BATCH * 6, 1), BATCH)
    trainer = L.Trainer(
        accelerator="cpu",
        logger=CSVLogger(folder),
        callbacks=callbacks,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        **{"log_every_n_steps": 2, "max_epochs": 2, "enable_checkpointing": False, **settings},
    )
    trainer.fit(model, loader, loader)
    metrics = next(folder.rglob("metrics.csv"), None)
    rows = list(csv.DictReader(metrics.open())) if metrics else []
    return [float(row["images_per_second"]) for row in rows if row.get("images_per_second")]


def test_a_logged_rate_is_the_images_of_all_ranks_over_the_time_of_the_interval(tmp_path: Path, clock: Clock) -> None:
    rates = fit(tmp_path, Tiny(clock.tick(0.5), clock.tick(0)), [Throughput()])
    assert rates == pytest.approx([16.0] * 6)  # 2 ranks x 4 images in 0.5 s, on 6 logged steps of 12


def test_validation_and_the_pause_between_epochs_do_not_count(tmp_path: Path, clock: Clock) -> None:
    class SlowCheckpoint(L.pytorch.callbacks.Checkpoint):
        def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            clock.now += 1000

    model = Tiny(clock.tick(0.5), clock.tick(77))
    callbacks = [Throughput(), SlowCheckpoint()]
    rates = fit(tmp_path, model, callbacks, val_check_interval=3, enable_checkpointing=True)
    assert clock.now > 100 + 2000 + 77 * 6  # they did take time
    assert rates == pytest.approx([16.0] * 6)


def test_time_before_training_and_a_resumed_count_do_not_enter_the_first_rate(tmp_path: Path, clock: Clock) -> None:
    model = Tiny(clock.tick(0.5), clock.tick(50))  # the sanity check takes 100 s
    model.images_seen = 1_000_000
    assert fit(tmp_path, model, [Throughput()])[0] == pytest.approx(16.0)


def test_nothing_is_logged_where_lightning_logs_nothing(tmp_path: Path, clock: Clock) -> None:
    assert fit(tmp_path, Tiny(clock.tick(0.5), clock.tick(0)), [Throughput()], log_every_n_steps=0) == []


def test_the_real_clock_gives_a_rate_of_the_right_size(tmp_path: Path) -> None:
    rates = fit(tmp_path, Tiny(lambda: time.sleep(0.02), lambda: None), [Throughput()], max_epochs=1)
    assert len(rates) == 3
    assert all(0 < rate < 8 / 0.02 for rate in rates)
