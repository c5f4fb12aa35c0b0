"""What is shipped in weights/: small, clean, and as good as its card says."""

import json
import os
from pathlib import Path

import pytest
import torch

import lit_gans
from data_modules.rendered.scenes import NAMES, render_scenes
from lit_gans.cli import main
from lit_gans.files import sha256
from lit_gans.inference.evaluator import load_evaluator
from lit_gans.metrics.object_score import ObjectScore

REPOSITORY = Path(__file__).parent.parent
EVALUATOR = REPOSITORY / "weights" / "evaluator_rendered.pth"
OBJECTS = REPOSITORY / "weights" / "conditional_gan_iclevr.ckpt"
# of benchmarks/RESULTS.md, "In two commands": mean of 10 draws, iclevr_evaluator.pth
SCORES = {"test": 0.990, "new_test": 0.988}


@pytest.mark.parametrize("file", sorted(OBJECTS.parent.glob("*.ckpt")), ids=lambda file: file.name)
def test_a_generator_is_small_and_names_no_machine(file: Path) -> None:
    assert file.stat().st_size < 10e6
    content = torch.load(file, weights_only=True)
    assert content.pop("state_dict") and "/" not in str(content)


def test_pictures_of_different_conditions_differ() -> None:
    model = lit_gans.load(OBJECTS)
    red, blue = (model.sample([[f"{colour} sphere"]], n=4, seed=0) for colour in ("red", "blue"))
    assert red.shape == (4, 3, 64, 64) and red.abs().max() <= 1
    middle = (slice(None), slice(None), slice(24, 40), slice(24, 40))  # where the first object stands
    channels = [pictures[middle].mean(dim=(0, 2, 3)) for pictures in (red, blue)]
    assert channels[0].argmax() == 0 and channels[1].argmax() == 2


def test_the_evaluator_of_rendered_scenes_knows_pictures_that_it_was_not_trained_on() -> None:
    evaluator = load_evaluator(EVALUATOR)
    assert EVALUATOR.stat().st_size < 2e6
    score = ObjectScore()
    for scene in render_scenes(60, size=32, seed=7, zoom=1.8):
        images = torch.from_numpy(scene.images).permute(0, 3, 1, 2).float() / 127.5 - 1
        asked = torch.tensor([[float(name in label) for name in NAMES] for label in scene.labels])
        score.update(evaluator(images), asked)
    assert score.compute() > 0.95  # 0.978 of 11,988 pictures; of 360 objects, 2 standard errors are 0.015


@pytest.mark.parametrize("file", [OBJECTS, EVALUATOR], ids=lambda file: file.name)
def test_the_card_has_the_hash_of_the_file(file: Path) -> None:
    row = next(line for line in (file.parent / "README.md").read_text().splitlines() if f"`{file.name}`" in line)
    assert f"`{sha256(file)[:16]}...`" in row


@pytest.mark.real_data
@pytest.mark.skipif("LIT_GANS_DATA" not in os.environ, reason="LIT_GANS_DATA is not set")
def test_it_scores_what_the_results_say(tmp_path: Path) -> None:
    data = Path(os.environ["LIT_GANS_DATA"])
    evaluator = data / "iclevr_evaluator.pth"
    arguments = f"""test --config conditional_gan_iclevr --ckpt_path {OBJECTS} --data.root {data / "iclevr"}
        --score.evaluator {evaluator} --trainer.accelerator cpu --trainer.default_root_dir {tmp_path}"""
    assert main(arguments.split()) == 0
    (file,) = tmp_path.rglob("scores.json")
    scores = json.loads(file.read_text())
    for name, expected in SCORES.items():
        assert scores["object_score"][name][evaluator.name]["mean"] == pytest.approx(expected, abs=0.003)
