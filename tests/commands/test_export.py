"""`lit-gans export`: files to hand on, and that a generator file serves like the checkpoint it came from."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import lit_gans
from lit_gans.cli import main
from lit_gans.errors import InputError
from lit_gans.inference.evaluator import load_evaluator


@pytest.fixture(scope="module")
def checkpoint(scenes_folder: Path, evaluator_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a small conditional GAN after some batches."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = f"""fit --config conditional_gan_iclevr --data.root {scenes_folder} --data.image_size 16
        --data.batch_size 8 --model.width 8 --model.patch_size 8 --model.discriminator_width 4 --trainer.max_epochs 1
        --score.evaluator {evaluator_file} --trainer.accelerator cpu --trainer.default_root_dir {folder} --wandb off"""
    assert main(arguments.split()) == 0
    return folder / "conditional_gan_iclevr" / "version_0" / "checkpoints" / "last.ckpt"


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("exported") / "generator.ckpt"
    assert main(["export", "generator", str(checkpoint), str(file)]) == 0
    return file


def test_it_holds_the_averaged_generator_and_no_path_of_this_machine(checkpoint: Path, exported: Path) -> None:
    whole, content = (torch.load(file, weights_only=True) for file in (checkpoint, exported))
    averaged = {k.removeprefix("generator_ema."): v for k, v in whole["state_dict"].items() if "generator_ema" in k}
    assert content["state_dict"].keys() == {f"generator.{name}" for name in averaged}
    assert all(torch.equal(content["state_dict"][f"generator.{name}"], weight) for name, weight in averaged.items())
    assert not content.keys() & {"optimizer_states", "callbacks", "loops"}
    weights = content.pop("state_dict")
    assert weights and "/" not in str(content)


def test_it_draws_what_the_checkpoint_draws(checkpoint: Path, exported: Path) -> None:
    names = [["red cube", "blue sphere"], ["gray cylinder"]]
    expected = lit_gans.load(checkpoint).sample(names, n=2, seed=3)
    for use_ema in (True, False):
        torch.testing.assert_close(lit_gans.load(exported).sample(names, n=2, seed=3, use_ema=use_ema), expected)


def test_it_scores_what_the_checkpoint_scores(
    scenes_folder: Path, checkpoint: Path, exported: Path, evaluator_file: Path, tmp_path: Path
) -> None:
    config = checkpoint.parent.parent / "config.yaml"
    safe = tmp_path / "generator.safetensors"
    assert main(["export", "generator", str(checkpoint), str(safe)]) == 0
    scores = []
    for name, file in (("whole", checkpoint), ("exported", exported), ("safe", safe)):
        arguments = f"""test --config {config} --ckpt_path {file} --score.evaluator {evaluator_file} --score.draws 2
            --trainer.default_root_dir {tmp_path / name}"""
        assert main(arguments.split()) == 0
        scores.append(
            json.loads((tmp_path / name / "conditional_gan_iclevr" / "version_0" / "scores.json").read_text())
        )
    for part in ("object_score", "quality", "images_seen"):
        assert scores[0][part] == scores[1][part] == scores[2][part]


def test_training_does_not_start_from_it(checkpoint: Path, exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = checkpoint.parent.parent / "config.yaml"
    assert main(["fit", "--config", str(config), "--ckpt_path", str(exported), "--trainer.max_epochs", "2"]) == 2
    error = capsys.readouterr().err
    assert "holds weights alone" in error and "run's last.ckpt" in error and "--model.start_from FILE" in error


@pytest.mark.parametrize("command", ["validate", "predict"])
def test_a_safetensors_file_is_a_checkpoint_where_nothing_is_trained(
    command: str, checkpoint: Path, tmp_path: Path
) -> None:
    beside = tmp_path / "run"
    shutil.copytree(checkpoint.parent.parent, beside)
    assert main(["export", "generator", str(checkpoint), str(beside / "generator.safetensors")]) == 0
    arguments = [command, "--ckpt_path", str(beside / "generator.safetensors")]
    assert main([*arguments, "--trainer.default_root_dir", str(tmp_path / "out")]) == 0


def test_a_training_that_begins_with_a_safetensors_file_is_told_how(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    safe, config = tmp_path / "generator.safetensors", checkpoint.parent.parent / "config.yaml"
    assert main(["export", "generator", str(checkpoint), str(safe)]) == 0
    capsys.readouterr()
    fit = ["fit", "--config", str(config), "--trainer.default_root_dir", str(tmp_path)]
    assert main([*fit, "--ckpt_path", str(safe)]) == 2
    error = capsys.readouterr().err
    assert f"--ckpt_path {safe}: holds weights alone" in error and "--model.start_from FILE" in error
    rates = ["--model.lr_generator", "0", "--trainer.max_steps", "1", "--trainer.max_epochs", "-1"]
    assert main([*fit, "--model.start_from", str(safe), *rates]) == 0
    (last,) = tmp_path.rglob("last.ckpt")
    names = [["red cube"]]
    given = lit_gans.load(last).sample(names, seed=1)
    torch.testing.assert_close(given, lit_gans.load(checkpoint).sample(names, seed=1))


def test_missing_weights_are_noticed(exported: Path, tmp_path: Path) -> None:
    content = torch.load(exported, weights_only=True)
    missing = next(iter(content["state_dict"]))
    del content["state_dict"][missing]
    torch.save(content, tmp_path / "damaged.ckpt")
    with pytest.raises(InputError, match=missing):
        lit_gans.load(tmp_path / "damaged.ckpt")


def test_half_an_evaluator_is_half_as_large_and_nearly_the_same(evaluator_file: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.pth"
    assert main(["export", "evaluator", str(evaluator_file), str(half), "--half"]) == 0
    assert half.stat().st_size < 0.51 * evaluator_file.stat().st_size
    images = torch.rand(4, 3, 32, 32) * 2 - 1
    # weights are rounded to 11 bits; the outputs are probabilities
    torch.testing.assert_close(load_evaluator(half)(images), load_evaluator(evaluator_file)(images), rtol=0, atol=5e-3)
