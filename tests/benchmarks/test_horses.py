"""benchmarks/horses.py: every arm is a change that the config takes, and two of them go from training to the table."""

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml

from lit_gans.cli import main
from lit_gans.configs import find_config
from lit_gans.networks.evaluator import EvaluatorNetwork

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "horses.py"
TINY = "--data.image_size 24 --data.load_size 30 --data.batch_size 4 --model.width 2 --model.blocks 1"
TINY += " --model.projected 32 --model.discriminator_width 2 --model.pool_size 2"
TINY += " --trainer.max_steps 2 --trainer.accelerator cpu"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import horses
    import runs

    monkeypatch.setattr(runs, "lit_gans", lambda *arguments: main(list(arguments)))
    return horses


@pytest.mark.slow
def test_every_arm_changes_the_config(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    seen = []
    for name, options in script.ARMS.items():
        assert main(["fit", "--config", "cyclegan_horse2zebra_cpu", *options, "--print_config"]) == 0, name
        printed = yaml.safe_load(capsys.readouterr().out)
        seen.append(json.dumps([printed["model"], printed["data"]], sort_keys=True))
    assert len(set(seen)) == len(script.ARMS)


@pytest.mark.slow
def test_arms_are_trained_and_judged_and_nothing_twice(
    script: ModuleType, animals_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = tmp_path / "judge.pth"
    torch.save({"model": EvaluatorNetwork(2, 4).state_dict()}, judge)
    monkeypatch.setattr(script, "DIRECTIONS", {"a2b": "B", "b2a": "A"})
    monkeypatch.setattr(script, "ARMS", {name: script.ARMS[name] for name in ("the config", "no average")})
    given = ["--data", str(animals_folder), "--evaluator", str(judge), "--seeds", "3", "--size", "32"]
    given += ["--out", str(tmp_path / "out"), "--options", TINY, "--minutes", "60"]
    script.main(given)
    rows = json.loads((tmp_path / "out" / "horses.json").read_text())
    row = rows["no average, seed 3"]
    assert len(rows) == 2 and (row["arm"], row["seed"], row["images_seen"]) == ("no average", 3, 16)
    assert set(row["a2b"]["called"]) == {"original", "translated", "cycled"}
    assert len((tmp_path / "out" / "horses.md").read_text().splitlines()) == 4
    monkeypatch.setattr(script, "train_and_score", lambda *_: pytest.fail("trained twice"))
    script.main(given)


def test_whole_test_pictures_have_the_scale_of_the_cuts() -> None:
    data = yaml.safe_load(find_config("cyclegan_horse2zebra_cpu").read_text())["data"]["init_args"]
    assert data["eval_size"] == data["load_size"] > data["image_size"]
