"""What a training will need later is looked at before its first batch; a run that came to nothing leaves nothing."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lit_gans.callbacks.preflight import check_held_out, check_labels, check_space, check_writable, size_of
from lit_gans.cli import main
from lit_gans.errors import InputError, OutputError

FIT = """fit --config {config} --data.root {root} --data.image_size 16 --data.batch_size 4 --trainer.max_steps {steps}
    --trainer.accelerator cpu --wandb off --trainer.default_root_dir {runs}"""
OBJECTS = "--model.width 16 --model.discriminator_width 4 --model.patch_size 8"


def error_of(arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(arguments.split()) == 2
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return printed.err


def test_a_picture_of_more_objects_than_slots_is_named_before_the_first_batch(
    scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = FIT.format(config="conditional_gan_iclevr", root=scenes_folder, steps=9, runs=tmp_path)
    error = error_of(f"{arguments} {OBJECTS} --model.slots 2", capsys)
    found = re.search(
        r"(\S+\.png) has 3 labels, and this model draws at most 2 in a picture: give --model.slots 3", error
    )
    assert found and list(scenes_folder.rglob(found.group(1)))
    assert not list(tmp_path.rglob("version_*"))  # the failed run left nothing


def test_a_missing_evaluator_is_told_before_the_first_batch(
    scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = FIT.format(config="cdcgan_iclevr", root=scenes_folder, steps=9, runs=tmp_path)
    assert "nowhere.pth: no such file" in error_of(f"{arguments} --model.width 2 --model.evaluator nowhere.pth", capsys)
    assert not list(tmp_path.rglob("version_*"))


def test_too_few_held_out_pictures_are_told_with_the_share_that_is_enough(
    faces_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    root, runs = tmp_path / "anime", tmp_path / "runs"
    (root / "faces").mkdir(parents=True)
    files = sorted((faces_folder / "faces").iterdir())[:6]
    for file in files[:3]:
        shutil.copy(file, root / "faces")
    arguments = FIT.format(config="dcgan_anime", root=root, steps=2, runs=runs) + " --model.width 4"
    error = error_of(arguments, capsys)
    assert "3 pictures, 1 of them held out; validation compares with at least 2: give --data.val_fraction 0.67" in error
    for file in files[3:]:
        shutil.copy(file, root / "faces")
    small = ["--data.val_fraction", "0.34", "--data.batch_size", "2"]
    assert main([*arguments.split(), *small, "--trainer.check_val_every_n_epoch", "9", "--stop.patience", "1"]) == 0
    out = capsys.readouterr().out
    folder = runs / "dcgan_anime" / "version_0"
    assert f"DCGAN: generator 14.7 K, discriminator 3.0 K; the run is written to {folder}" in out
    (line,) = [line for line in out.splitlines() if line.startswith(f"wrote {folder}: ")]
    named = line.removeprefix(f"wrote {folder}: ").split(", ")
    assert {"checkpoints", "samples", "config.yaml"} <= set(named)
    assert all((folder / name).exists() for name in named)
    assert ("curves.png" in named) == (folder / "curves.png").exists()  # of two batches there are no figures
    assert "--stop.patience had no effect: the run ended before its first validation" in caplog.text

    last = folder / "checkpoints" / "last.ckpt"
    assert main([*arguments.split(), "--data.val_fraction", "0.34", "--ckpt_path", str(last)]) == 0
    assert "nothing was trained: batch 2 is the end of this run already" in capsys.readouterr().out
    left = [str(path.relative_to(folder.parent)) for path in folder.parent.rglob("*")]
    assert not [path for path in left if not path.startswith("version_0")]


class TestChecks:
    def test_the_picture_of_the_most_labels_is_found(self) -> None:
        conditions = torch.tensor([[1.0, 0, 0], [1, 1, 1], [1, 1, 0]])
        data = SimpleNamespace(columns={"condition": conditions}, paths=lambda: ["a/1.png", "a/2.png", "a/3.png"])
        check_labels(data, 3)
        with pytest.raises(InputError, match=r"^2\.png has 3 labels, .* at most 2"):
            check_labels(data, 2)

    @pytest.mark.parametrize(
        ("trained", "held_out", "remedy"),
        [(1, 1, "at least 3 pictures"), (5, 1, "0.34"), (39, 1, "0.05"), (97, 1, "0.03")],
    )
    def test_the_share_that_is_named_holds_enough_out(self, trained: int, held_out: int, remedy: str) -> None:
        data: Any = SimpleNamespace(train_rows=range(trained), val_rows=range(held_out))
        check_held_out(data, 1)
        with pytest.raises(InputError, match=remedy):
            check_held_out(data, 2)
        if remedy.startswith("0"):
            assert round(float(remedy) * (trained + held_out)) >= 2

    def test_data_without_held_out_rows_is_not_judged(self) -> None:
        check_held_out(SimpleNamespace(), 2)

    def test_a_full_disk_is_told_in_megabytes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=5_000_000))
        check_space(tmp_path, 5_000_000)
        with pytest.raises(OutputError, match="5 MB free, and two checkpoints of this model take 6 MB"):
            check_space(tmp_path, 6_000_000)

    def test_a_folder_that_cannot_be_made_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match=r"cannot write to .*file/checkpoints: .*default_root_dir"):
            check_writable(tmp_path / "file" / "checkpoints")

    def test_a_model_is_as_large_as_its_numbers(self) -> None:
        assert size_of(torch.nn.BatchNorm1d(3)) == 4 * 3 * 4 + 8  # weight, bias, mean, variance; an int64 counter
