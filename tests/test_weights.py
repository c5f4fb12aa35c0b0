"""The zoo: small, harmless, found by name, and each file draws and scores what its card says."""

import json
import os
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from rounding import rounding_of

import lit_gans
from data_modules.rendered.scenes import NAMES, render_scenes
from lit_gans import zoo
from lit_gans.cli import main
from lit_gans.files import sha256
from lit_gans.inference.evaluator import load_evaluator
from lit_gans.metrics.object_score import ObjectScore
from lit_gans.models.registry import MODELS
from lit_gans.training.batches import HELD_OUT

WEIGHTS = Path(__file__).parent.parent / "weights"
CARDS = zoo.cards((WEIGHTS,))
GENERATORS = [name for name, card in CARDS.items() if "picture" in card]
EVALUATORS = [name for name, card in CARDS.items() if "held_out_score" in card["scores"]]
REAL = ("iCLEVR", "anime faces, NTU MLDS 2018", "horse2zebra")
# data module of a run -> folder below LIT_GANS_DATA
FOLDERS = {
    "ICLEVR": "iclevr",
    "AnimeFaces": "anime",
    "CelebA": "celeba",
    "Unpaired": "horse2zebra",
    "Domains": "horse2zebra",
}


def test_every_file_of_weights_is_on_a_card_and_all_of_them_are_small() -> None:
    assert {"conditional_gan_iclevr", "evaluator_rendered"} <= CARDS.keys()
    files = {file.name for file in WEIGHTS.iterdir()}
    told = {card["file"] for card in CARDS.values()} | {f"{name}.json" for name in CARDS}
    told |= {f"{name}.{kind}" for name in GENERATORS for kind in ("yaml", "png")}
    assert told - {"README.md"} <= files <= told | {"README.md"} | {f"{name}.yaml" for name in CARDS}
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 60e6


@pytest.mark.parametrize("name", CARDS)
def test_a_card_tells_its_file_its_run_its_data_and_what_it_does_badly(name: str) -> None:
    card, file = CARDS[name], zoo.found(name)
    assert file.parent == WEIGHTS and (card["sha256"], card["bytes"]) == (sha256(file), file.stat().st_size)
    assert card["bytes"] < 10e6 and card["weak"] and card["draws"] and zoo.score(card["scores"])
    assert card["data"].keys() == {"name", "source", "licence"}
    assert card["run"]["model"] in MODELS and card["run"]["command"] and card["run"]["commit"]
    for file in (zoo.found(name), WEIGHTS / f"{name}.json"):
        assert "/home" not in str(file.read_bytes()) and "/root" not in str(file.read_bytes())


@pytest.mark.parametrize("name", GENERATORS)
def test_it_draws_the_picture_beside_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for rounding: a level up or down where a value lies at the edge of two."""
    monkeypatch.syspath_prepend(WEIGHTS.parent / "benchmarks")
    from zoo_entry import drawn

    model = lit_gans.load(name)
    picture = drawn(model, CARDS[name]["picture"]).permute(1, 2, 0).numpy().astype(int)
    golden = np.asarray(Image.open(WEIGHTS / f"{name}.png")).astype(int)
    assert picture.shape == golden.shape
    network = model.get_submodule(model.sampling_networks[0])
    difference = np.abs(picture - golden)
    assert difference.max() <= 1 + 127.5 * rounding_of(network, network)  # a flow's last step also goes back through it
    assert difference.mean() < 0.01
    assert golden.std() > 10  # no empty picture


def test_pictures_of_different_conditions_differ() -> None:
    model = lit_gans.load("conditional_gan_iclevr")
    red, blue = (model.sample([[f"{colour} sphere"]], n=4, seed=0) for colour in ("red", "blue"))
    assert red.shape == (4, 3, 64, 64) and red.abs().max() <= 1
    middle = (slice(None), slice(None), slice(24, 40), slice(24, 40))  # where the first object stands
    channels = [pictures[middle].mean(dim=(0, 2, 3)) for pictures in (red, blue)]
    assert channels[0].argmax() == 0 and channels[1].argmax() == 2


def test_a_name_stands_for_its_file_in_every_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "grid.png"
    assert main(["sample", "conditional_gan_iclevr", "--condition", "red cube", "--n", "1", "--out", str(out)]) == 0
    assert Image.open(out).size == (64, 64)
    assert main(["export", "generator", "conditional_gan_iclevr", str(tmp_path / "g.ckpt")]) == 0
    assert main(["sample", "evaluator_rendered"]) == 2
    assert "not written by a model of lit_gans" in capsys.readouterr().err
    assert load_evaluator("evaluator_rendered").sha256 == CARDS["evaluator_rendered"]["sha256"]


def test_a_test_by_name_finds_the_config_of_its_run(scenes_folder: Path, evaluator_file: Path, tmp_path: Path) -> None:
    arguments = f"""test --ckpt_path conditional_gan_iclevr --data.root {scenes_folder} --data.batch_size 4
        --score.evaluator {evaluator_file} --score.draws 1 --trainer.limit_test_batches 1 --trainer.accelerator cpu
        --trainer.default_root_dir {tmp_path} --data.image_size 64"""
    assert main(arguments.split()) == 0
    (scores,) = tmp_path.rglob("scores.json")
    assert json.loads(scores.read_text())["model"] == "ConditionalGAN"


def test_a_file_of_a_name_wins_and_a_wrong_name_is_told_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sample", "conditional_gan_iclever", "--condition", "red cube"]) == 2
    assert "no such file, and no name in the zoo; did you mean conditional_gan_iclevr?" in capsys.readouterr().err
    assert main(["predict", "--ckpt_path", "nobody"]) == 2
    assert "no such file, and no name in the zoo; lit-gans zoo lists them" in capsys.readouterr().err
    assert zoo.found("weights/nobody.ckpt") == Path("weights/nobody.ckpt")
    assert zoo.found(WEIGHTS / "flow_faces.ckpt") == WEIGHTS / "flow_faces.safetensors"  # as it was called once
    assert zoo.found(tmp_path / "flow_faces.ckpt") == tmp_path / "flow_faces.ckpt"
    (tmp_path / "conditional_gan_iclevr").mkdir()
    assert zoo.found("conditional_gan_iclevr").parent == WEIGHTS  # a folder is no checkpoint
    (tmp_path / "conditional_gan_iclevr").rmdir()
    (tmp_path / "conditional_gan_iclevr").write_bytes(b"")
    assert zoo.found("conditional_gan_iclevr") == Path("conditional_gan_iclevr")


def test_the_zoo_is_listed_and_a_card_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in CARDS)
    assert main(["zoo", "evaluator_rendered"]) == 0
    assert json.loads(capsys.readouterr().out) == CARDS["evaluator_rendered"]
    assert main(["zoo", "nobody"]) == 2


def test_the_evaluator_of_rendered_scenes_knows_pictures_that_it_was_not_trained_on() -> None:
    evaluator = load_evaluator("evaluator_rendered")
    score = ObjectScore()
    for scene in render_scenes(60, size=32, seed=7, zoom=1.8):
        images = torch.from_numpy(scene.images).permute(0, 3, 1, 2).float() / 127.5 - 1
        asked = torch.tensor([[float(name in label) for name in NAMES] for label in scene.labels])
        score.update(evaluator(images), asked)
    assert score.compute() > 0.95  # 0.978 of 11,988 pictures; of 360 objects, 2 standard errors are 0.015


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif("LIT_GANS_DATA" not in os.environ, reason="LIT_GANS_DATA is not set")
@pytest.mark.parametrize("name", [name for name in GENERATORS if CARDS[name]["scores"].get("object_score")])
def test_it_scores_what_its_card_says(name: str, tmp_path: Path) -> None:
    data = Path(os.environ["LIT_GANS_DATA"])
    scores = CARDS[name]["scores"]
    evaluators = {
        file: next((f for f in (data / file, WEIGHTS / file) if f.is_file()), None) for file in scores["evaluators"]
    }
    if None in evaluators.values():
        pytest.skip(f"{', '.join(evaluators)}: not in LIT_GANS_DATA")
    assert {file: sha256(path) for file, path in evaluators.items()} == scores["evaluators"]
    config = (WEIGHTS / f"{name}.yaml").read_text()
    root = next(data / folder for module, folder in FOLDERS.items() if module in config)
    arguments = ["test", "--ckpt_path", name, "--data.root", str(root), "--trainer.accelerator", "cpu"]
    arguments += ["--score.evaluator", json.dumps([str(path) for path in evaluators.values()])]
    for option in ("temperature", "guidance"):
        arguments += [f"--model.{option}", str(scores[option])] if option in scores else []
    assert main([*arguments, "--trainer.default_root_dir", str(tmp_path)]) == 0
    again = json.loads(next(tmp_path.rglob("scores.json")).read_text())
    for list_, columns in scores["object_score"].items():
        for evaluator, row in columns.items():
            assert again["object_score"][list_][evaluator]["mean"] == pytest.approx(row["mean"], abs=0.003)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif("LIT_GANS_DATA" not in os.environ, reason="LIT_GANS_DATA is not set")
@pytest.mark.parametrize("name", [name for name in EVALUATORS if CARDS[name]["data"]["name"] in REAL])
def test_an_evaluator_sees_what_its_card_says(name: str) -> None:
    config = yaml.safe_load((WEIGHTS / f"{name}.yaml").read_text())["data"]
    module, _, of = config["class_path"].rpartition(".")
    root = Path(os.environ["LIT_GANS_DATA"]) / FOLDERS[of]
    data = getattr(import_module(module), of)(**config["init_args"] | {"root": str(root)})
    data.prepare_data()
    data.setup("test")
    evaluator, score = load_evaluator(name), ObjectScore()
    for batch in (data.on_after_batch_transfer(each, 0) for loader in data.test_dataloader() for each in loader):
        if "image" in batch and batch.get("name", HELD_OUT) == HELD_OUT:
            score.update(evaluator(batch["image"]), batch["condition"])
    assert score.compute().item() == pytest.approx(CARDS[name]["scores"]["held_out_score"], abs=0.003)
