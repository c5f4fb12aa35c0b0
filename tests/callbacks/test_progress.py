import re
import sys
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ProgressBar, RichProgressBar
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn

from lit_gans.callbacks import progress
from lit_gans.callbacks.progress import BarProgress, PlainProgress, progress_bar
from lit_gans.callbacks.throughput import Throughput
from lit_gans.training.logging import is_logged_step


class Tiny(L.LightningModule):
    """Logs as the models of the package do, without prog_bar."""

    automatic_optimization = False

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.images_seen = 0

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        optimizer = self.optimizers()
        loss = self.layer(batch).square().mean()
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        self.images_seen += len(batch)
        if is_logged_step(self.trainer):
            self.log("loss/discriminator", torch.tensor(0.69314))
            self.log("loss/generator", torch.tensor(float(self.global_step)))
            self.log("images_seen", float(self.images_seen))

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log("val/score", 0.8125)

    test_step = validation_step

    def predict_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return self.layer(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def loader() -> "torch.utils.data.DataLoader[Tensor]":
    return torch.utils.data.DataLoader(torch.randn(40, 1), 4)


def trainer_with(bar: ProgressBar, folder: Path, **settings: object) -> L.Trainer:
    return L.Trainer(
        accelerator="cpu",
        logger=CSVLogger(folder),
        callbacks=[Throughput(), bar],
        enable_model_summary=False,
        enable_checkpointing=False,
        default_root_dir=folder,
        **{"log_every_n_steps": 5, "max_epochs": 2, **settings},
    )


def test_a_terminal_gets_a_bar_and_anything_else_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert isinstance(progress_bar(), RichProgressBar)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert isinstance(progress_bar(), PlainProgress)


@pytest.mark.parametrize("bar", [BarProgress(), PlainProgress()], ids=["bar", "plain"])
def test_lightning_adds_no_second_bar(bar: ProgressBar, tmp_path: Path) -> None:
    trainer = trainer_with(bar, tmp_path)
    assert [c for c in trainer.callbacks if isinstance(c, ProgressBar)] == [bar]


def test_plain_lines_say_epoch_batch_losses_speed_score_and_remaining_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer_with(PlainProgress(seconds=0), tmp_path).fit(Tiny(), loader(), loader())
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("epoch", "validation"))]
    number = r"[\d,.e+-]+"
    losses = f"discriminator 0.6931  generator {number}  images/s {number}"
    expected = [
        f"epoch 0  batch 5/20  {losses}  ETA 0:00:\\d\\d",
        f"epoch 0  batch 10/20  {losses}  ETA 0:00:\\d\\d",
        "validation  batch 10  val/score 0.8125",
        f"epoch 1  batch 15/20  {losses}  val/score 0.8125  ETA 0:00:\\d\\d",
        f"epoch 1  batch 20/20  {losses}  val/score 0.8125  ETA 0:00:00",
        "validation  batch 20  val/score 0.8125",
    ]
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line), line


def test_the_remaining_time_is_that_of_the_batches_left_at_the_speed_so_far(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bar = PlainProgress(seconds=0)
    trainer = trainer_with(bar, tmp_path, max_epochs=-1, max_steps=15)
    # 100 s a batch: the clock follows the batches
    monkeypatch.setattr(progress.time, "perf_counter", lambda: 100.0 * trainer.global_step)
    trainer.fit(Tiny(), loader())
    assert re.findall(r"batch (\d+/\d+).*ETA (\S+)", capsys.readouterr().out) == [
        ("5/15", "0:16:40"),
        ("10/15", "0:08:20"),
        ("15/15", "0:00:00"),
    ]


def test_plain_lines_keep_their_distance_in_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer_with(PlainProgress(seconds=3600), tmp_path).fit(Tiny(), loader())
    assert re.findall(r"batch (\d+)", capsys.readouterr().out) == ["5"]


def test_an_endless_run_shows_no_remaining_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Stop(L.Callback):
        def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
            trainer.should_stop = trainer.global_step >= 12

    trainer = trainer_with(PlainProgress(seconds=0), tmp_path, max_epochs=-1)
    trainer.callbacks.append(Stop())
    trainer.fit(Tiny(), loader())
    out = capsys.readouterr().out
    assert "batch 10  " in out
    assert "ETA" not in out


def test_only_the_first_rank_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(L.Trainer, "is_global_zero", property(lambda self: False))
    trainer_with(PlainProgress(seconds=0), tmp_path).fit(Tiny(), loader(), loader())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", [BarProgress, PlainProgress])
@pytest.mark.parametrize("what", ["validate", "test", "predict"])
def test_validate_test_and_predict_work_alone_and_after_a_fit(
    kind: type[ProgressBar], what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, trainer = Tiny(), trainer_with(kind(), tmp_path, max_epochs=1)
    getattr(trainer, what)(model, loader())
    trainer.fit(model, loader(), loader())
    getattr(trainer, what)(model, loader())
    assert capsys.readouterr().out.count("validation  batch") == (1 if kind is PlainProgress else 0)


def test_the_bar_shows_losses_speed_and_score_and_no_version_number(tmp_path: Path) -> None:
    bar = BarProgress()
    trainer = trainer_with(bar, tmp_path)
    trainer.fit(model := Tiny(), loader(), loader())
    shown = bar.get_metrics(trainer, model)
    assert list(shown) == ["discriminator", "generator", "images/s", "val/score"]
    assert shown["discriminator"] == "0.6931"
    assert shown["generator"] == "20"
    assert shown["val/score"] == "0.8125"


def test_the_bar_reads_metrics_on_logged_steps_and_after_validation_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_at: list[int] = []

    def read(trainer: L.Trainer) -> dict[str, str]:
        read_at.append(trainer.global_step)
        return {}

    monkeypatch.setattr(progress, "shown_metrics", read)
    trainer_with(BarProgress(), tmp_path, max_epochs=1, log_every_n_steps=4).fit(Tiny(), loader(), loader())
    assert read_at == [4, 8, 10]  # 10: the validation
