"""benchmarks/anime_table.py: matched trainings, several seeds a line, and nothing trained twice."""

import json
import re
from argparse import Namespace
from inspect import signature
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from lightning.pytorch.callbacks import Timer
from PIL import Image

import lit_gans
from lit_gans.cli import main
from lit_gans.configs import find_config
from lit_gans.models.gan import GAN

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "anime_table.py"
TINY = "--data.image_size 16 --data.batch_size 4 --model.width 4 --trainer.accelerator cpu --data.val_fraction 0.2"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import anime_table

    return anime_table


def test_every_loss_is_a_config(script: ModuleType) -> None:
    for entry in script.LOSSES:
        assert find_config(entry.config).is_file()


def test_every_tip_is_departed_from_once_in_hyperparameters_that_are_not_the_dcgans_own(script: ModuleType) -> None:
    parameters = [*signature(GAN.__init__).parameters.values(), *signature(lit_gans.DCGAN).parameters.values()]
    own = {parameter.name: parameter.default for parameter in parameters}
    own |= yaml.safe_load(find_config("dcgan_anime").read_text())["model"]["init_args"]
    shared, *departures = script.TIPS
    assert (shared.config, shared.options) == ("dcgan_anime", script.NO_AVERAGE)
    for entry in departures:
        kind, number = re.fullmatch(r"(with|without) tip (\d+)", entry.name).groups()
        assert (kind == "without") == (int(number) in script.FOLLOWED)
        assert entry.config == "dcgan_anime" and entry.options[2:] == script.NO_AVERAGE
        assert entry.options[:2] == ("--config", f"tips/tip_{int(number):02d}")
        overlay = yaml.safe_load(find_config(entry.options[1]).read_text())
        assert overlay.keys() == {"model"} and overlay["model"].keys() == {"init_args"}
        assert all(own[name] != value for name, value in overlay["model"]["init_args"].items())
    assert len({entry.options for entry in departures}) == 10


def test_each_system_gets_the_same_generator_updates_and_seeds_share_a_line(
    script: ModuleType,
    faces_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import runs

    commands: list[str] = []

    def here(*arguments: str) -> None:
        commands.append(arguments[0])
        assert main(list(arguments)) == 0

    monkeypatch.setattr(runs, "lit_gans", here)
    arguments = ["--data", str(faces_folder), "--updates", "2", "--out", str(tmp_path), "--options", TINY]
    script.main([*arguments, "--only", "WGAN-GP,recipe", "--seeds", "0,1"])
    assert commands == ["fit", "test"] * 4
    rows = json.loads((tmp_path / "losses.json").read_text())
    assert {row["images_seen"] for row in rows.values() if row["system"] == "WGAN-GP"} == {2 * 5 * 4}
    assert {row["images_seen"] for row in rows.values() if row["system"] == "recipe"} == {2 * 4}
    first, second = (rows[f"recipe seed {seed}"]["quality"]["frechet_distance"] for seed in (0, 1))
    printed = capsys.readouterr().out
    assert f"| {(first + second) / 2:.3f} (sd {abs(first - second) / 2**0.5:.3f}) |" in printed
    assert "Extractor random-conv-v1, no resizing, 16x16 px, 19 real and 19 generated pictures" in printed
    with Image.open(tmp_path / "losses.png") as grids:  # two systems by two seeds, each a grid of 5 by 5
        assert grids.height > 2 * 5 * 16 and grids.width > 2 * 5 * 16

    script.main([*arguments, "--only", "WGAN-GP,recipe", "--seeds", "0,1"])
    assert len(commands) == 8

    (tmp_path / "recipe_seed1_test" / "version_0" / "samples.png").unlink()
    with pytest.raises(SystemExit, match=r"recipe_seed1_test: its samples\.png is gone"):
        script.main([*arguments, "--only", "WGAN-GP,recipe", "--seeds", "0,1"])


def test_equal_minutes_and_equal_batches_end_a_critics_training_where_they_end_any_other(script: ModuleType) -> None:
    dcgan, critic = (next(entry for entry in script.LOSSES if entry.name == name) for name in ("DCGAN", "WGAN-GP"))
    ends = {"updates": 7, "minutes": None, "batches": None}
    budgets = [
        [script.budget(e, Namespace(**(ends | given))) for e in (dcgan, critic)]
        for given in ({}, {"minutes": 90}, {"batches": 7})
    ]
    steps = "--trainer.max_steps"
    assert budgets[0] == [[steps, "7"], [steps, "35"]]
    assert budgets[1] == [[steps, "-1", "--trainer.max_time", "00:01:30:00"]] * 2
    assert budgets[2] == [[steps, "7"]] * 2


@pytest.mark.parametrize("minutes", [5, 60, 240])
def test_minutes_are_a_time_that_the_trainer_takes(script: ModuleType, minutes: int) -> None:
    given = Namespace(updates=7, minutes=minutes, batches=None)
    assert Timer(script.budget(script.LOSSES[0], given)[-1])._duration == 60 * minutes


def test_an_unknown_system_is_named(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        script.main(["--data", str(tmp_path), "--only", "DCGAN,BEGAN"])
    assert "no system is called BEGAN" in capsys.readouterr().err


def test_a_missing_cascade_stops_it_before_anything_is_trained(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        script.main(["--data", str(tmp_path), "--cascade", str(tmp_path / "none.xml"), "--out", str(tmp_path / "out")])
    assert "none.xml: no such file" in capsys.readouterr().err and not (tmp_path / "out").exists()
