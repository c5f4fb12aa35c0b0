"""The stages of `make demo`: after Ctrl-C it goes on with the one that was stopped, from the newest checkpoint.

A shell script stands for `lit-gans`, so that the Makefile alone is tried; test_readme.py runs the demo itself.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix" or not shutil.which("make"), reason="the system has no make")
REPOSITORY = Path(__file__).parent.parent
LIT_GANS = """#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
for last; do :; done
ckpt="$DEMO/gan/version_$(ls "$DEMO/gan" 2>/dev/null | wc -l | tr -d ' ')/checkpoints/last.ckpt"
if [ "$1" = fit ]; then mkdir -p "${ckpt%/*}"; : > "$ckpt"; fi  # Ctrl-C leaves one too
if [ "$1" = "$STOP" ]; then kill -INT 0; exit 130; fi
case "$1" in
sample) : > "$last";;
data) mkdir -p "$3"; : > "$3/train.json";;
esac
"""


def demo(folder: Path, stop: str = "none") -> tuple[int, list[list[str]], str]:
    """Exit code, what was called, and what was printed; `stop`: the command during which Ctrl-C comes."""
    script, calls, out = folder / ".venv" / "bin" / "lit-gans", folder / "calls", folder / "runs" / "demo"
    for made in (script.parent, out):
        made.mkdir(parents=True, exist_ok=True)
    script.write_text(LIT_GANS)
    script.chmod(0o755)
    for file in ("Makefile", "pyproject.toml"):
        shutil.copyfile(REPOSITORY / file, folder / file)
    (folder / ".venv" / "installed").touch()
    calls.unlink(missing_ok=True)
    environment = {**os.environ, "CALLS": str(calls), "DEMO": "runs/demo", "STOP": stop}
    done = subprocess.run(
        ["make", "demo"], cwd=folder, env=environment, capture_output=True, text=True, start_new_session=True
    )
    return done.returncode, [line.split() for line in calls.read_text().splitlines()], done.stdout


@pytest.mark.parametrize("stop", ["sample", "data", "fit", "test"])
def test_after_ctrl_c_it_goes_on_with_the_stage_that_was_stopped(stop: str, tmp_path: Path) -> None:
    stages = ["sample", "data", "fit", "test", "sample"]
    code, calls, _ = demo(tmp_path, stop)
    assert code != 0
    assert [call[0] for call in calls] == stages[: stages.index(stop) + 1]
    code, calls, printed = demo(tmp_path)
    assert code == 0
    assert [call[0] for call in calls] == stages[stages.index(stop) :]
    assert (stop == "fit") == ("Going on from" in printed) and (stop == "test") == ("Trained already" in printed)


def test_it_takes_the_newest_checkpoint_by_its_number(tmp_path: Path) -> None:
    assert demo(tmp_path)[0] == 0
    runs = tmp_path / "runs" / "demo" / "gan"
    files = [runs / f"version_{number}" / "checkpoints" / "last.ckpt" for number in (10, 9, 2)]
    for file in files:  # the oldest is written last
        file.parent.mkdir(parents=True)
        file.touch()
    (runs / "version_11").mkdir()  # stopped before its first checkpoint
    code, calls, _ = demo(tmp_path)
    assert code == 0
    assert [call[0] for call in calls] == ["test", "sample"]
    test, sample = calls
    assert test[test.index("--ckpt_path") + 1] == sample[1] == str(files[0].relative_to(tmp_path))
