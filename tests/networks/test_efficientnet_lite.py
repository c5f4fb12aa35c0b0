"""EfficientNet-Lite0: sizes, padding, and that nothing of it changes."""

import pytest
import torch

from lit_gans.networks.efficientnet_lite import DEPTH_CHANNELS, EfficientNetLite0
from lit_gans.networks.same import same_padding


@pytest.fixture(scope="module")
def network() -> EfficientNetLite0:
    torch.manual_seed(0)
    return EfficientNetLite0()


def test_its_depths_are_a_quarter_to_a_thirty_second_of_the_picture(network: EfficientNetLite0) -> None:
    found = [tuple(x.shape) for x in network.depths(torch.randn(2, 3, 64, 64))]
    sizes = (16, 8, 4, 2)
    assert found == [(2, channels, size, size) for channels, size in zip(DEPTH_CHANNELS, sizes, strict=True)]
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, 1280)


def test_pictures_of_any_size_are_halved_upwards(network: EfficientNetLite0) -> None:
    assert [tuple(x.shape[2:]) for x in network.depths(torch.randn(1, 3, 50, 33))] == [(13, 9), (7, 5), (4, 3), (2, 2)]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [
        (64, 3, 2, (0, 1)),
        (64, 5, 2, (1, 2)),
        (63, 3, 2, (1, 1)),
        (63, 5, 2, (2, 2)),
        (8, 3, 1, (1, 1)),
        (1, 5, 2, (2, 2)),
    ],
)
def test_it_pads_as_tensorflow_does(size: int, kernel: int, stride: int, expected: tuple[int, int]) -> None:
    """The smallest number of zeros with which ceil(size / stride) values come out, the odd one behind."""
    assert same_padding(size, kernel, stride) == expected
    assert (size + sum(expected) - kernel) // stride + 1 == -(-size // stride)


def test_training_mode_and_use_change_none_of_its_statistics(network: EfficientNetLite0) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert not network.train().training and not any(module.training for module in network.modules())
    network(torch.randn(2, 3, 32, 32))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_gradients_reach_the_picture_and_no_weight(network: EfficientNetLite0) -> None:
    image = torch.randn(1, 3, 32, 32, requires_grad=True)
    network(image).sum().backward()
    assert image.grad is not None and image.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in network.parameters())
