"""The cheaper convolutions are torch's."""

import pytest
import torch
from torch import nn

from lit_gans.errors import InputError
from lit_gans.networks.layers import ConvTranspose2d, FromVector, HalvingConv2d, ToPixel


def assert_equal_values_and_gradients(mine: nn.Module, torchs: nn.Module, x: torch.Tensor, its_x: torch.Tensor) -> None:
    torchs.load_state_dict(mine.state_dict())
    y, its_y = mine(x), torchs(its_x)
    torch.testing.assert_close(y, its_y)
    weights = torch.randn_like(y)
    (y * weights).sum().backward()
    (its_y * weights).sum().backward()
    for name, parameter in torchs.named_parameters():
        torch.testing.assert_close(mine.get_parameter(name).grad, parameter.grad)
    torch.testing.assert_close(x.grad.flatten(), its_x.grad.flatten())  # type: ignore[union-attr]


def test_conv_transpose_equals_torchs_in_values_and_gradients() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 5, 4, 4, dtype=torch.float64)
    mine = ConvTranspose2d(5, 7, 4, stride=2, padding=1).double()
    torchs = nn.ConvTranspose2d(5, 7, 4, stride=2, padding=1).double()
    assert_equal_values_and_gradients(mine, torchs, x.clone().requires_grad_(), x.clone().requires_grad_())


def test_from_vector_equals_the_reports_stride_2_layer_on_a_1x1_picture() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 5, dtype=torch.float64)
    mine, torchs = FromVector(5, 7, 4).double(), nn.ConvTranspose2d(5, 7, 4, stride=2).double()
    picture = x[:, :, None, None].clone().requires_grad_()
    assert_equal_values_and_gradients(mine, torchs, x.clone().requires_grad_(), picture)


def test_from_vector_gives_channels_last_pictures_from_channels_last_weights() -> None:
    layer = FromVector(5, 8, 4).to(memory_format=torch.channels_last)
    assert layer(torch.randn(3, 5)).is_contiguous(memory_format=torch.channels_last)


def test_halving_conv_equals_torchs_in_values_and_gradients() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 5, 8, 8, dtype=torch.float64)
    mine, torchs = HalvingConv2d(5, 7).double(), nn.Conv2d(5, 7, 4, stride=2, padding=1).double()
    assert_equal_values_and_gradients(mine, torchs, x.clone().requires_grad_(), x.clone().requires_grad_())


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_to_pixel_equals_torchs_in_values_and_gradients(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 5, 4, 4, dtype=torch.float64).to(memory_format=layout)
    mine, torchs = (layer.double().to(memory_format=layout) for layer in (ToPixel(5, 7, 4), nn.Conv2d(5, 7, 4)))
    assert_equal_values_and_gradients(mine, torchs, x.clone().requires_grad_(), x.clone().requires_grad_())


def test_to_pixel_refuses_a_picture_of_another_size_than_its_kernel() -> None:
    with pytest.raises(InputError, match=r"kernel 4 but got features of 8x8 pixels: .* image_size"):
        ToPixel(5, 7, 4)(torch.randn(1, 5, 8, 8))
