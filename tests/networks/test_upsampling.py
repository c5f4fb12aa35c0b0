"""Upsampling and convolution in one are upsampling and then the convolution."""

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from lit_gans.networks.same import SameConv2d, SameConvTranspose2d
from lit_gans.networks.upsampling import UpsampledConv2d, UpsampledConvTranspose2d

PAIRS = [(UpsampledConv2d, SameConv2d), (UpsampledConvTranspose2d, SameConvTranspose2d)]


@pytest.mark.parametrize(("kind", "plain"), PAIRS, ids=["convolution", "transposed"])
@pytest.mark.parametrize("kernel", [3, 4])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_values_and_gradients_are_those_of_two_layers(
    kind: type[nn.Module], plain: type[nn.Module], kernel: int, layout: torch.memory_format
) -> None:
    mine, two = kind(3, 5, kernel).double(), plain(3, 5, kernel).double()
    two.load_state_dict(mine.state_dict())
    mine, two = mine.to(memory_format=layout), two.to(memory_format=layout)
    x = torch.randn(2, 3, 4, 6).double().to(memory_format=layout)
    one_x, two_x = x.clone().requires_grad_(), x.clone().requires_grad_()
    one, other = mine(one_x), two(interpolate(two_x, scale_factor=2, mode="nearest"))
    torch.testing.assert_close(one, other)
    assert one.shape == (2, 5, 8, 12)
    factor = torch.randn_like(one)
    (one * factor).sum().backward()
    (other * factor).sum().backward()
    torch.testing.assert_close(one_x.grad, two_x.grad)
    for name, parameter in two.named_parameters():
        torch.testing.assert_close(mine.get_parameter(name).grad, parameter.grad)
