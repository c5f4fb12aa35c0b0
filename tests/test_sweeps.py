"""`configs/sweeps/*.yaml`: two points of each are trained, as W&B's agent starts them."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from systems import SYSTEM

from lit_gans.callbacks.checkpoints import MEASURES
from lit_gans.cli import main
from lit_gans.configs import HOMES

SWEEPS = sorted((HOMES[1] / "sweeps").glob("*.yaml"))


def points(parameters: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """A point with the first, and one with the last value of each parameter."""

    def ends(one: dict[str, Any]) -> tuple[Any, Any]:
        values = one.get("values") or ([one["value"]] if "value" in one else [one["min"], one["max"]])
        return values[0], values[-1]

    return [{name: ends(one)[i] for name, one in parameters.items()} for i in (0, 1)]


@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_two_points_of_a_sweep_train_and_measure_what_it_asks_for(
    file: Path, pictures_folder: Path, tmp_path: Path
) -> None:
    sweep = yaml.safe_load(file.read_text())
    metric = sweep["metric"]
    assert metric["goal"] == ("maximize" if MEASURES[metric["name"]] > 0 else "minimize")
    program, *command = sweep["command"]
    assert program == sweep["program"] == "lit-gans" and command.count("${args}") == 1
    config = command[command.index("--config") + 1]
    options = f"""{SYSTEM[config][1]} --data.root {pictures_folder} --data.batch_size 4 --trainer.max_steps 1
        --trainer.val_check_interval 1 --trainer.accelerator cpu --data.val_fraction 0.25 --wandb off
        --trainer.log_every_n_steps 1""".split()
    small = list(zip(options[::2], options[1::2], strict=True))
    for number, point in enumerate(points(sweep["parameters"])):
        args = [f"--{name}={value}" for name, value in point.items()]  # as the agent writes them
        words = [word for part in command for word in (args if part == "${args}" else [part])]
        tiny = [word for name, value in small if name.removeprefix("--") not in point for word in (name, value)]
        assert main([*words, *tiny, "--trainer.default_root_dir", str(tmp_path / str(number))]) == 0
        run = tmp_path / str(number) / config / "version_0"
        assert metric["name"] in (run / "metrics.csv").read_text().splitlines()[0].split(",")
        used = yaml.safe_load((run / "config.yaml").read_text())
        for name, value in point.items():
            assert used["model"]["init_args"][name.removeprefix("model.")] == value
