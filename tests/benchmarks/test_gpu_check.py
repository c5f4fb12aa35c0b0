"""benchmarks/gpu_check.sh: each kind of stage works on a CPU with --smoke, and a training goes on where it stopped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu_check.sh"
TINY = "--data.image_size 16 --model.width 2 --checkpoint.every 1"


def gpu_check(*arguments: object) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHON": sys.executable, "SMOKE_OPTIONS": TINY, "OMP_NUM_THREADS": "1"}
    return subprocess.run([SCRIPT, *map(str, arguments)], env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_a_training_leaves_its_results(scenes_folder: Path, evaluator_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--data", scenes_folder, "--evaluator", evaluator_file, "--out", out, "--smoke"]
    for _ in range(2):  # the second call continues, and has nothing left to do
        done = gpu_check("cdcgan_iclevr", *options)
        assert done.returncode == 0, done.stderr[-2000:]
    names = {path.name.removeprefix("cdcgan_iclevr_") for path in (out / "results").iterdir()}
    assert names >= {"curves.png", "metrics.csv", "scores.json", "test.png", "new_test.png"}
    assert json.loads((out / "results" / "cdcgan_iclevr_scores.json").read_text())["images_seen"] == 2 * 4


@pytest.mark.slow
def test_the_device_tests_and_the_throughput_run(tmp_path: Path) -> None:
    for stage in ("tests", "throughput"):
        done = gpu_check(stage, "--out", tmp_path, "--systems", "cdcgan", "--smoke")
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "cdcgan" in json.loads((tmp_path / "results" / "throughput.json").read_text())["systems"]


@pytest.mark.parametrize("arguments", [[], ["tests", "--fast"], ["cdcgan_iclevr", "--data"]])
def test_what_it_does_not_understand_it_answers_with_its_usage(arguments: list[str]) -> None:
    done = gpu_check(*arguments)
    assert done.returncode == 2
    assert "benchmarks/gpu_check.sh STAGE --data DIR" in done.stderr
