"""Options of the scores under the names of earlier versions."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from lit_gans.commands.arguments import with_configs
from lit_gans.commands.old_options import config_with_new_names, with_new_names


def test_options_on_the_command_line_get_todays_names_and_say_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    args = "--model.evaluator a.pth --model.init_args.draws=3 --model.weights raw --model.evaluator=b.pth".split()
    assert with_new_names(args) == (
        "--score.evaluator a.pth --score.draws=3 --score.use_ema false --score.evaluator=b.pth".split()
    )
    assert capsys.readouterr().out.splitlines() == [
        "--model.evaluator is called --score.evaluator now",
        "--model.draws is called --score.draws now",
        "--model.weights is called --score.use_ema now",
    ]
    assert with_new_names(["--model.drawing", "whole", "--model.lr_drop=0.5"]) == [
        *("--model.architecture", "modulated", "--model.low_res_drop=0.5")
    ]


@pytest.mark.parametrize("args", ["--model.width 4 --data.root raw", "--score.evaluator FILE", "--model.width 3"])
def test_other_options_are_left_alone(args: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert with_new_names(args.split()) == args.split()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("nested", [True, False])
def test_a_config_with_old_names_is_handed_on_with_todays(nested: bool, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"evaluator": "a.pth", "weights": "raw", "lr_generator": "1e-4", "width": 8}
    content = {"model": {"class_path": "CDCGAN", "init_args": options} if nested else options, "score": {"draws": 3}}
    before = copy.deepcopy(content)
    found = config_with_new_names(Path("old.yaml"), content)
    assert content == before and found is not None
    model = found["model"]["init_args"] if nested else found["model"]
    assert model == {"lr_generator": "1e-4", "width": 8}
    assert found["score"] == {"evaluator": "a.pth", "use_ema": False, "draws": 3}
    (line,) = capsys.readouterr().out.splitlines()
    assert line == (
        "old.yaml: written by an earlier version; now model.evaluator is score.evaluator, model.weights is "
        "score.use_ema"
    )


def test_a_model_that_is_settings_of_another_gets_them_before_what_the_user_gives(
    capsys: pytest.CaptureFixture[str],
) -> None:
    args = with_new_names("--model lit_gans.models.wgan.WGAN --model.clip_weights 0.1".split())
    assert args[:2] == ["--model", "DCGAN"] and args[-2:] == ["--model.clip_weights", "0.1"]
    assert {'--model.objective="wgan"', '--model.schedule={"generator_every": 5}'} < set(args)
    assert with_new_names(["--model=WGAN"]) == with_new_names(["--model", "WGAN"])
    options = {"clip_weights": 0.1, "schedule": None, "draws": 3}
    found = config_with_new_names(Path("old.yaml"), {"model": {"class_path": "x.WGAN", "init_args": options}})
    assert found is not None and found["score"] == {"draws": 3}
    assert found["model"]["class_path"] == "lit_gans.models.dcgan.DCGAN"
    own = found["model"]["init_args"]
    assert (own["clip_weights"], own["schedule"], own["norm"]) == (0.1, {"generator_every": 5}, "none")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "--model WGAN is DCGAN with other settings now"
    assert lines[-1].endswith("now WGAN is DCGAN with other settings, model.draws is score.draws")


@pytest.mark.parametrize("content", [{"model": {"width": 8}}, {"model": "CDCGAN"}, {}, {"model": {"init_args": None}}])
def test_other_configs_are_left_alone(content: dict[str, Any]) -> None:
    assert config_with_new_names(Path("config.yaml"), content) is None


def test_a_run_of_an_earlier_version_is_started_again_with_what_the_other_ranks_are_given(tmp_path: Path) -> None:
    """Lightning starts them with the arguments that this process was left with."""
    (tmp_path / "old.yaml").write_text("model: {class_path: CDCGAN, init_args: {draws: 3, lr_generator: 1e-4}}")
    args = with_configs(["--config", str(tmp_path / "old.yaml"), "--data.root", "DIR"])
    assert json.loads(args[args.index("--config") + 1])["score"] == {"draws": 3}
    assert with_configs(args) == args
