"""benchmarks/startup.py, run whole on a tiny network."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "startup.py"
TINY = "--rounds 1 --images 12 --batch-size 4 --image-size 16 --model width=4"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import startup

    return startup


@pytest.mark.slow
def test_the_json_holds_every_round_and_the_medians_beside_the_goals(tmp_path: Path) -> None:
    out = tmp_path / "startup.json"
    done = subprocess.run(
        [sys.executable, SCRIPT, *TINY.split(), "--out", out], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "first step" in done.stdout and "< 10" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["startup.json"]

    content = json.loads(out.read_text())
    assert content["command"] == (
        "python benchmarks/startup.py --device cpu --system cdcgan --images 12 --out startup.json --rounds 1 "
        "--batch-size 4 --image-size 16 --model width=4"
    )
    assert content["machine"]["cores"] >= 1 and content["batch_size"] == 4
    (row,) = content["rounds"]
    assert content["seconds"] == row and row.keys() == {*content["goals"], "torch"}
    (used,) = content["processor_rounds"]
    assert content["processor_seconds"] == used and used.keys() == row.keys()
    # torch and Lightning are loaded before the first step, and by no help
    assert 0 < used["help"] < used["torch"] < used["first step"] and 0 < used["bare"] < used["torch"]


def test_everything_runs_once_untimed_and_the_rounds_take_turns(script: ModuleType) -> None:
    calls: list[str] = []

    def work(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    rows, processor = script.measure({"a": lambda: work("a"), "b": lambda: work("b")}, 2)
    assert "".join(calls) == "ab" * 3
    assert rows == [{"a": 3.0, "b": 4.0}, {"a": 5.0, "b": 6.0}]
    assert processor == [{"a": 0.0, "b": 0.0}] * 2  # these start no process
    assert script.medians_of(rows) == {"a": 4.0, "b": 5.0}


def test_a_command_that_fails_stops_the_measurement_with_its_message(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="broken"):
        script.seconds_of([sys.executable, "-c", "raise ValueError('broken')"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--system", "biggan", "--out", "startup.json"], "invalid choice: 'biggan'"),
        (["--rounds", "0", "--out", "startup.json"], "must be at least 1"),
        (["--out", "nowhere/startup.json"], "its folder does not exist"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    script: ModuleType, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        script.main(options)
    assert message in capsys.readouterr().err
