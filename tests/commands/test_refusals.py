"""What a Trainer or a disk cannot do is refused in one line that names it, and leaves nothing behind."""

import shutil
from pathlib import Path

import pytest
import torch
from untrained import checkpoint_of, untrained

from lit_gans.cli import main

FIT = """fit --config cdcgan_iclevr --data.image_size 16 --data.batch_size 8 --model.width 2 --trainer.max_steps 2
    --trainer.accelerator cpu --wandb off"""


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert not any("Traceback" in line for line in lines)
    (error,) = [line for line in lines if ": error: " in line]
    return error


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("trainer.accelerator", "tpu", "torch_xla"),
        ("trainer.devices", "-1", "`devices`"),
        ("trainer.max_time", "soon", "set trainer.max_time to days:hours:minutes:seconds"),
        ("trainer.log_every_n_steps", "-1", "trainer.log_every_n_steps is -1"),
        ("trainer.num_sanity_val_steps", "-2", "trainer.num_sanity_val_steps is -2"),
        ("trainer.check_val_every_n_epoch", "0", "trainer.check_val_every_n_epoch is 0"),
        ("trainer.val_check_interval", "700", "`val_check_interval` (700)"),
        ("trainer.enable_checkpointing", "false", "`enable_checkpointing=False`"),
        ("data.workers", "-1", "data.workers is -1"),
        ("data.root", "nowhere", "nowhere: no such folder"),
    ],
)
def test_an_option_that_cannot_be_is_named_and_leaves_no_folder(
    option: str, value: str, named: str, scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = FIT.replace("--trainer.accelerator cpu", "") if "accelerator" in option else FIT
    more = ["--data.root", str(scenes_folder), "--trainer.default_root_dir", str(tmp_path), f"--{option}", value]
    assert named in error_of([*arguments.split(), *more], capsys)
    assert not list(tmp_path.rglob("version_*"))


def test_a_picture_that_cannot_be_read_leaves_no_folder(
    scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next run is version_0, as README's commands have it."""
    data = tmp_path / "data"
    shutil.copytree(scenes_folder, data, ignore=shutil.ignore_patterns("*.npy*"))
    damaged = next(data.rglob("*.png"))
    damaged.write_text("no picture")
    more = ["--data.root", str(data), "--trainer.default_root_dir", str(tmp_path / "runs")]
    assert "cannot be read" in error_of([*FIT.split(), *more], capsys)
    assert not list(tmp_path.rglob("version_*"))


@pytest.mark.parametrize(
    "arguments",
    [
        "sample {model} --condition red_cube --out {place}/a.png",
        "sample {model} --condition red_cube --individual {place}",
        "export generator {model} {place}/g.ckpt",
        "export generator {model} {place}/g.safetensors",
        "data render-iclevr {place} --scenes 3 --size 16",
        "data render-faces {place}/faces --faces 3 --size 16",
        "data render-animals {place}/animals --train 3 --test 1",
        FIT + " --data.root {scenes} --trainer.default_root_dir {place}",
        FIT + " --data.root {scenes} --trainer.default_root_dir {free} --data.cache_dir {place}/cache",
    ],
)
def test_a_place_that_cannot_be_written_is_named_by_every_command(
    arguments: str, scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file stands where a folder is needed; that holds for root too, whom no rights stop."""
    place = tmp_path / "taken"
    place.write_text("mine")
    model = checkpoint_of(untrained("cdcgan"), tmp_path / "a.ckpt")
    given = {"model": model, "place": place, "scenes": scenes_folder, "free": tmp_path / "free"}
    parts = [part.format(**given).replace("red_cube", "red cube") for part in arguments.split()]
    assert str(place) in error_of(parts, capsys)
    assert place.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["a.ckpt", "taken"]


def test_weights_that_are_not_finite_end_a_run_before_they_replace_its_checkpoint(
    scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = f"--data.root {scenes_folder} --trainer.default_root_dir {tmp_path} --checkpoint.every 1"
    # nothing is logged, so no loss is looked at
    wild = "--model.lr_generator 1e30 --model.lr_discriminator 1e30 --trainer.log_every_n_steps 100"
    told = error_of([*FIT.replace("max_steps 2", "max_steps 20").split(), *more.split(), *wild.split()], capsys)
    assert "weights are NaN or infinite at batch" in told and "--model.clip_norm 1" in told
    for file in tmp_path.rglob("*.ckpt"):
        weights = torch.load(file, weights_only=True)["state_dict"].values()
        assert all(torch.isfinite(weight).all() for weight in weights if weight.is_floating_point())
