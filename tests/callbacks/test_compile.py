"""`--compile.mode`: the same training through torch.compile."""

from pathlib import Path
from typing import Any

import pytest
import torch
from systems import SYSTEM
from torch import Tensor

from lit_gans.cli import main
from lit_gans.models.base import ImageModel


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the networks that were compiled since."""
    names: list[str] = []
    compile_ = torch.nn.Module.compile

    def noting(module: torch.nn.Module, *args: Any, **kwargs: Any) -> None:
        names.append(type(module).__name__)
        compile_(module, *args, **kwargs)

    monkeypatch.setattr(torch.nn.Module, "compile", noting)
    torch._dynamo.reset()
    return names


def weights_after(steps: int, name: str, folder: Path, runs: Path, *options: str) -> dict[str, Tensor]:
    arguments = f"""fit --config {name} --data.root {folder} {SYSTEM[name][1]} --data.batch_size 4
        --trainer.max_steps {steps} --trainer.accelerator cpu --trainer.devices 1 --trainer.precision 32-true
        --trainer.limit_val_batches 0 --trainer.default_root_dir {runs} --wandb off --samples.every 1000"""
    assert main([*arguments.split(), *options]) == 0
    file = runs / name / "version_0" / "checkpoints" / "last.ckpt"
    state: dict[str, Tensor] = torch.load(file, weights_only=True)["state_dict"]
    return state


@pytest.mark.parametrize(
    "name",
    [
        "cdcgan_iclevr",
        "wgan_gp_anime",  # differentiates its critic twice, which a compiled one does not allow
        pytest.param("conditional_gan_iclevr", marks=pytest.mark.slow),
        pytest.param("cyclegan_horse2zebra", marks=pytest.mark.slow),
    ],
)
def test_a_compiled_training_is_the_same_training(
    name: str, tmp_path: Path, request: pytest.FixtureRequest, compiled: list[str]
) -> None:
    """Dynamo alone changes no bit; names in the checkpoint stay."""
    folder = request.getfixturevalue(SYSTEM[name][0])
    plain = weights_after(2, name, folder, tmp_path / "plain")
    assert not compiled
    through = weights_after(
        2, name, folder, tmp_path / "compiled", "--compile.mode", "default", "--compile.backend", "eager"
    )
    assert compiled
    assert plain.keys() == through.keys()
    for key in plain:
        torch.testing.assert_close(through[key], plain[key], rtol=0, atol=0, msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cdcgan_iclevr", "wgan_gp_anime"])
def test_through_inductor_the_weights_agree_up_to_rounding(
    name: str, tmp_path: Path, request: pytest.FixtureRequest, compiled: list[str]
) -> None:
    folder = request.getfixturevalue(SYSTEM[name][0])
    plain = weights_after(1, name, folder, tmp_path / "plain")
    through = weights_after(1, name, folder, tmp_path / "compiled", "--compile.mode", "default")
    assert compiled
    for key in plain:
        # Adam's first step is the learning rate times a sign, whatever the size of the gradient
        torch.testing.assert_close(through[key], plain[key], rtol=1e-3, atol=2.1e-3, msg=key)


def test_a_model_without_anything_to_compile_says_so(
    scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, tiny = SYSTEM["flow_iclevr"]
    arguments = f"""fit --config flow_iclevr --data.root {scenes_folder} {tiny} --trainer.max_steps 1
        --trainer.accelerator cpu --trainer.default_root_dir {tmp_path} --wandb off --compile.mode default"""
    assert main(arguments.split()) == 2
    assert "ConditionalFlow has nothing to compile" in capsys.readouterr().err


def test_nothing_is_compiled_that_does_not_say_so() -> None:
    assert ImageModel().compilable() == []
