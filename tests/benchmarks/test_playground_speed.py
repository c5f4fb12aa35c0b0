"""benchmarks/playground_speed.py, run whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.slow
def test_it_measures_the_page_and_the_wheel(tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="the extra playground is not installed")
    script = REPOSITORY / "benchmarks" / "playground_speed.py"
    command = [sys.executable, script, "--draws", "1", "--out", tmp_path / "playground.json"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seconds = json.loads((tmp_path / "playground.json").read_text())["seconds"]
    assert seconds.keys() == {"ready", "first draw", "draw", "wheel"}
    assert all(both["wall"] > 0 and both["cpu"] >= 0 for both in seconds.values())
    assert done.stdout.count("goal") == 3
