"""The modulated generator."""

import pytest
import torch
from rounding import rounding
from torch import nn

from lit_gans.networks.modulated import ModulatedGenerator, ModulatedStage


@pytest.mark.parametrize("image_size", [8, 32])
def test_pictures_of_the_size_in_minus_1_to_1_that_depend_on_latent_and_condition(image_size: int) -> None:
    torch.manual_seed(0)
    network = ModulatedGenerator(4, image_size, latent_dim=6, style_dim=8, width=4)
    z, c = torch.randn(3, 6), torch.eye(4)[:3]
    image = network(z, c)
    assert image.shape == (3, 3, image_size, image_size) and image.abs().max() <= 1
    assert (network(z.roll(1, 0), c) - image).abs().max() > 1e-3
    assert (network(z, c.roll(1, 0)) - image).abs().max() > 1e-3


def test_without_classes_the_picture_depends_on_the_latent_alone() -> None:
    torch.manual_seed(0)
    network = ModulatedGenerator(0, 8, latent_dim=6, style_dim=8, width=4)
    z = torch.randn(3, 6)
    image = network(z)
    assert image.shape == (3, 3, 8, 8) and (network(z.roll(1, 0)) - image).abs().max() > 1e-3
    assert not [name for name, _ in network.named_parameters() if name.startswith("embed")]
    assert network.mapping[0].in_features == 6


def test_channels_double_towards_the_start_up_to_eightfold() -> None:
    network = ModulatedGenerator(4, 64, width=4)
    assert [stage.convolution.out_channels for stage in network.stages] == [32, 32, 16, 8, 4]


def test_a_stage_scales_and_shifts_channels_of_unit_mean_square() -> None:
    stage = ModulatedStage(nn.Conv2d(3, 4, 3, padding=1), style_dim=2)
    with torch.no_grad():
        stage.modulation.weight.zero_()
        stage.modulation.bias.copy_(torch.tensor([1.0, 1, 1, 1, 5, 5, 5, 5]))  # scale 1 + 1, shift 5
    y = stage(torch.randn(2, 3, 6, 6), torch.zeros(2, 2))
    assert (y > 0).all()  # a shift of 5 against values of at most 2 * sqrt(4)
    torch.testing.assert_close(
        ((y - 5) / 2).square().mean(dim=1), torch.ones(2, 6, 6), rtol=0, atol=rounding(terms=4, scale=9.0)
    )


def test_the_latent_draws_the_first_map_whatever_the_modulation() -> None:
    network = ModulatedGenerator(4, 8, latent_dim=6, style_dim=8, width=4)
    with torch.no_grad():
        for stage in network.stages:
            stage.modulation.weight.zero_()
    z = torch.randn(2, 6)
    image = network(z, torch.eye(4)[:1].expand(2, -1))
    assert (image[0] - image[1]).abs().max() > 1e-3
    assert torch.equal(network(z, torch.eye(4)[1:2].expand(2, -1)), image)  # the condition only modulates


def test_every_parameter_gets_a_gradient() -> None:
    network = ModulatedGenerator(4, 8, latent_dim=6, style_dim=8, width=4)
    network(torch.randn(5, 6), torch.ones(5, 4)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
