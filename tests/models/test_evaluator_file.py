"""load_evaluator: the two kinds of file it takes, everything else it refuses, and that what it gives is frozen."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import Tensor, nn

from lit_gans.errors import InputError
from lit_gans.files import sha256
from lit_gans.inference.evaluator import load_evaluator
from lit_gans.models.cdcgan import CDCGAN
from lit_gans.models.evaluator import Evaluator
from lit_gans.networks.evaluator import EvaluatorNetwork

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def layout() -> State:
    """A state dict of the right keys, of a network so narrow that it takes little room in a file."""
    return {k: torch.zeros_like(v) for k, v in EvaluatorNetwork(24, width=8).state_dict().items()}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    def save(content: Any) -> Path:
        torch.save(content, tmp_path / "file.pth")
        return tmp_path / "file.pth"

    return save


def refused(file: Path, *parts: str) -> None:
    """With a message of one line that starts with the file's name and has these parts in this order."""
    with pytest.raises(InputError) as caught:
        load_evaluator(file)
    assert re.match(f"evaluator {re.escape(str(file))}: .*" + ".*".join(parts), str(caught.value)), caught.value
    assert "\n" not in str(caught.value)


def expected_outputs(state: State, images: Tensor) -> Tensor:
    network = EvaluatorNetwork(len(state["fc.0.bias"]))
    network.load_state_dict(state)
    with torch.no_grad():
        outputs: Tensor = network.eval()(images)
    return outputs


class TestTaken:
    def test_a_file_of_the_courses_layout(self, evaluator_file: Path, images: Tensor) -> None:
        evaluator = load_evaluator(evaluator_file)
        state = torch.load(evaluator_file, weights_only=True)["model"]
        torch.testing.assert_close(evaluator(images), expected_outputs(state, images))
        assert evaluator.name == "evaluator.pth"
        assert evaluator.sha256 == sha256(evaluator_file) and len(evaluator.sha256) == 64

    def test_other_keys_beside_the_weights_do_not_matter(self, write: Callable[[Any], Path], layout: State) -> None:
        file = write({"model": layout, "epoch": 3, "optimizer": {"lr": 0.1}})
        assert load_evaluator(file)(torch.zeros(1, 3, 32, 32)).shape == (1, 24)

    def test_a_narrow_one_by_the_shape_of_its_weights(self, write: Callable[[Any], Path], images: Tensor) -> None:
        network = EvaluatorNetwork(5, width=8).eval()
        evaluator = load_evaluator(write({"model": network.state_dict()}))
        with torch.no_grad():
            torch.testing.assert_close(evaluator(images), network(images))

    def test_weights_stored_in_float16_are_used_in_float32(
        self, evaluator_file: Path, write: Callable[[Any], Path], images: Tensor
    ) -> None:
        state = torch.load(evaluator_file, weights_only=True)["model"]
        halves = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
        evaluator = load_evaluator(write({"model": halves}))
        assert {p.dtype for p in evaluator.network.parameters()} == {torch.float32}
        back = {k: v.float() if v.is_floating_point() else v for k, v in halves.items()}
        torch.testing.assert_close(evaluator(images), expected_outputs(back, images))
        assert not torch.equal(evaluator(images), expected_outputs(state, images))

    def test_the_number_of_classes_is_that_of_the_file(self, write: Callable[[Any], Path], layout: State) -> None:
        small = {**layout, "fc.0.weight": torch.zeros(3, 64), "fc.0.bias": torch.zeros(3)}
        assert load_evaluator(write({"model": small}))(torch.zeros(2, 3, 32, 32)).shape == (2, 3)

    def test_a_checkpoint_of_evaluator(self, trainer: Callable[..., L.Trainer], tmp_path: Path, images: Tensor) -> None:
        model = Evaluator(num_classes=3)
        run = trainer()
        run.strategy.connect(model)
        run.save_checkpoint(tmp_path / "own.ckpt", weights_only=True)
        evaluator = load_evaluator(tmp_path / "own.ckpt")
        torch.testing.assert_close(evaluator(images), expected_outputs(model.network.state_dict(), images))
        assert evaluator.name == "own.ckpt"

    def test_a_home_folder_is_found(
        self, write: Callable[[Any], Path], layout: State, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = write({"model": layout})
        monkeypatch.setenv("HOME", str(file.parent))
        assert load_evaluator("~/file.pth").name == "file.pth"


class Harmful:
    """Pickles to a call that makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


class TestRefused:
    def test_a_missing_file(self, tmp_path: Path) -> None:
        refused(tmp_path / "none.pth", "no such file")
        refused(tmp_path, "is a folder")

    @pytest.mark.parametrize("content", [b"", b"no weights here", b"PK\x03\x04 only the start of an archive"])
    def test_a_file_that_torch_did_not_write(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "file.pth").write_bytes(content)
        refused(tmp_path / "file.pth", "not a readable torch file")

    @pytest.mark.parametrize("share", [0.5, 0.99])
    def test_a_truncated_file(self, write: Callable[[Any], Path], layout: State, share: float) -> None:
        file = write({"model": layout})
        whole = file.read_bytes()
        file.write_bytes(whole[: int(len(whole) * share)])
        refused(file, "not a readable torch file")

    def test_a_pickle_that_runs_code_and_the_code_does_not_run(
        self, write: Callable[[Any], Path], layout: State, tmp_path: Path
    ) -> None:
        refused(write({"model": layout, "more": Harmful(tmp_path / "harm")}), "could run code")
        assert not (tmp_path / "harm").exists()

    def test_a_whole_pickled_network(self, write: Callable[[Any], Path]) -> None:
        refused(write({"model": nn.Linear(1, 1)}), "could run code")

    @pytest.mark.parametrize("content", [torch.zeros(3), [1, 2], "text"])
    def test_content_that_is_no_mapping(self, write: Callable[[Any], Path], content: Any) -> None:
        refused(write(content), f"holds a {type(content).__name__}", "expected")

    @pytest.mark.parametrize(
        "content",
        [{}, {"state_dict": {}, "epoch": 3}, {"model": {}}, {"model": [1]}, {"model": {"fc.weight": torch.zeros(1)}}],
        ids=str,
    )
    def test_wrong_keys_are_listed(self, write: Callable[[Any], Path], content: dict[str, Any]) -> None:
        refused(write(content), f"has the keys {', '.join(content)}; expected", "resnet18", "lit_gans.Evaluator")

    def test_a_bare_state_dict(self, write: Callable[[Any], Path], layout: State) -> None:
        refused(write(layout), "has the keys conv1.weight, bn1.weight")

    def test_missing_weights_are_named(self, write: Callable[[Any], Path], layout: State) -> None:
        layout = {k: v for k, v in layout.items() if k != "layer3.0.conv1.weight"}
        refused(write({"model": layout}), "not a resnet18", "Missing key", "layer3.0.conv1.weight")

    def test_additional_weights_are_named(self, write: Callable[[Any], Path], layout: State) -> None:
        refused(write({"model": {**layout, "layer9.weight": torch.zeros(1)}}), "not a resnet18", "layer9.weight")

    def test_weights_of_another_shape_are_named(self, write: Callable[[Any], Path], layout: State) -> None:
        wrong = {**layout, "conv1.weight": torch.zeros(64, 1, 7, 7)}
        refused(write({"model": wrong}), "not a resnet18", "size mismatch for conv1.weight")

    def test_the_message_about_many_wrong_weights_stays_short(self, write: Callable[[Any], Path]) -> None:
        file = write({"model": {"fc.0.bias": torch.zeros(24)}})
        refused(file, "not a resnet18", r" \.\.\.$")

    def test_a_checkpoint_of_another_model(
        self, cdcgan: Callable[..., CDCGAN], trainer: Callable[..., L.Trainer], tmp_path: Path
    ) -> None:
        run = trainer()
        run.strategy.connect(cdcgan())
        run.save_checkpoint(tmp_path / "gan.ckpt", weights_only=True)
        refused(tmp_path / "gan.ckpt", "is a checkpoint of CDCGAN", "expected")


class TestFrozen:
    def test_it_has_no_gradients_and_is_in_eval_mode(self, evaluator_file: Path, images: Tensor) -> None:
        evaluator = load_evaluator(evaluator_file)
        assert not any(p.requires_grad for p in evaluator.network.parameters())
        assert not any(module.training for module in evaluator.network.modules())
        assert not evaluator(images.clone().requires_grad_()).requires_grad

    def test_looking_changes_nothing_in_it(self, evaluator_file: Path, images: Tensor) -> None:
        evaluator = load_evaluator(evaluator_file)
        before = {k: v.clone() for k, v in evaluator.network.state_dict().items()}
        torch.testing.assert_close(evaluator(images), evaluator(images), rtol=0, atol=0)
        torch.testing.assert_close(dict(evaluator.network.state_dict()), before, rtol=0, atol=0)

    def test_images_are_judged_one_by_one(self, evaluator_file: Path, images: Tensor) -> None:
        evaluator = load_evaluator(evaluator_file)
        whole = evaluator(images)
        assert_same_but_for_rounding(
            torch.cat([evaluator(image[None]) for image in images]), whole, [evaluator.network]
        )
        assert_same_but_for_rounding(evaluator(images, batch_size=2), whole, [evaluator.network])

    def test_it_judges_in_float32_whatever_it_gets(self, evaluator_file: Path, images: Tensor) -> None:
        evaluator = load_evaluator(evaluator_file)
        rounded = images.bfloat16()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = evaluator(rounded)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, evaluator(rounded.float()), rtol=0, atol=0)
