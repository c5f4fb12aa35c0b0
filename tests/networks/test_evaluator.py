"""The scoring classifier's network: the course's layout, and its values before the sigmoid."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from lit_gans.networks.evaluator import evaluator_network, logits

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "evaluator.json").read_text())["evaluator"]


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return evaluator_network(24).eval()


def test_it_has_the_courses_122_keys_and_11188824_parameters(network: nn.Module) -> None:
    state = network.state_dict()
    assert len(state) == 122
    assert {"fc.0.weight", "fc.0.bias"} < set(state)
    # resnet18 has 11,689,512 with its head of 513,000 (1000 classes); the head here has 512 * 24 + 24 = 12,312
    assert sum(p.numel() for p in network.parameters()) == 11_689_512 - 513_000 + 12_312 == 11_188_824


def test_state_dict_has_the_golden_keys_and_shapes_in_order(network: nn.Module) -> None:
    assert {k: list(v.shape) for k, v in network.state_dict().items()} == GOLDEN
    assert list(network.state_dict()) == list(GOLDEN)


@pytest.mark.parametrize("classes", [3, 24])
def test_it_gives_a_probability_for_each_class(classes: int) -> None:
    output = evaluator_network(classes).eval()(torch.randn(2, 3, 32, 32))
    assert output.shape == (2, classes)
    assert output.min() > 0 and output.max() < 1


def test_logits_are_what_the_sigmoid_is_applied_to(network: nn.Module) -> None:
    images = 3 * torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        before = logits(network, images)
        assert before.shape == (4, 24)
        assert before.min() < 0 and not torch.equal(before, network(images))
        torch.testing.assert_close(1 / (1 + torch.exp(-before)), network(images))


def test_logits_carry_gradients_to_the_head_and_to_the_first_layer() -> None:
    network = evaluator_network(3)
    logits(network, torch.randn(2, 3, 32, 32)).sum().backward()
    # each of two images adds 1 to the gradient of each bias
    torch.testing.assert_close(network.get_parameter("fc.0.bias").grad, torch.full((3,), 2.0))
    gradient = network.get_parameter("conv1.weight").grad
    assert gradient is not None and gradient.abs().max() > 0


def test_the_head_is_back_after_logits(network: nn.Module) -> None:
    head = network.fc
    logits(network, torch.randn(1, 3, 32, 32))
    assert network.fc is head


def test_the_head_is_back_after_an_exception(network: nn.Module) -> None:
    head = network.fc
    with pytest.raises(RuntimeError):
        logits(network, torch.randn(1, 1, 32, 32))
    assert network.fc is head
    assert list(network.state_dict()) == list(GOLDEN)


def test_a_narrower_one_has_the_same_keys_and_by_its_square_fewer_parameters(network: nn.Module) -> None:
    narrow = evaluator_network(24, width=16)
    assert list(narrow.state_dict()) == list(GOLDEN)
    assert narrow.state_dict()["layer4.1.conv2.weight"].shape == (128, 128, 3, 3)
    # all but the first convolution and the norms have both channels a quarter of the others
    small, large = (sum(p.numel() for p in one.layer4.parameters()) for one in (narrow, network))  # type: ignore[union-attr, operator]
    assert large / small == pytest.approx(16, rel=0.01)
    assert narrow.eval()(torch.randn(2, 3, 32, 32)).shape == (2, 24)


def test_its_convolutions_start_as_torchvisions_do() -> None:
    torch.manual_seed(0)
    weight = evaluator_network(24, width=32).get_parameter("layer3.1.conv2.weight")
    assert weight.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
