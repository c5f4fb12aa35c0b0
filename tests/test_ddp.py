"""Several processes train the model that one process with the union batch trains."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

WORKER = Path(__file__).parent / "ddp_worker.py"


def train(data: Path, out: Path, *, devices: int, batch_size: int, options: tuple[str, ...] = ()) -> dict[str, Any]:
    out.mkdir()
    command = [sys.executable, str(WORKER), str(data), str(out), "--devices", str(devices)]
    command += ["--batch-size", str(batch_size), *options]
    result = subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    state: dict[str, Any] = torch.load(out / "weights.pt", weights_only=True)
    return state


def test_two_processes_equal_one_on_the_union_batch(scenes_folder: Path, tmp_path: Path) -> None:
    """Four generator updates and one discriminator update a batch, EMA and flips included, for 9 batches."""
    two = train(scenes_folder, tmp_path / "two", devices=2, batch_size=4)
    one = train(scenes_folder, tmp_path / "one", devices=1, batch_size=8)
    assert two["images_seen"] == one["images_seen"] == 9 * 8
    for name, weight in one["weights"].items():
        # Adam divides by gradients near zero, so rounding in the all-reduce shows; measured 5e-8 to 1e-6
        torch.testing.assert_close(two["weights"][name], weight, rtol=0, atol=2e-5, msg=lambda m, n=name: f"{n}: {m}")


def test_batchnorm_statistics_are_equal_on_all_ranks_in_validation(scenes_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "two"
    train(scenes_folder, out, devices=2, batch_size=4, options=("--batchnorm",))
    ranks = [torch.load(out / f"buffers_{rank}.pt", weights_only=True) for rank in (0, 1)]
    compared = [name for name in ranks[0] if "running" in name]
    assert compared
    for name in compared:
        assert torch.equal(ranks[0][name], ranks[1][name]), name
        assert not torch.equal(ranks[0][name], torch.zeros_like(ranks[0][name])), f"{name} was never updated"


def test_several_devices_train_from_the_command_line_without_an_overlay(scenes_folder: Path, tmp_path: Path) -> None:
    arguments = [
        *"fit --config cdcgan_iclevr --trainer.accelerator cpu --wandb off".split(),
        *"--trainer.devices 2 --trainer.max_steps 3 --model.width 2 --data.image_size 16".split(),
        *f"--data.batch_size 4 --trainer.log_every_n_steps 1 --trainer.default_root_dir {tmp_path}".split(),
        *f"--data.root {scenes_folder}".split(),
    ]
    result = subprocess.run(
        [sys.executable, "-m", "lit_gans", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    run = tmp_path / "cdcgan_iclevr" / "version_0"
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 3
    assert checkpoint["lit_gans"]["images_seen"] == 3 * 4 * 2
    assert (run / "samples" / "0000003.png").is_file()
