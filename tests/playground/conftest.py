"""Models of every kind that a playground shows, tiny and with random weights, and an evaluator of their classes."""

from pathlib import Path
from typing import Any

import pytest
import torch
from untrained import FLOW, SMALL, checkpoint_of

import lit_gans
from lit_gans.networks.evaluator import EvaluatorNetwork
from lit_gans.playground.actions import Actions
from lit_gans.playground.shelf import Shelf, shelf_of

FACES = ["Smiling", "Eyeglasses", "Pale_Skin"]
TAGS = ["red hair", "blue hair", "red eyes", "blue eyes", "green eyes"]
FLOW_OF_FACES = {**FLOW, "growth": 2, "blocks": 1, "num_classes": 3, "class_names": FACES}
SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "objects": SMALL["objects"],
    "whole": SMALL["whole"],
    "faces": ("ConditionalFlow", FLOW_OF_FACES),
    "tags": ("TagDCGAN", {**SMALL["tag_dcgan"][1], "class_names": TAGS}),
    "dcgan": SMALL["dcgan"],
    "cyclegan": SMALL["cyclegan"],
}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Checkpoints of the systems, by name."""
    folder = tmp_path_factory.mktemp("playground")
    found = {}
    for name, (model, options) in SYSTEMS.items():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            found[name] = str(checkpoint_of(getattr(lit_gans, model)(**options).eval(), folder / f"{name}.ckpt"))
    return found


@pytest.fixture(scope="session")
def judge_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An evaluator of five classes, with random weights, that sees the first of them best."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = EvaluatorNetwork(5, 8)
        with torch.no_grad():
            network.fc[0].bias.copy_(torch.tensor([30.0, 20.0, 10.0, 0.0, -10.0]))
    file = tmp_path_factory.mktemp("judge") / "judge.pth"
    torch.save({"model": network.state_dict()}, file)
    return str(file)


@pytest.fixture(scope="session")
def shelf(files: dict[str, str], judge_file: str) -> Shelf:
    return shelf_of(list(files.values()), [judge_file], torch.device("cpu"))


@pytest.fixture(scope="session")
def actions(shelf: Shelf) -> Actions:
    return Actions(shelf)


@pytest.fixture
def picture_file(tmp_path: Path) -> str:
    """A picture of 40x24 px."""
    from PIL import Image

    Image.new("RGB", (40, 24), (200, 80, 20)).save(tmp_path / "picture.png")
    return str(tmp_path / "picture.png")
