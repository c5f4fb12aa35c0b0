"""Which checkpoints a run leaves, however it ends."""

import errno
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor

from data_modules.iclevr import ICLEVR
from lit_gans.callbacks.checkpoints import BestCheckpoint, LastCheckpoint
from lit_gans.errors import InputError, OutputError
from lit_gans.models.cdcgan import CDCGAN
from lit_gans.scoring.score import Score


class Stopped(CDCGAN):
    """Ends the run in its own way after a number of batches."""

    after: int = 6
    reason: BaseException | None = None

    def discriminator_loss(self, batch: dict[str, Tensor], rng: torch.Generator) -> Tensor:
        loss = super().discriminator_loss(batch, rng)
        if self.global_step < self.after:
            return loss
        if self.reason is None:
            return loss * torch.nan
        raise self.reason


def train(
    scenes_folder: Path,
    folder: Path,
    model: CDCGAN,
    *more: L.Callback,
    every: int = 4,
    max_steps: int = 20,
    patience: int | None = None,
    ckpt_path: Path | None = None,
    eval_batch_size: int = 128,
) -> L.Trainer:
    trainer = L.Trainer(
        accelerator="cpu",
        max_steps=max_steps,
        logger=CSVLogger(folder, name="", version="run"),
        callbacks=[*more, LastCheckpoint(every), BestCheckpoint(patience)],
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    data = ICLEVR(str(scenes_folder), image_size=16, batch_size=4, eval_batch_size=eval_batch_size)
    trainer.fit(model, data, ckpt_path=ckpt_path)
    return trainer


def step_of(file: Path) -> int:
    return int(torch.load(file, weights_only=True)["global_step"])


def test_last_is_written_with_the_last_batch(scenes_folder: Path, tmp_path: Path) -> None:
    train(scenes_folder, tmp_path, CDCGAN(image_size=16, width=2), every=1000, max_steps=3)
    assert [file.name for file in (tmp_path / "run" / "checkpoints").iterdir()] == ["last.ckpt"]
    assert step_of(tmp_path / "run" / "checkpoints" / "last.ckpt") == 3


def test_a_diverged_run_keeps_the_last_good_checkpoint(scenes_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="loss/discriminator is nan at batch 7"):
        train(scenes_folder, tmp_path, Stopped(image_size=16, width=2))
    checkpoints = tmp_path / "run" / "checkpoints"
    assert step_of(checkpoints / "last.ckpt") == 4
    last = torch.load(checkpoints / "last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.isfinite(weight).all() for weight in last.values())
    assert not (checkpoints / "exception.ckpt").exists()  # its weights would be NaN


def test_another_error_leaves_the_weights_it_met(scenes_folder: Path, tmp_path: Path) -> None:
    model = Stopped(image_size=16, width=2)
    model.reason = KeyError("a bug")
    with pytest.raises(KeyError):
        train(scenes_folder, tmp_path, model)
    assert step_of(tmp_path / "run" / "checkpoints" / "exception.ckpt") == 6


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    scenes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = L.Trainer.save_checkpoint

    def full(self: L.Trainer, path: Path, *args: Any, **kwargs: Any) -> None:
        if self.global_step > 4:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        original(self, path, *args, **kwargs)

    monkeypatch.setattr(L.Trainer, "save_checkpoint", full)
    with pytest.raises(OutputError, match=r"cannot write .*last.ckpt: No space left.*; the one of batch 4 is kept"):
        train(scenes_folder, tmp_path, CDCGAN(image_size=16, width=2))
    checkpoints = tmp_path / "run" / "checkpoints"
    assert [file.name for file in checkpoints.iterdir()] == ["last.ckpt"] and step_of(checkpoints / "last.ckpt") == 4


def test_ctrl_c_writes_the_last_checkpoint(scenes_folder: Path, tmp_path: Path) -> None:
    model = Stopped(image_size=16, width=2)
    model.reason = KeyboardInterrupt()
    with pytest.raises(SystemExit):
        train(scenes_folder, tmp_path, model, every=1000)
    assert step_of(tmp_path / "run" / "checkpoints" / "last.ckpt") == 6
    assert not (tmp_path / "run" / "checkpoints" / "exception.ckpt").exists()


def test_best_follows_the_score_on_held_out_scenes(
    scenes_folder: Path, evaluator_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One validation an epoch of 8 batches; the scores are 0.25, 0.75, 0.5, so the second epoch's weights are kept."""
    scores = iter([0.25, 0.75, 0.5])
    monkeypatch.setattr("lit_gans.metrics.object_score.ObjectScore.compute", lambda _: torch.tensor(next(scores)))
    model, score = CDCGAN(image_size=16, width=2), Score(str(evaluator_file))
    train(scenes_folder, tmp_path, model, score, every=1000, max_steps=24)
    assert step_of(tmp_path / "run" / "checkpoints" / "best.ckpt") == 16
    assert step_of(tmp_path / "run" / "checkpoints" / "last.ckpt") == 24


class Measured(CDCGAN):
    """Its validations, one an epoch of 8 batches, measure what the batch says."""

    values: ClassVar[dict[int, float]] = {}
    measure: str = ""

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        if self.measure:
            self.log(self.measure, self.values[self.global_step])


@pytest.mark.parametrize(
    ("measure", "best"), [("val/score", 16), ("val/kernel_distance", 8), ("val/bits_per_dim", 8), ("val/velocity", 8)]
)
def test_best_is_told_by_whatever_is_measured(
    measure: str, best: int, scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Measured(image_size=16, width=2)
    model.measure, model.values = measure, {8: 0.25, 16: 0.75, 24: 0.5}  # type: ignore[misc]
    train(scenes_folder, tmp_path, model, every=1000, max_steps=24)
    file = tmp_path / "run" / "checkpoints" / "best.ckpt"
    assert step_of(file) == best
    assert f"best {measure} {model.values[best]} at batch {best}: {file}" in capsys.readouterr().out


@pytest.mark.parametrize("stops", [(), (16,), (20,), (24,), (8, 16, 28)])
def test_a_run_that_no_longer_gains_ends_at_the_same_batch_however_often_it_was_stopped(
    stops: tuple[int, ...], scenes_folder: Path, tmp_path: Path
) -> None:
    """The best is at batch 16, and the second validation after it is that of batch 32. Stopped at 16 and 24, a run goes
    on from a checkpoint that is older than the validation of its last batch."""
    resumed: Path | None = None
    for start, max_steps in enumerate([*stops, 100]):
        model = Measured(image_size=16, width=2)
        model.measure, model.values = "val/kernel_distance", {8: 0.5, 16: 0.4, 24: 0.6, 32: 0.45}  # type: ignore[misc]
        trainer = train(
            *(scenes_folder, tmp_path / str(start), model), max_steps=max_steps, patience=2, ckpt_path=resumed
        )
        resumed = tmp_path / str(start) / "run" / "checkpoints" / "last.ckpt"
    assert (trainer.global_step, step_of(resumed)) == (32, 32)
    (callback,) = (callback for callback in trainer.callbacks if isinstance(callback, BestCheckpoint))  # type: ignore[attr-defined]
    assert (callback.best, callback.batch, callback.waited) == (pytest.approx(0.4), 16, 2)
    assert step_of(Path(callback.file)) == 16


def test_a_validation_that_is_made_up_for_sees_every_batch(scenes_folder: Path, tmp_path: Path) -> None:
    """The checkpoint of batch 16 is older than the validation of its epoch, and younger than that of the one before."""
    seen: list[tuple[int, int]] = []

    class Counted(CDCGAN):
        def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
            seen.append((self.global_step, batch_idx))

    first = tmp_path / "first"
    for folder, max_steps, checkpoint in (
        (first, 16, None),
        (tmp_path, 17, first / "run" / "checkpoints" / "last.ckpt"),
    ):
        seen.clear()
        model = Counted(image_size=16, width=2)
        train(scenes_folder, folder, model, max_steps=max_steps, ckpt_path=checkpoint, eval_batch_size=1)
    assert seen == [(16, 0), (16, 1), (16, 2)]


def test_a_run_that_has_ended_for_want_of_gain_ends_at_once_when_it_is_continued(
    scenes_folder: Path, tmp_path: Path
) -> None:
    for name, checkpoint in (("first", None), ("second", tmp_path / "first" / "run" / "checkpoints" / "last.ckpt")):
        model = Measured(image_size=16, width=2)
        model.measure, model.values = "val/score", {8: 0.5, 16: 0.4}  # type: ignore[misc]
        trainer = train(scenes_folder, tmp_path / name, model, max_steps=100, patience=1, ckpt_path=checkpoint)
        assert trainer.global_step == 16
    assert not (tmp_path / "second" / "run" / "checkpoints" / "last.ckpt").exists()


def test_patience_without_anything_to_wait_for_is_refused(scenes_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"stop\.patience is 0; expected a whole number of at least 1"):
        BestCheckpoint(0)
    with pytest.raises(InputError, match=r"stop\.patience is 3, and the validation measures none of val/score"):
        train(scenes_folder, tmp_path, Measured(image_size=16, width=2), patience=3)
