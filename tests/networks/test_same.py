"""Keras's "same" padding, by its definition."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, pad

from lit_gans.networks.same import SameConv2d, SameConvTranspose2d, same_padding


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "before", "after"),
    [(64, 4, 1, 1, 2), (9, 4, 1, 1, 2), (64, 4, 2, 1, 1), (17, 4, 2, 1, 2), (16, 3, 2, 0, 1), (16, 3, 1, 1, 1)],
)
def test_the_padding_is_the_smallest_with_the_odd_one_behind(
    size: int, kernel: int, stride: int, before: int, after: int
) -> None:
    assert same_padding(size, kernel, stride) == (before, after)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [8, 17])
def test_a_convolution_pads_one_before_and_what_is_left_behind(size: int, stride: int) -> None:
    layer, x = SameConv2d(3, 5, 4, stride).double(), torch.randn(2, 3, size, size).double()
    after = 1 if (size, stride) == (8, 2) else 2
    expected = conv2d(pad(x, (1, after, 1, after)), layer.weight, layer.bias, stride)
    found = layer(x)
    torch.testing.assert_close(found, expected)
    assert found.shape[-1] == -(-size // stride)


def test_at_stride_1_it_is_torchs_same_padding() -> None:
    layer, x = SameConv2d(3, 5, 4).double(), torch.randn(2, 3, 7, 7).double()
    torchs = nn.Conv2d(3, 5, 4, padding="same").double()
    torchs.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(x), torchs(x))


@pytest.mark.parametrize("kernel", [3, 4])
def test_the_transposed_convolution_is_the_gradient_of_the_convolution(kernel: int) -> None:
    """As Keras defines it: Conv2DTranspose is the gradient of Conv2D with the same padding."""
    layer = SameConvTranspose2d(3, 5, kernel).double()
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    x, before = torch.randn(2, 3, 6, 6).double(), torch.randn(2, 5, 6, 6).double().requires_grad_()
    same = conv2d(pad(before, (1, kernel - 2, 1, kernel - 2)), layer.weight)
    (expected,) = torch.autograd.grad(same, before, x)
    torch.testing.assert_close(layer(x), expected)


def test_the_transposed_convolution_adds_its_bias_everywhere() -> None:
    layer = SameConvTranspose2d(3, 2, 4)
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([1.0, -2.0]))  # type: ignore[union-attr]
    expected = torch.tensor([1.0, -2.0]).view(1, 2, 1, 1).expand(1, 2, 5, 5)
    torch.testing.assert_close(layer(torch.randn(1, 3, 5, 5)), expected)
