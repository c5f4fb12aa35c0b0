"""The generators that lie in weights/: small, clean, and as good as RESULTS.md says."""

import json
import os
from pathlib import Path

import pytest
import torch

import lit_gans
from lit_gans.cli import main

REPOSITORY = Path(__file__).parent.parent
OBJECTS = REPOSITORY / "weights" / "conditional_gan_iclevr.ckpt"
# of benchmarks/RESULTS.md, "In two commands": mean of 10 draws, iclevr_evaluator.pth
SCORES = {"test": 0.990, "new_test": 0.988}


@pytest.mark.parametrize("file", sorted(OBJECTS.parent.iterdir()), ids=lambda file: file.name)
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
