"""Checkpoints of commit 39de994 still load, draw what they drew, and training goes on from them; see old_checkpoints/.

The files are those of that commit and never change. Where a method or an option gets another name, this file follows.
"""

import lzma
from pathlib import Path

import numpy as np
import pytest
import torch
from outputs import outputs

import lit_gans
from lit_gans.cli import main
from lit_gans.old_names import model_of_today

FOLDER = Path(__file__).parent / "old_checkpoints"
NAMES = sorted(file.name.removesuffix(".ckpt.xz") for file in FOLDER.glob("*.xz"))
EXPECTED = np.load(FOLDER / "expected.npz")
# Rounding errors of float32 in networks of some ten layers, as a share of the largest value. Ten times what other
# instruction sets gave; a thousandth of what another order of weights, classes or noise would.
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folders `<name>/` with their `last.ckpt` and `config.yaml`."""
    folder = tmp_path_factory.mktemp("old_checkpoints")
    for name in NAMES:
        (folder / name).mkdir()
        (folder / name / "last.ckpt").write_bytes(lzma.decompress((FOLDER / f"{name}.ckpt.xz").read_bytes()))
        (folder / name / "config.yaml").write_bytes((FOLDER / f"{name}.yaml").read_bytes())
    return folder


def test_every_model_of_that_commit_is_here() -> None:
    classes = {torch_file_class(name) for name in NAMES}
    assert classes == {
        *("CDCGAN", "ConditionalGAN", "ConditionalFlow", "CycleGAN", "Evaluator", "DCGAN", "LSGAN", "TagDCGAN"),
        *("WGAN", "WGANGP"),
    }


def torch_file_class(name: str) -> str:
    """The last part of the model's class_path in its config."""
    lines = (FOLDER / f"{name}.yaml").read_text().splitlines()
    return next(line for line in lines if line.startswith("  class_path: lit_gans")).rsplit(".", 1)[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_model_gives_what_it_gave(name: str, checkpoints: Path) -> None:
    model, trained = (
        lit_gans.load(checkpoints / name / "last.ckpt", lightning=lightning) for lightning in (False, True)
    )
    assert model.model_name == type(trained).__name__ == model_of_today(torch_file_class(name))
    # two batches of 4, of either domain
    assert model.images_seen == trained.images_seen == (16 if name == "cyclegan" else 8)
    arrays = outputs(model)
    for key, array in outputs(trained).items():
        assert torch.equal(arrays[key], array), key
    assert {f"{name}/{key}" for key in arrays} == {key for key in EXPECTED if key.startswith(f"{name}/")}
    for key, array in arrays.items():
        if key == "guided":  # guidance is another since: the Gaussian of two instead of a straight line between them
            continue
        expected = torch.from_numpy(EXPECTED[f"{name}/{key}"])
        atol = TOLERANCE * expected.abs().max().item()
        torch.testing.assert_close(array, expected, rtol=0, atol=atol, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.parametrize("name", ["cdcgan", "flow"])
def test_training_goes_on_from_a_checkpoint(name: str, checkpoints: Path, scenes_folder: Path, tmp_path: Path) -> None:
    """With the config of its run and nothing else said about the model."""
    file = checkpoints / name / "last.ckpt"
    arguments = f"""fit --ckpt_path {file} --data.root {scenes_folder} --trainer.max_steps 4
        --trainer.default_root_dir {tmp_path}"""
    assert main(arguments.split()) == 0
    before = torch.load(file, weights_only=True)
    (continued,) = tmp_path.rglob("last.ckpt")
    after = torch.load(continued, weights_only=True)
    model = lit_gans.load(continued, lightning=True)
    assert (after["global_step"], model.images_seen) == (4, 16)
    for old, new in zip(before["optimizer_states"], after["optimizer_states"], strict=True):
        (steps,) = {int(state["step"]) for state in old["state"].values()}
        assert {int(state["step"]) for state in new["state"].values()} == {2 * steps}
    # Adam moves a weight by a few times its rate a step at most; weights that were not read would be elsewhere
    steps = {"cdcgan": 2 * 4, "flow": 2}[name]
    rate = max(group["lr"] for state in after["optimizer_states"] for group in state["param_groups"])
    trained = [key for key, weight in model.named_parameters() if weight.requires_grad]  # averages move faster
    assert trained
    for key in trained:
        assert (after["state_dict"][key] - before["state_dict"][key]).abs().max() <= 5 * steps * rate, key


def test_the_settings_of_a_class_that_is_gone_are_kept(checkpoints: Path) -> None:
    model = lit_gans.load(checkpoints / "wgan" / "last.ckpt", lightning=True)
    assert (model.clip_weights, model.optimizer_names, model.updates.generator_every) == (0.01, ("rmsprop",) * 2, 5)


@pytest.mark.parametrize("name", ["cdcgan", "conditional_gan_objects", "flow"])
def test_a_checkpoint_is_tested_with_the_config_of_its_run(
    name: str, checkpoints: Path, scenes_folder: Path, evaluator_file: Path, tmp_path: Path
) -> None:
    """Options of a test among the model's hyperparameters, as in that commit."""
    arguments = f"""test --ckpt_path {checkpoints / name / "last.ckpt"} --data.root {scenes_folder}
        --model.evaluator {evaluator_file} --model.draws 1 --trainer.default_root_dir {tmp_path}"""
    assert main(arguments.split()) == 0
    assert len(list(tmp_path.rglob("scores.json"))) == 1
