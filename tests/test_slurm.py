"""The overlay for SLURM, under what SLURM tells a process, and the batch file, with a cluster of two shell scripts."""

import os
import subprocess
from pathlib import Path

import pytest
from processes import exit_code
from systems import SYSTEM

from lit_gans.cli import main
from lit_gans.configs import find_config

SBATCH = find_config("trainer/slurm").with_suffix(".sbatch")
JOB = {"JOB_ID": "7", "JOB_NAME": "lit_gans", "NTASKS": "1", "NTASKS_PER_NODE": "1", "PROCID": "0"}
JOB |= {"LOCALID": "0", "NODEID": "0", "NODELIST": "localhost", "JOB_NODELIST": "localhost"}


def test_the_overlay_trains_as_a_task_of_slurm(
    scenes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in JOB.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    words = f"""fit --config cdcgan_iclevr --config trainer/slurm --data.root {scenes_folder} --data.batch_size 4
        {SYSTEM["cdcgan_iclevr"][1]} --trainer.accelerator cpu --trainer.devices 1 --trainer.max_steps 2
        --trainer.limit_val_batches 0 --trainer.default_root_dir {tmp_path} --wandb off"""
    assert exit_code(main, words.split()) == 0
    assert (tmp_path / "cdcgan_iclevr" / "version_0" / "checkpoints" / "last.ckpt").is_file()


@pytest.mark.parametrize(("ends_with", "requeued"), [(0, False), (1, False), (143, True)])
def test_the_batch_file_requeues_a_run_that_its_time_limit_has_stopped_and_goes_on_from_its_newest_checkpoint(
    ends_with: int, requeued: bool, tmp_path: Path
) -> None:
    cluster = tmp_path / "bin"
    cluster.mkdir()
    for name, code in (("srun", ends_with), ("scontrol", 0)):
        (cluster / name).write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path / name}\nexit {code}\n')
        (cluster / name).chmod(0o755)
    newest = tmp_path / "my runs" / "mine" / "version_1" / "checkpoints" / "last.ckpt"
    for number, version in enumerate(("version_0", "version_1")):
        file = newest.parents[2] / version / "checkpoints" / "last.ckpt"
        file.parent.mkdir(parents=True)
        file.touch()
        os.utime(file, (number, number))
    env = {"PATH": f"{cluster}:{os.environ['PATH']}", "SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "2"}
    env |= {"RUN_NAME": "mine", "RUNS": str(tmp_path / "my runs")}
    done = subprocess.run(["bash", str(SBATCH), "--config", "dcgan", "--data.root", "a b"], env=env, check=False)
    assert done.returncode == ends_with
    words = (tmp_path / "srun").read_text().splitlines()
    assert words[:7] == ["lit-gans", "fit", "--config", "dcgan", "--data.root", "a b", "--config"]
    given = dict(zip(words[6::2], words[7::2], strict=True))
    assert given["--ckpt_path"] == str(newest) and given["--run_name"] == "mine"
    assert given["--config"] == "trainer/slurm" and given["--trainer.num_nodes"] == "2"
    assert (tmp_path / "scontrol").exists() == requeued
    if requeued:
        assert (tmp_path / "scontrol").read_text().split() == ["requeue", "7"]
