"""benchmarks/edits.py: which way the classifier's logit goes, and how far the features move."""

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from data_modules.rendered.faces import ATTRIBUTES
from lit_gans.cli import main
from lit_gans.inference.evaluator import FrozenEvaluator
from lit_gans.metrics.extractors import random_conv

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "edits.py"
FLOW = "--model.levels 2 --model.steps 1 --model.hidden 4 --model.features 4 --model.growth 2 --model.blocks 1"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import edits

    return edits


class Brightness(nn.Module):
    """Sees attribute 0 where a picture is bright, and never attribute 1."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, image: Tensor) -> Tensor:
        return self.logits(image)

    def logits(self, image: Tensor) -> Tensor:
        bright = self.gain * image.mean((1, 2, 3))
        return torch.stack([bright, torch.full_like(bright, -1)], 1)


def test_a_row_tells_moves_decisions_and_what_else_changed(script: ModuleType) -> None:
    evaluator = FrozenEvaluator("by brightness", "", Brightness())
    random = torch.Generator().manual_seed(0)
    images = torch.tensor([-0.4, -0.1, 0.1, 0.4]).view(4, 1, 1, 1) + 0.1 * torch.randn(4, 3, 32, 32, generator=random)
    labels = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])

    def brighter_by_a_fifth(images: Tensor, labels: Tensor, column: int) -> Tensor:
        return images + 0.2

    def towards_the_other(images: Tensor, labels: Tensor, column: int) -> Tensor:
        return images + (0.2 - 0.4 * labels[:, column]).view(-1, 1, 1, 1)

    edits = {"brighter": brighter_by_a_fifth, "towards": towards_the_other, "none": lambda images, *_: images}
    rows, pictures = script.measure(edits, evaluator, random_conv(), images, labels, ["bright", "never"])
    found = {(row["way"], row["attribute"]): row for row in rows}
    assert found["brighter", "bright"]["moved"] == 0.5  # right for the dark ones
    assert found["brighter", "bright"]["changed"] == 0.25  # the one that was nearly bright
    assert found["towards", "bright"]["moved"] == 1 and found["towards", "bright"]["changed"] == 0.5
    assert found["towards", "never"]["moved"] == 0 and found["towards", "never"]["changed"] == 0.25
    assert found["none", "bright"]["moved"] == 0 and found["none", "bright"]["identity"] == 0
    assert 0 < found["brighter", "bright"]["identity"] < 1
    assert torch.equal(pictures["bright"], images + 0.2)


def test_a_direction_is_followed_towards_what_a_picture_has_not(script: ModuleType) -> None:
    class Model:
        def edit(self, images: Tensor, direction: Tensor, amounts: list[float]) -> Tensor:
            return torch.stack([images + amount * direction for amount in amounts], dim=1)

        def relabel(self, images: Tensor, before: Tensor, after: Tensor) -> Tensor:
            return images + (after - before).sum(1).view(-1, 1, 1, 1)

    images, labels = torch.zeros(2, 3, 4, 4), torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    edits = script.ways(Model(), torch.tensor([0.5, 5.0]), 2.0)
    for way in ("direction", "relabel"):
        assert edits[way](images, labels, 0)[:, 0, 0, 0].tolist() == [1, -1], way
    assert labels.tolist() == [[0, 1], [1, 1]]


def test_the_script_writes_a_row_for_each_attribute_and_way(
    script: ModuleType, celeba_folder: Path, evaluator_file: Path, tmp_path: Path
) -> None:
    common = f"""--data.root {celeba_folder} --data.attributes null --data.batch_size 6 --trainer.max_steps 2
        --trainer.limit_val_batches 1 --trainer.accelerator cpu --wandb off --trainer.default_root_dir {tmp_path}"""
    flow = f"fit --config flow_celeba --data.image_size 16 --data.val_fraction 0.3 {FLOW} {common}"
    for command in (flow, f"fit --config evaluator_celeba --data.image_size 32 {common}"):
        assert main(command.split()) == 0
    last = "version_0/checkpoints/last.ckpt"
    arguments = [tmp_path / "flow_celeba" / last, "--evaluator", tmp_path / "evaluator_celeba" / last]
    options = f"--images 4 --examples 12 --out {tmp_path / 'edits.json'}"
    script.main([*map(str, arguments), *options.split()])
    content = json.loads((tmp_path / "edits.json").read_text())
    assert [(row["way"], row["attribute"]) for row in content["rows"]] == [
        (way, name) for way in ("direction", "relabel") for name in ATTRIBUTES
    ]
    assert content["images"] == 4 and content["extractor"] == "random-conv-v1"
    assert set(content["all"]) == {"direction", "relabel"}
    assert all(0 <= row["moved"] <= 1 and row["identity"] >= 0 for row in content["rows"])
    assert Image.open(tmp_path / "edits.png").height == 9 * 18 + 2
    with pytest.raises(SystemExit, match="train it on the same attributes"):
        script.main([str(arguments[0]), "--evaluator", str(evaluator_file)])
