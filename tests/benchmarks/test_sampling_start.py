"""benchmarks/sampling_start.py, run whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.slow
def test_it_measures_both_and_says_whether_the_goal_is_reached(tmp_path: Path) -> None:
    script = REPOSITORY / "benchmarks" / "sampling_start.py"
    options = [
        "conditional_gan_iclevr",
        "--condition",
        "red cube",
        "--n",
        "1",
        "--rounds",
        "1",
        "--out",
        tmp_path / "start.json",
    ]
    done = subprocess.run([sys.executable, script, *options], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "start.json").read_text())
    seconds = content["user_seconds"]
    assert min(seconds["import torch"], seconds["sample"]) > 0
    assert content["goal"] == pytest.approx(1.3 * seconds["import torch"] + 1)
    assert ("reached" in done.stdout) == (seconds["sample"] <= content["goal"])
