"""The scoring classifier's network: the course's layout, and its values before the sigmoid."""

import copy
import json
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from lit_gans.networks.evaluator import EvaluatorNetwork

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "evaluator.json").read_text())["evaluator"]


@pytest.fixture(scope="module")
def network() -> EvaluatorNetwork:
    torch.manual_seed(0)
    return EvaluatorNetwork(24).eval()


def test_it_has_the_courses_122_keys_and_11188824_parameters(network: EvaluatorNetwork) -> None:
    state = network.state_dict()
    assert len(state) == 122
    assert {"fc.0.weight", "fc.0.bias"} < set(state)
    # resnet18 has 11,689,512 with its head of 513,000 (1000 classes); the head here has 512 * 24 + 24 = 12,312
    assert sum(p.numel() for p in network.parameters()) == 11_689_512 - 513_000 + 12_312 == 11_188_824


def test_state_dict_has_the_golden_keys_and_shapes_in_order(network: EvaluatorNetwork) -> None:
    assert {k: list(v.shape) for k, v in network.state_dict().items()} == GOLDEN
    assert list(network.state_dict()) == list(GOLDEN)


@pytest.mark.parametrize("classes", [3, 24])
def test_it_gives_a_probability_for_each_class(classes: int) -> None:
    output = EvaluatorNetwork(classes).eval()(torch.randn(2, 3, 32, 32))
    assert output.shape == (2, classes)
    assert output.min() > 0 and output.max() < 1


def test_logits_are_what_the_sigmoid_is_applied_to(network: EvaluatorNetwork) -> None:
    images = 3 * torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        before = network.logits(images)
        assert before.shape == (4, 24)
        assert before.min() < 0 and not torch.equal(before, network(images))
        torch.testing.assert_close(1 / (1 + torch.exp(-before)), network(images))


def test_logits_carry_gradients_to_the_head_and_to_the_first_layer() -> None:
    network = EvaluatorNetwork(3)
    network.logits(torch.randn(2, 3, 32, 32)).sum().backward()
    # each of two images adds 1 to the gradient of each bias
    torch.testing.assert_close(network.get_parameter("fc.0.bias").grad, torch.full((3,), 2.0))
    gradient = network.get_parameter("conv1.weight").grad
    assert gradient is not None and gradient.abs().max() > 0


@pytest.mark.parametrize("training", [False, True])
def test_it_is_torchvisions_resnet18_with_the_courses_head(training: bool, network: nn.Module) -> None:
    theirs = resnet18(weights=None)
    theirs.fc = nn.Sequential(nn.Linear(512, 24), nn.Sigmoid())
    mine = copy.deepcopy(network).train(training)
    theirs.train(training).load_state_dict(mine.state_dict(), strict=True)
    images = torch.randn(3, 3, 40, 36)
    torch.testing.assert_close(mine(images), theirs(images), rtol=0, atol=0)
    assert [name for name, _ in mine.named_children()] == [name for name, _ in theirs.named_children()]


def test_a_narrower_one_has_the_same_keys_and_by_its_square_fewer_parameters(network: EvaluatorNetwork) -> None:
    narrow = EvaluatorNetwork(24, width=16)
    assert list(narrow.state_dict()) == list(GOLDEN)
    assert narrow.state_dict()["layer4.1.conv2.weight"].shape == (128, 128, 3, 3)
    # all but the first convolution and the norms have both channels a quarter of the others
    small, large = (sum(p.numel() for p in one.layer4.parameters()) for one in (narrow, network))  # type: ignore[union-attr, operator]
    assert large / small == pytest.approx(16, rel=0.01)
    assert narrow.eval()(torch.randn(2, 3, 32, 32)).shape == (2, 24)


def test_its_convolutions_start_as_torchvisions_do() -> None:
    torch.manual_seed(0)
    weight = EvaluatorNetwork(24, width=32).get_parameter("layer3.1.conv2.weight")
    assert weight.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
