import csv
import sys
from pathlib import Path

import lightning as L
import matplotlib.figure
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn

from lit_gans.callbacks import curves
from lit_gans.callbacks.curves import Curves, history, plot_curves
from lit_gans.training.logging import is_logged_step

PNG = b"\x89PNG\r\n"


class Tiny(L.LightningModule):
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
            self.log_dict({"loss/generator": loss.detach(), "images_seen": float(self.images_seen)})

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log("val/score", 0.5)

    test_step = validation_step

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.01)


class Raise(L.Callback):
    """Raises in the twelfth batch."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        if trainer.global_step == 12:
            raise self.error


def loader() -> "torch.utils.data.DataLoader[Tensor]":
    return torch.utils.data.DataLoader(torch.randn(40, 1), 4)


def trainer_in(folder: Path, *callbacks: L.Callback, **settings: object) -> L.Trainer:
    return L.Trainer(
        accelerator="cpu",
        callbacks=[*callbacks, Curves()],
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        default_root_dir=folder,
        **{"log_every_n_steps": 4, "max_epochs": 2, "logger": CSVLogger(folder, name=None, version="run"), **settings},
    )


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    names = sorted({name for row in rows for name in row})
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """What is drawn: {y label or "x" for the last panel's x label: {curve: points}}."""
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    original = matplotlib.figure.Figure.draw

    def draw(self: matplotlib.figure.Figure, renderer: object) -> None:
        for ax in self.axes:
            panels[ax.get_ylabel()] = {line.get_label(): list(map(tuple, line.get_xydata())) for line in ax.get_lines()}
        panels["x"] = {self.axes[-1].get_xlabel(): []}
        original(self, renderer)

    monkeypatch.setattr(matplotlib.figure.Figure, "draw", draw)
    return panels


def test_each_column_is_drawn_in_its_panel_at_the_images_seen(tmp_path: Path, drawn: dict) -> None:
    rows = [
        {"step": 10, "images_seen": 640, "loss/generator": 2.0, "loss/discriminator": 1.0, "images_per_second": 90},
        {"step": 15, "val/score": 0.25},  # between two logged steps
        {"step": 20, "images_seen": 1280, "loss/generator": 1.5, "loss/discriminator": 0.5, "images_per_second": 95},
        {"step": 20, "val/score": 0.5, "epoch": 1},
        {"step": 25, "val/score": 0.75},  # after the last one
    ]
    plot_curves([write(tmp_path / "metrics.csv", rows)], tmp_path / "out.png")
    assert drawn["loss"] == {"generator": [(640, 2.0), (1280, 1.5)], "discriminator": [(640, 1.0), (1280, 0.5)]}
    assert drawn["validation"] == {"score": [(960, 0.25), (1280, 0.5), (1600, 0.75)]}
    assert list(drawn["images per second"].values()) == [[(640, 90), (1280, 95)]]
    assert list(drawn["x"]) == ["images seen"]
    assert (tmp_path / "out.png").read_bytes().startswith(PNG)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["metrics.csv", "out.png"]  # no temporary file stays


def test_a_long_run_counts_thousands_of_images(tmp_path: Path, drawn: dict) -> None:
    rows = [{"step": n, "images_seen": 64 * n, "loss/generator": 1.0} for n in (500, 1000)]
    plot_curves([write(tmp_path / "metrics.csv", rows)], tmp_path / "out.png")
    assert drawn["loss"] == {"generator": [(32.0, 1.0), (64.0, 1.0)]}
    assert list(drawn["x"]) == ["images seen (thousands)"]


def test_without_images_seen_the_axis_is_the_step(tmp_path: Path, drawn: dict) -> None:
    rows: list[dict[str, object]] = [{"step": 7, "loss/nll": 3.0}, {"step": 9, "val/bits_per_dim": 4.0}]
    plot_curves([write(tmp_path / "metrics.csv", rows)], tmp_path / "out.png")
    assert drawn["loss"] == {"nll": [(7, 3.0)]}
    assert drawn["validation"] == {"bits_per_dim": [(9, 4.0)]}
    assert "images per second" not in drawn
    assert list(drawn["x"]) == ["step"]


@pytest.mark.parametrize(
    "text",
    [None, "", "step,loss/generator\n", "step,epoch\n5,0\n", "step,loss/generator\n5,nan\n", "step,loss/generator\n5"],
    ids=["missing", "empty", "header only", "nothing to draw", "only nan", "cut off"],
)
def test_a_csv_without_data_draws_nothing(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "metrics.csv").write_text(text)
    plot_curves([tmp_path / "metrics.csv"], tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


def test_drawing_needs_no_pyplot_and_so_no_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it fails
    rows: list[dict[str, object]] = [{"step": 1, "loss/generator": 1.0}]
    plot_curves([write(tmp_path / "metrics.csv", rows)], tmp_path / "out.png")
    assert (tmp_path / "out.png").exists()


def test_a_failure_while_writing_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.png"
    out.write_bytes(b"old")

    def fail(self: object, renderer: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(matplotlib.figure.Figure, "draw", fail)
    rows: list[dict[str, object]] = [{"step": 1, "loss/generator": 1.0}]
    with pytest.raises(OSError, match="disk full"):
        plot_curves([write(tmp_path / "metrics.csv", rows)], out)
    assert out.read_bytes() == b"old"


def test_a_finished_fit_leaves_curves_beside_its_metrics(tmp_path: Path, drawn: dict) -> None:
    trainer_in(tmp_path).fit(Tiny(), loader(), loader())
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(PNG)
    assert [x for x, _ in drawn["loss"]["generator"]] == [16, 32, 48, 64, 80]  # every 4 of 20 batches of 4
    assert drawn["validation"]["score"] == [(40, 0.5), (80, 0.5)]  # after 10 and 20 batches


@pytest.mark.parametrize(
    ("error", "seen"), [(KeyboardInterrupt(), SystemExit), (RuntimeError("diverged"), RuntimeError)]
)
def test_a_fit_that_ends_early_leaves_curves_too(
    tmp_path: Path, drawn: dict, error: BaseException, seen: type[BaseException]
) -> None:
    with pytest.raises(seen):
        trainer_in(tmp_path, Raise(error)).fit(Tiny(), loader())
    assert [x for x, _ in drawn["loss"]["generator"]] == [16, 32]


def test_a_failure_to_draw_warns_and_hides_neither_success_nor_the_first_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no fonts")

    monkeypatch.setattr(curves, "plot_curves", fail)
    with pytest.warns(UserWarning, match=r"could not draw .*curves\.png: ValueError: no fonts"):
        trainer_in(tmp_path).fit(Tiny(), loader())
    with (
        pytest.warns(UserWarning, match="no fonts"),
        pytest.raises(RuntimeError, match="diverged"),
    ):
        trainer_in(tmp_path, Raise(RuntimeError("diverged"))).fit(Tiny(), loader())


def test_other_ranks_other_loggers_and_testing_draw_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer_in(tmp_path, logger=False).fit(Tiny(), loader())
    trainer_in(tmp_path).test(Tiny(), loader(), verbose=False)
    with monkeypatch.context() as other_rank:
        other_rank.setattr(L.Trainer, "is_global_zero", property(lambda self: False))
        trainer_in(tmp_path).fit(Tiny(), loader())
    assert list(tmp_path.rglob("curves.png")) == []


class TestARunThatContinuesAnother:
    def test_the_later_run_counts_from_its_first_step_on(
        self, tmp_path: Path, drawn: dict[str, dict[str, list[tuple[float, float]]]]
    ) -> None:
        first = write(tmp_path / "a.csv", [{"step": step, "loss/nll": 1.0} for step in (1, 2, 3, 4)])
        second = write(tmp_path / "b.csv", [{"step": step, "loss/nll": 2.0} for step in (3, 4, 5)])
        plot_curves([first, second], tmp_path / "out.png")
        assert drawn["loss"] == {"nll": [(1, 1.0), (2, 1.0), (3, 2.0), (4, 2.0), (5, 2.0)]}

    def test_the_chain_is_found_by_the_configs_and_ends_where_a_file_is_gone(self, tmp_path: Path) -> None:
        folders = [tmp_path / f"version_{i}" for i in range(4)]
        for folder, before in zip(folders, [tmp_path / "gone", *folders], strict=False):
            (folder / "checkpoints").mkdir(parents=True)
            (folder / "metrics.csv").write_text("step\n")
            (folder / "config.yaml").write_text(f"ckpt_path: {before / 'checkpoints' / 'last.ckpt'}\n")
        assert history(folders[3]) == [folder / "metrics.csv" for folder in folders]
        (folders[1] / "metrics.csv").unlink()
        assert history(folders[3]) == [folder / "metrics.csv" for folder in folders[2:]]

    def test_a_run_of_its_own_has_no_other(self, tmp_path: Path) -> None:
        assert history(tmp_path) == [tmp_path / "metrics.csv"]
        (tmp_path / "config.yaml").write_text("ckpt_path: null\n")
        assert history(tmp_path) == [tmp_path / "metrics.csv"]
