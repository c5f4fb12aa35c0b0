"""benchmarks/ablation.py: one thing at a time, every rung trained and scored, and nothing trained twice."""

import json
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from lit_gans.cli import main

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "ablation.py"
TINY = "--data.image_size 32 --model.width 16 --model.discriminator_width 4 --trainer.accelerator cpu"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import ablation

    return ablation


def test_each_rung_of_the_ladder_adds_to_the_one_below(script: ModuleType) -> None:
    rungs = script.ladder()
    assert rungs[0].config == "cdcgan_iclevr" and not rungs[0].options
    assert {rung.config for rung in rungs[1:]} == {"conditional_gan_iclevr"}
    for below, above in pairwise(rungs[1:]):
        assert above.options[: len(below.options)] == below.options and len(above.options) == len(below.options) + 2


def test_a_rung_is_trained_scored_written_down_and_not_run_again(
    script: ModuleType,
    scenes_folder: Path,
    evaluator_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commands: list[str] = []

    def here(*arguments: str) -> None:
        commands.append(arguments[0])
        assert main(list(arguments)) == 0

    import runs

    monkeypatch.setattr(runs, "lit_gans", here)
    monkeypatch.setattr(script, "BATCH", 4)
    arguments = ["--data", str(scenes_folder), "--evaluator", str(evaluator_file), "--out", str(tmp_path)]
    arguments += ["--images", "8", "--rungs", "6", "--options", TINY]
    script.main(arguments)
    assert commands == ["fit", "test"]
    row = json.loads((tmp_path / "ablation.json").read_text())["6"]
    assert row["images_seen"] == 8 and 0 <= row["test"]["mean"] <= 1
    assert row["evaluators"].keys() == {evaluator_file.name}
    printed = capsys.readouterr().out
    assert f"| + object layers | 8 | {row['test']['mean']:.3f} (sd {row['test']['std']:.3f}) |" in printed

    script.main(arguments)
    assert commands == ["fit", "test"]
