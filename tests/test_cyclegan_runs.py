"""CycleGAN from the command line: a run goes on bit for bit, processes equal one, a test reports both directions."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lit_gans.cli import main
from lit_gans.models.cyclegan import CycleGAN

# 6 pictures of either kind: 3 batches of 2 an epoch, so that batch 13 is the first of the fifth epoch
STEPS_BEFORE, STEPS, POOL = 13, 20, 5


def arguments(animals: Path, runs: Path, *more: str) -> list[str]:
    networks = "--model.width 2 --model.blocks 1 --model.discriminator_width 2 --model.discriminator_layers 2"
    data = f"--data.image_size 20 --data.load_size 24 --data.batch_size 2 --model.pool_size {POOL} --wandb off"
    trainer = f"--trainer.accelerator cpu --trainer.default_root_dir {runs} --trainer.max_steps {STEPS}"
    config = ["fit", "--config", "cyclegan_horse2zebra", "--data.root", str(animals)]
    return [*config, *f"{networks} {data} {trainer} --samples.every 1000".split(), *more]


def last_checkpoint(runs: Path) -> Path:
    return runs / "cyclegan_horse2zebra" / "version_0" / "checkpoints" / "last.ckpt"


@pytest.fixture(scope="module")
def run(animals_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The runs folder of a whole training, and a copy of the checkpoint it wrote in the middle."""
    runs = tmp_path_factory.mktemp("runs")
    half = runs / "half.ckpt"
    original = CycleGAN.on_train_batch_start

    def copying(self: CycleGAN, batch: object, batch_idx: int) -> None:
        if self.global_step == STEPS_BEFORE:
            shutil.copy(last_checkpoint(runs), half)
        original(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CycleGAN, "on_train_batch_start", copying)
        assert main(arguments(animals_folder, runs, "--checkpoint.every", str(STEPS_BEFORE))) == 0
    return runs, half


def same(left: object, right: object) -> bool:
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)  # type: ignore[arg-type]
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)  # type: ignore[attr-defined, index]
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))  # type: ignore[arg-type]
    return left == right


def test_a_resumed_run_equals_the_uninterrupted_one_with_pools_and_decay(
    animals_folder: Path, run: tuple[Path, Path], tmp_path: Path
) -> None:
    runs, half = run
    before = torch.load(half, weights_only=True)
    assert before["global_step"] == STEPS_BEFORE
    assert before["pools"]["a"]["images"].shape == before["pools"]["b"]["images"].shape == (POOL, 3, 20, 20)
    assert main(arguments(animals_folder, tmp_path, "--ckpt_path", str(half))) == 0
    one, two = (torch.load(last_checkpoint(folder), weights_only=True) for folder in (runs, tmp_path))
    for key in ("state_dict", "optimizer_states", "pools", "lit_gans", "global_step", "epoch"):
        assert same(one[key], two[key]), key
        assert key == "epoch" or not same(one[key], before[key]), f"{key} could not have told the runs apart"
    rates = [state["param_groups"][0]["lr"] for state in one["optimizer_states"]]
    assert rates == [pytest.approx(2e-4 * 0.1)] * 2  # the last of ten batches of decay


@pytest.mark.slow  # three processes load torch
def test_two_processes_equal_one_on_the_union_batch(
    animals_folder: Path, run: tuple[Path, Path], tmp_path: Path
) -> None:
    both = "--trainer.max_steps 8 --trainer.precision 32-true".split()
    assert main(arguments(animals_folder, tmp_path / "one", *both)) == 0
    more = "--config trainer/ddp --trainer.devices 2 --data.batch_size 1 --trainer.accelerator cpu".split()
    two = arguments(animals_folder, tmp_path / "two", *more, *both)
    result = subprocess.run(
        [sys.executable, "-m", "lit_gans", *two],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    whole, parts = (torch.load(last_checkpoint(tmp_path / name), weights_only=True) for name in ("one", "two"))
    assert whole["lit_gans"]["images_seen"] == parts["lit_gans"]["images_seen"] == 8 * 4
    for name, weight in whole["state_dict"].items():
        # a bias before an instance norm has no effect, and its gradient is nothing but rounding
        if name.endswith("weight"):
            torch.testing.assert_close(parts["state_dict"][name], weight, rtol=0, atol=1e-4, msg=name)
    for domain in "ab":
        images = [checkpoint["pools"][domain]["images"] for checkpoint in (whole, parts)]
        torch.testing.assert_close(*images, rtol=0, atol=1e-3)


def test_a_test_reports_both_directions_and_draws_them(
    run: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["test", "--ckpt_path", str(last_checkpoint(run[0])), "--trainer.default_root_dir", str(tmp_path)]
    assert main(command) == 0
    folder = tmp_path / "cyclegan_horse2zebra" / "version_0"
    scores = json.loads((folder / "scores.json").read_text())
    for direction in ("a2b", "b2a"):
        report = scores["translation"][direction]
        assert report["extractor"] == "random-conv-v1"
        assert (report["real"], report["fake"]) == (3, 3)
        assert report["frechet_distance"] > 0 and set(report["kernel_distance"]) == {"mean", "std"}
        assert 0 < report["cycle_l1"] < 2
        picture = np.asarray(Image.open(folder / f"{direction}.png"))
        assert picture.shape == (3 * 22 + 2, 3 * 22 + 2, 3)  # three pictures of 20 px in each of three rows
    assert scores["images_seen"] == STEPS * 4
    printed = capsys.readouterr().out
    for direction in ("a2b", "b2a"):
        assert re.search(rf"{direction}: cycle L1 {scores['translation'][direction]['cycle_l1']:.4f}", printed)
    assert printed.count("extractor random-conv-v1, no resizing, 20x20 px, 3 real and 3 generated") == 2


def test_the_report_is_that_of_the_pictures_themselves(
    animals_folder: Path, run: tuple[Path, Path], tmp_path: Path
) -> None:
    """Cycle L1, computed here from the files alone."""
    import lit_gans

    command = ["test", "--ckpt_path", str(last_checkpoint(run[0])), "--trainer.default_root_dir", str(tmp_path)]
    assert main([*command, "--data.image_size", "24", "--data.eval_batch_size", "2"]) == 0
    scores = json.loads((tmp_path / "cyclegan_horse2zebra" / "version_0" / "scores.json").read_text())
    model = lit_gans.load(last_checkpoint(run[0]))
    for folder, there, back in (("testA", "a2b", "b2a"), ("testB", "b2a", "a2b")):
        pixels = [np.asarray(Image.open(file)) for file in sorted((animals_folder / folder).iterdir())]
        images = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2) / 127.5 - 1
        error = (model.translate(model.translate(images, there), back) - images).abs().mean().item()
        assert scores["translation"][there]["cycle_l1"] == pytest.approx(error, abs=1e-5)


def test_predict_says_what_to_use_instead(run: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "--ckpt_path", str(last_checkpoint(run[0]))]) == 2
    assert "lit-gans translate" in capsys.readouterr().err


def test_sample_grids_hold_three_rows_for_each_domain(run: tuple[Path, Path]) -> None:
    picture = Image.open(run[0] / "cyclegan_horse2zebra" / "version_0" / "samples" / f"{STEPS:07d}.png")
    assert picture.size == (8 * 22 + 2, 6 * 22 + 2)
