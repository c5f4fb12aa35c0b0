"""`--ckpt_path` of fit, validate, test and predict: compared with the model before Lightning gets it."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from lit_gans.cli import main

FIT = """fit --config cdcgan_iclevr --data.root {scenes} --data.image_size 16 --data.batch_size 8 --model.width 2
    --trainer.max_steps {steps} --trainer.accelerator cpu --trainer.limit_val_batches 0 --wandb off
    --trainer.default_root_dir {runs}"""
NAME = "cdcgan_iclevr"


@pytest.fixture(scope="module")
def checkpoint(scenes_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    assert main(FIT.format(scenes=scenes_folder, steps=2, runs=runs).split()) == 0
    return runs / NAME / "version_0" / "checkpoints" / "last.ckpt"


@pytest.fixture
def other_order(scenes_folder: Path, tmp_path: Path) -> Path:
    """The same scenes, the numbers of two objects exchanged."""
    folder = tmp_path / "other_order"
    shutil.copytree(scenes_folder, folder)
    objects = json.loads((folder / "objects.json").read_text())
    first, second = list(objects)[:2]
    objects[first], objects[second] = objects[second], objects[first]
    (folder / "objects.json").write_text(json.dumps(objects))
    return folder


def error_of(arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(arguments.split()) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict"])
def test_the_same_classes_in_another_order_are_refused_with_both_orders(
    command: str, checkpoint: Path, other_order: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = f"{command} --ckpt_path {checkpoint} --data.root {other_order} --trainer.default_root_dir {tmp_path}"
    error = error_of(arguments, capsys)
    names = re.search(r"class 0 is '(.+?)' there and '(.+?)' in this data", error)
    assert names, error
    there, here = names.groups()
    assert f"There: {there}, {here}, " in error and f"Here: {here}, {there}, " in error
    assert f"--ckpt_path {checkpoint}" in error and "objects.json" in error


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_without_a_checkpoint_only_fit_starts(
    command: str, scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = f"{command} --config {NAME} --data.root {scenes_folder} --trainer.default_root_dir {tmp_path}"
    assert f"{command} needs a checkpoint: give --ckpt_path CKPT (or --untrained true" in error_of(arguments, capsys)
    assert not list(tmp_path.rglob("*.png"))


def test_an_untrained_model_draws_when_it_is_meant(scenes_folder: Path, tmp_path: Path) -> None:
    arguments = f"predict --config {NAME} --data.root {scenes_folder} --data.image_size 16 --model.width 2"
    assert main([*arguments.split(), "--untrained", "true", "--trainer.default_root_dir", str(tmp_path)]) == 0
    assert len(list(tmp_path.rglob("*.png"))) == 64


def test_untrained_and_a_checkpoint_exclude_each_other(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "exclude each other" in error_of(f"test --ckpt_path {checkpoint} --untrained true", capsys)


@pytest.mark.parametrize("command", ["fit", "test"])
def test_another_width_names_the_option_that_mends_it(
    command: str, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = f"--model.width 4 --model.betas [0,0.9] --trainer.default_root_dir {tmp_path}"
    error = error_of(f"{command} --ckpt_path {checkpoint} {more}", capsys)
    assert "width is 2 there and 4 here; give --model.width 2, or another checkpoint" in error
    assert "betas" not in error  # they differ too, and fix no shape


def test_another_class_is_named(
    checkpoint: Path, scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = f"--data.root {scenes_folder} --data.image_size 16 --trainer.default_root_dir {tmp_path}"
    error = error_of(f"fit --config conditional_gan_iclevr --model.width 16 --ckpt_path {checkpoint} {more}", capsys)
    assert "holds a CDCGAN, and the config asks for a ConditionalGAN" in error


def test_a_damaged_checkpoint_is_refused_by_every_command(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(checkpoint.parent.parent, run)
    damaged = run / "checkpoints" / "last.ckpt"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    for command in ("fit", "validate", "test", "predict"):
        error = error_of(f"{command} --ckpt_path {damaged} --trainer.default_root_dir {tmp_path}", capsys)
        assert f"{damaged}: not a readable torch file: it was cut or changed" in error
    assert "it was cut or changed" in error_of(f"sample {damaged} --condition red --out {tmp_path / 'a.png'}", capsys)


def test_weights_that_are_not_finite_are_refused(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(checkpoint.parent.parent, run)
    broken = run / "checkpoints" / "last.ckpt"
    content = torch.load(broken, weights_only=True)
    content["state_dict"]["generator.to_rgb.bias"][0] = torch.nan
    torch.save(content, broken)
    for arguments in (f"fit --ckpt_path {broken}", f"sample {broken}", f"export generator {broken} {tmp_path / 'g'}"):
        assert "NaN or infinite values in generator.to_rgb.bias" in error_of(arguments, capsys)


def test_last_is_the_newest_of_this_run_or_an_error(
    checkpoint: Path, scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = FIT.format(scenes=scenes_folder, steps=3, runs=tmp_path) + " --ckpt_path last"
    assert f"--ckpt_path last: no version of {tmp_path / NAME} has a checkpoints/last.ckpt" in error_of(
        arguments, capsys
    )
    assert "of which run? Give its --config" in error_of("fit --ckpt_path last", capsys)

    for version in (2, 10):
        shutil.copytree(checkpoint.parent, tmp_path / NAME / f"version_{version}" / "checkpoints")
    (tmp_path / NAME / "version_11").mkdir()  # of a run that failed before its first checkpoint
    assert main(arguments.split()) == 0
    assert f"last is {tmp_path / NAME / 'version_10' / 'checkpoints' / 'last.ckpt'}" in capsys.readouterr().out
    continued = torch.load(tmp_path / NAME / "version_12" / "checkpoints" / "last.ckpt", weights_only=True)
    assert continued["global_step"] == 3
    before = torch.load(checkpoint, weights_only=True)
    assert continued["updates"][0] - before["updates"][0] == 4  # one batch more, not three
