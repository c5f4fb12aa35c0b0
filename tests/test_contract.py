"""What every registered model does, through every command, after a tiny training on rendered data.

A model comes here by its line in models/registry.py, a config of its own and that config's line in systems.py.
"""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from outputs import outputs
from processes import run_ranks
from systems import SYSTEM, config_of
from torch import nn

import lit_gans
from lit_gans.cli import main
from lit_gans.models.base import ImageModel
from lit_gans.models.registry import MODELS

# batches of 4, in epochs of 4 batches: a whole period of every schedule, and an epoch's end on either side of the half
HALF, STEPS, IMAGES = 3, 6, 4
# of a CycleGAN's config for CPUs: what it leaves off too, and a schedule of these few batches
TINY_PARTS = (
    "--model.augment [flip,translation] --model.decay_from 0.5 --trainer.max_time null --model.contrast_weight 1"
)
# that draw nothing from noise
TRANSLATES, CLASSIFIES = {"CycleGAN"}, {"Evaluator"}
DRAWS = [name for name in MODELS if name not in TRANSLATES | CLASSIFIES]
# whose batches no layer mixes and whose steps draw the same for one process and for two
EQUAL_IN_PARTS = {"ConditionalFlow", "ConditionalFlowMatching", "CycleGAN"}


class Trained:
    """A model after 6 batches, the checkpoint of the third, and the words that trained it."""

    def __init__(self, name: str, data: Path, runs: Path, config: str | None = None) -> None:
        self.name, self.config, self.runs = name, config or config_of(name), runs
        self.arguments = f"""fit --config {self.config} --data.root {data} {SYSTEM[self.config][1]}
            --data.batch_size {IMAGES} --trainer.max_steps {STEPS} --trainer.limit_train_batches 4
            --trainer.limit_val_batches 1 --trainer.accelerator cpu --trainer.precision 32-true
            --trainer.log_every_n_steps 1 --checkpoint.every {HALF} --wandb off""".split()
        if name not in TRANSLATES:  # a distance needs two held-out images
            self.arguments += ["--data.val_fraction", "0.25"]
        self.half = runs / "half.ckpt"
        with pytest.MonkeyPatch.context() as patch:
            original = ImageModel.on_train_batch_start

            def keeping(model: ImageModel, batch: Any, batch_idx: int) -> None:
                if model.global_step == HALF:
                    shutil.copy(self.last_of(runs), self.half)
                original(model, batch, batch_idx)

            patch.setattr(ImageModel, "on_train_batch_start", keeping)
            assert main([*self.arguments, "--trainer.default_root_dir", str(runs)]) == 0
        self.last = self.last_of(runs)
        shutil.copy(self.last.parent.parent / "config.yaml", runs)

    def folder_of(self, runs: Path) -> Path:
        return runs / self.config / "version_0"

    def last_of(self, runs: Path) -> Path:
        return self.folder_of(runs) / "checkpoints" / "last.ckpt"

    def load(self, lightning: bool = False) -> Any:
        return lit_gans.load(self.last, lightning=lightning)


@pytest.fixture(scope="module")
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Trained]:
    """Trains a model of this name, once."""
    made: dict[str, Trained] = {}

    def train(name: str) -> Trained:
        if name not in made:
            folder = request.getfixturevalue(SYSTEM[config_of(name)][0])
            made[name] = Trained(name, folder, tmp_path_factory.mktemp(name))
        return made[name]

    return train


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Equal in all parts, tensors to the last bit."""
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), f"{where} differs"
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{i}]")
    else:
        assert one == other, f"{where}: {one} is not {other}"


def assert_close(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], share: float = 0) -> None:
    """Equal to a share of the largest value."""
    assert one.keys() == other.keys()
    for key, value in one.items():
        atol = share * other[key].abs().max().item()
        torch.testing.assert_close(value, other[key], rtol=0, atol=atol, msg=lambda text, key=key: f"{key}: {text}")


def assert_goes_on_bit_for_bit(run: Trained, runs: Path) -> None:
    """From the middle of an epoch; all that a checkpoint holds but the state of callbacks, which times things."""
    more = ["--ckpt_path", str(run.half), "--trainer.default_root_dir", str(runs)]
    assert main([*run.arguments, *more]) == 0
    one, other = (torch.load(file, weights_only=True) for file in (run.last, run.last_of(runs)))
    ignored = {"callbacks", "loops"}
    assert_same(*({k: v for k, v in each.items() if k not in ignored} for each in (one, other)))


@pytest.mark.parametrize("more", ["--model.projected null --model.objective lsgan", ""], ids=["patches", "projected"])
def test_training_goes_on_bit_for_bit_with_every_part_of_a_cyclegan(
    more: str, animals_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = "cyclegan_horse2zebra_cpu"
    penalties = '--model.penalties [{"where":"real","target":"zero","weight":1,"every":2}]'
    parts = f"{TINY_PARTS} {more} {penalties if more else ''}"
    monkeypatch.setitem(SYSTEM, config, (SYSTEM[config][0], f"{SYSTEM[config][1]} {parts}"))
    run = Trained("CycleGAN", animals_folder, tmp_path / "whole", config)
    assert_goes_on_bit_for_bit(run, tmp_path / "more")


@pytest.mark.parametrize("name", MODELS)
class TestEveryModel:
    def test_fit_trains_every_network_and_leaves_its_files(self, name: str, trained: Callable[..., Trained]) -> None:
        run = trained(name)
        for file in ("checkpoints/last.ckpt", "curves.png", "metrics.csv", "config.yaml"):
            assert (run.folder_of(run.runs) / file).stat().st_size, file
        before, after = (torch.load(file, weights_only=True) for file in (run.half, run.last))
        assert (before["global_step"], after["global_step"]) == (HALF, STEPS)
        model = run.load(lightning=True)
        domains = 2 if name in TRANSLATES else 1
        assert model.images_seen == domains * STEPS * IMAGES
        moved = {
            key.split(".")[0]
            for key, weight in after["state_dict"].items()
            if not torch.equal(weight, before["state_dict"][key])
        }
        assert moved == {network for network, child in model.named_children() if list(child.parameters())}
        header, *rows = (run.folder_of(run.runs) / "metrics.csv").read_text().splitlines()
        assert any(column.startswith("loss/") for column in header.split(",")) and len(rows) >= STEPS
        assert "nan" not in "".join(rows) and "inf" not in "".join(rows)

    def test_training_goes_on_bit_for_bit(self, name: str, trained: Callable[..., Trained], tmp_path: Path) -> None:
        assert_goes_on_bit_for_bit(trained(name), tmp_path)

    def test_the_checkpoint_is_plain_and_gives_the_model_back(self, name: str, trained: Callable[..., Trained]) -> None:
        run = trained(name)
        content = torch.load(run.last, weights_only=True)
        state, trained, model = content["state_dict"], run.load(lightning=True), run.load()
        assert type(trained).__name__ == model.model_name == name
        assert_same(dict(trained.state_dict()), dict(state), "state_dict")
        assert_same(dict(model.state_dict()), {key: state[key] for key in model.state_dict()}, "state_dict")
        for each in (trained, model):
            assert each.hparams.items() <= content["hyper_parameters"].items()
            assert not each.training and each.images_seen == content["lit_gans"]["images_seen"]
        first, again = outputs(trained), outputs(model)
        assert_same(again, first)
        assert all(value.isfinite().all() for value in first.values())

    def test_a_deep_copy_gives_the_same_and_shares_no_weight(self, name: str, trained: Callable[..., Trained]) -> None:
        model = trained(name).load()
        expected = outputs(model)
        twin = copy.deepcopy(model)
        with torch.no_grad():
            for tensor in model.state_dict().values():
                tensor.zero_()
        assert_close(outputs(twin), expected)

    def test_validate_scores_what_is_held_out(
        self, name: str, trained: Callable[..., Trained], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = trained(name)
        arguments = ["validate", "--ckpt_path", str(run.last), "--trainer.default_root_dir", str(tmp_path)]
        code, error = main(arguments), capsys.readouterr().err
        if name in TRANSLATES:  # nothing is held out for it
            assert code == 2 and "validat" in error
        else:
            assert code == 0 and "error" not in error

    def test_test_writes_scores_and_pictures(
        self,
        name: str,
        trained: Callable[..., Trained],
        evaluator_file: Path,
        tmp_path: Path,
    ) -> None:
        run = trained(name)
        arguments = ["test", "--ckpt_path", str(run.last), "--trainer.default_root_dir", str(tmp_path)]
        if SYSTEM[run.config][0] == "scenes_folder" and name in DRAWS:
            arguments += ["--score.evaluator", str(evaluator_file), "--score.draws", "1"]
        assert main(arguments) == 0
        folder = run.folder_of(tmp_path)
        assert json.loads((folder / "scores.json").read_text())["images_seen"] == run.load().images_seen
        assert name in CLASSIFIES or list(folder.glob("*.png"))

    def test_predict_writes_pictures(
        self, name: str, trained: Callable[..., Trained], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = trained(name)
        code = main(["predict", "--ckpt_path", str(run.last), "--trainer.default_root_dir", str(tmp_path)])
        if name in DRAWS:
            assert code == 0 and list(run.folder_of(tmp_path).rglob("predictions/*/*.png"))
        else:
            assert code == 2 and "error" in capsys.readouterr().err

    def test_two_processes_train_one_model(self, name: str, trained: Callable[..., Trained], tmp_path: Path) -> None:
        run = trained(name)
        more = f"--config trainer/ddp --trainer.devices 2 --data.batch_size {IMAGES // 2} --trainer.accelerator cpu"
        run_ranks(2, train_as_rank, [*run.arguments, *more.split(), "--trainer.default_root_dir", str(tmp_path)])
        states = [torch.load(tmp_path / f"rank_{rank}.pt", weights_only=True) for rank in range(2)]
        assert_same(states[0]["weights"], states[1]["weights"], "weights")
        whole = torch.load(run.last, weights_only=True)
        checkpoint = torch.load(run.last_of(tmp_path), weights_only=True)
        for key in ("images_seen", "run_seed"):
            assert checkpoint["lit_gans"][key] == whole["lit_gans"][key]
        if name in EQUAL_IN_PARTS:
            two = lit_gans.load(run.last_of(tmp_path))
            assert_close(outputs(two), outputs(run.load()), share=1e-3)
        for domain, pool in whole.get("pools", {}).items():
            torch.testing.assert_close(checkpoint["pools"][domain]["images"], pool["images"], rtol=0, atol=1e-3)


def train_as_rank(rank: int, arguments: list[str]) -> None:
    folder = Path(arguments[-1])

    def saving(model: ImageModel) -> None:
        trained = {key: weight.detach() for key, weight in model.named_parameters()}
        torch.save({"weights": trained}, folder / f"rank_{rank}.pt")

    ImageModel.on_train_end = saving  # type: ignore[method-assign]
    assert main(arguments) == 0


@pytest.mark.parametrize("name", DRAWS)
class TestModelsThatDraw:
    def test_sample_draws_what_the_model_does(self, name: str, trained: Callable[..., Trained], tmp_path: Path) -> None:
        run = trained(name)
        model = run.load()
        conditions = list(getattr(model, "class_names", ()))[:2]
        asked = [word for condition in conditions for word in ("--condition", condition)]
        arguments = ["sample", str(run.last), *asked, "--n", "3", "--seed", "5"]
        for file in ("one.png", "other.png"):
            assert main([*arguments, "--out", str(tmp_path / file), "--individual", str(tmp_path / file[:-4])]) == 0
        assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()
        assert len(list((tmp_path / "one").iterdir())) == 3 * max(len(conditions), 1)


@pytest.mark.parametrize("name", [*DRAWS, *sorted(TRANSLATES)])
def test_an_exported_generator_makes_the_same_pictures_and_holds_no_more(
    name: str, trained: Callable[..., Trained], tmp_path: Path
) -> None:
    run = trained(name)
    file = tmp_path / "generator.ckpt"
    assert main(["export", "generator", str(run.last), str(file)]) == 0
    expected, given = outputs(run.load()), outputs(lit_gans.load(file))
    for pictures in (expected, given):
        pictures.pop("raw", None)
    assert_close(given, expected)
    content = torch.load(file, weights_only=True)
    assert not content.keys() & {"optimizer_states", "callbacks", "loops"}
    assert {key.split(".")[0] for key in content["state_dict"]} == set(run.load().sampling_networks)
    assert str(run.runs) not in str(content["hyper_parameters"])


@pytest.mark.parametrize("name", sorted(TRANSLATES))
def test_translate_gives_each_picture_of_a_folder(
    name: str, trained: Callable[..., Trained], animals_folder: Path, tmp_path: Path
) -> None:
    source = animals_folder / "testA"
    assert main(["translate", str(trained(name).last), str(source), str(tmp_path / "out")]) == 0
    names = [sorted(file.name for file in folder.iterdir()) for folder in (source, tmp_path / "out")]
    assert names[0] == names[1] and names[0]


@pytest.mark.parametrize("name", sorted(CLASSIFIES))
def test_an_exported_classifier_is_the_courses_file(name: str, trained: Callable[..., Trained], tmp_path: Path) -> None:
    run, file = trained(name), tmp_path / "evaluator.pth"
    assert main(["export", "evaluator", str(run.last), str(file)]) == 0
    content = torch.load(file, weights_only=True)
    assert content.keys() == {"model"}
    network: nn.Module = run.load().network
    assert_same(dict(content["model"]), dict(network.state_dict()), "model")


@pytest.mark.parametrize("name", sorted(CLASSIFIES))
def test_what_makes_no_pictures_exports_no_generator(
    name: str, trained: Callable[..., Trained], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "generator", str(trained(name).last), str(tmp_path / "generator.ckpt")]) == 2
    assert f"{name}: draws no pictures; expected" in capsys.readouterr().err
