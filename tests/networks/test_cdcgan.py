"""The networks of report 003 (tables B1): shapes, counts, wiring and start values."""

import json
import math
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, leaky_relu, linear, relu

from lit_gans.errors import InputError
from lit_gans.networks.cdcgan import CDCGANDiscriminator, CDCGANGenerator

T = TypeVar("T", bound=nn.Module)
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cdcgan.json").read_text())

# The report's tables B1, line by line: weight shapes, then the parameters that are printed there.
GENERATOR_TABLE = [
    ((200, 24), 5_000),
    ((300, 512, 4, 4), 2_458_112),
    ((512,), 1_024),
    ((512, 256, 4, 4), 2_097_408),
    ((256,), 512),
    ((256, 128, 4, 4), 524_416),
    ((128,), 256),
    ((128, 64, 4, 4), 131_136),
    ((64,), 128),
    ((64, 3, 4, 4), 3_075),
]
DISCRIMINATOR_TABLE = [
    ((4096, 24), 102_400),
    ((64, 4, 4, 4), 4_160),
    ((64,), 128),
    ((128, 64, 4, 4), 131_200),
    ((128,), 256),
    ((256, 128, 4, 4), 524_544),
    ((256,), 512),
    ((512, 256, 4, 4), 2_097_664),
    ((512,), 1_024),
    ((1, 512, 4, 4), 8_193),
]


@pytest.fixture(scope="module")
def default_generator() -> CDCGANGenerator:
    torch.manual_seed(0)
    return CDCGANGenerator()


@pytest.fixture(scope="module")
def default_discriminator() -> CDCGANDiscriminator:
    torch.manual_seed(0)
    return CDCGANDiscriminator()


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def table(network: nn.Module) -> list[tuple[tuple[int, ...], int]]:
    """Weight shape and parameters of each layer that has any, in the order of the network."""
    leaves = [m for m in network.modules() if not list(m.children()) and list(m.parameters())]
    return [(tuple(leaf.get_parameter("weight").shape), count(leaf)) for leaf in leaves]


def layers_of(network: nn.Module, kind: type[T]) -> list[T]:
    return [module for module in network.modules() if isinstance(module, kind)]


def input_of(module: nn.Module, network: nn.Module, *inputs: Tensor) -> Tensor:
    """What `module` gets when the network is called with the inputs."""
    caught: list[Tensor] = []
    hook = module.register_forward_pre_hook(lambda _, args: caught.append(args[0].detach().clone()))
    network(*inputs)
    hook.remove()
    return caught[0]


def some_conditions(count: int, classes: int = 24) -> Tensor:
    return torch.eye(classes)[:count]


def test_parameters_are_as_many_as_in_the_report(
    default_generator: CDCGANGenerator, default_discriminator: CDCGANDiscriminator
) -> None:
    assert count(default_generator) == 5_221_067
    assert count(default_discriminator) == 2_870_081


def test_each_generator_layer_has_the_shape_and_count_of_the_report(default_generator: CDCGANGenerator) -> None:
    assert table(default_generator) == GENERATOR_TABLE
    assert sum(parameters for _, parameters in GENERATOR_TABLE) == 5_221_067


def test_each_discriminator_layer_has_the_shape_and_count_of_the_report(
    default_discriminator: CDCGANDiscriminator,
) -> None:
    assert table(default_discriminator) == DISCRIMINATOR_TABLE
    assert sum(parameters for _, parameters in DISCRIMINATOR_TABLE) == 2_870_081


def test_state_dicts_have_the_golden_keys_and_shapes(
    default_generator: CDCGANGenerator, default_discriminator: CDCGANDiscriminator
) -> None:
    networks = {"generator": default_generator, "discriminator": default_discriminator}
    found = {name: {k: list(v.shape) for k, v in net.state_dict().items()} for name, net in networks.items()}
    assert found == GOLDEN


def normalized(state: dict[str, Tensor], layer: int, x: Tensor) -> Tensor:
    """BatchNorm with the batch's statistics, at PyTorch's default eps."""
    gain, bias = state[f"layers.{layer}.weight"], state[f"layers.{layer}.bias"]
    return batch_norm(x, None, None, gain, bias, training=True, eps=1e-5)


def generator_of_the_report(state: dict[str, Tensor], z: Tensor, condition: Tensor) -> Tensor:
    embedded = relu(linear(condition, state["embed.0.weight"], state["embed.0.bias"]))
    x = torch.cat([z, embedded], dim=1)[:, :, None, None]
    for layer, padding in zip((0, 3, 6, 9), (0, 1, 1, 1), strict=True):
        x = conv_transpose2d(x, state[f"layers.{layer}.weight"], state[f"layers.{layer}.bias"], 2, padding)
        x = relu(normalized(state, layer + 1, x))
    return torch.tanh(conv_transpose2d(x, state["to_rgb.weight"], state["to_rgb.bias"], 2, 1))


def discriminator_of_the_report(state: dict[str, Tensor], image: Tensor, condition: Tensor) -> Tensor:
    plane = leaky_relu(linear(condition, state["plane.0.weight"], state["plane.0.bias"]), 0.01)
    x = torch.cat([image, plane.view(-1, 1, 64, 64)], dim=1)
    for layer in (0, 3, 6, 9):
        x = conv2d(x, state[f"layers.{layer}.weight"], state[f"layers.{layer}.bias"], 2, 1)
        x = leaky_relu(normalized(state, layer + 1, x), 0.01)
    return conv2d(x, state["to_logit.weight"], state["to_logit.bias"], 1, 0).flatten()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_pass_is_that_of_the_reports_tables(layout: torch.memory_format) -> None:
    """In float64 at 64 px: values, and the gradients of all weights."""
    random = torch.Generator().manual_seed(0)
    z, image = (torch.randn(shape, generator=random).double() for shape in ((3, 5), (3, 3, 64, 64)))
    condition = (torch.rand(3, 24, generator=random) < 0.2).double()
    networks = (
        (CDCGANGenerator(latent_dim=5, condition_dim=4, width=2), generator_of_the_report, z),
        (CDCGANDiscriminator(width=2), discriminator_of_the_report, image),
    )
    for network, report, given in networks:
        network.double().to(memory_format=layout)
        weights = {name: tensor.detach().clone().requires_grad_() for name, tensor in network.named_parameters()}
        expected, found = report(weights, given, condition), network(given, condition)
        torch.testing.assert_close(found, expected)
        assert found.std() > 1e-4
        factor = torch.randn(found.shape, generator=random).double()
        (expected * factor).sum().backward()
        (found * factor).sum().backward()
        for name, parameter in network.named_parameters():
            torch.testing.assert_close(parameter.grad, weights[name].grad, rtol=1e-6, atol=1e-9)


def test_activations_and_batch_norms_are_those_of_the_report(
    default_generator: CDCGANGenerator, default_discriminator: CDCGANDiscriminator
) -> None:
    assert len(layers_of(default_generator, nn.ReLU)) == 5  # embedding and four layers
    assert not layers_of(default_generator, nn.LeakyReLU)
    leaky = layers_of(default_discriminator, nn.LeakyReLU)
    assert [layer.negative_slope for layer in leaky] == [0.01] * 5
    for network in (default_generator, default_discriminator):
        norms = layers_of(network, nn.BatchNorm2d)
        assert [(norm.eps, norm.momentum) for norm in norms] == [(1e-5, 0.1)] * 4


@pytest.mark.parametrize("size", [8, 16, 64])
def test_generator_draws_rgb_images_of_image_size(size: int) -> None:
    network = CDCGANGenerator(24, latent_dim=5, condition_dim=3, image_size=size, width=2)
    assert network(torch.randn(3, 5), some_conditions(3)).shape == (3, 3, size, size)


@pytest.mark.parametrize("size", [8, 16, 64])
def test_discriminator_gives_one_logit_an_image(size: int) -> None:
    network = CDCGANDiscriminator(24, image_size=size, width=2)
    assert network(torch.randn(3, 3, size, size), some_conditions(3)).shape == (3,)


def test_images_stay_in_minus_1_to_1_and_reach_both_ends() -> None:
    network = CDCGANGenerator(24, 5, 3, image_size=8, width=2)
    nn.init.normal_(network.to_rgb.weight, 0, 100)
    images = network(torch.randn(8, 5), some_conditions(8))
    assert -1 <= images.min() < -0.99 and 0.99 < images.max() <= 1


def test_logits_are_not_squashed() -> None:
    network = CDCGANDiscriminator(24, image_size=8, width=2).eval()
    images, conditions = torch.randn(4, 3, 8, 8), some_conditions(4)
    logits = network(images, conditions)
    with torch.no_grad():
        network.to_logit.weight.mul_(1000)
    assert_same_but_for_rounding(network(images, conditions), 1000 * logits, [network])
    assert (1000 * logits).abs().max() > 1


def test_condition_and_latent_both_change_the_image() -> None:
    network = CDCGANGenerator(24, 5, 3, image_size=8, width=2).eval()
    z, a, b = torch.randn(1, 5), some_conditions(2)[:1], some_conditions(2)[1:]
    assert not torch.allclose(network(z, a), network(z, b))
    assert not torch.allclose(network(z, a), network(z + 1, a))
    torch.testing.assert_close(network(z, a), network(z.clone(), a.clone()))


def test_condition_and_image_both_change_the_logit() -> None:
    network = CDCGANDiscriminator(24, image_size=8, width=2).eval()
    image, a, b = torch.randn(1, 3, 8, 8), some_conditions(2)[:1], some_conditions(2)[1:]
    assert not torch.allclose(network(image, a), network(image, b))
    assert not torch.allclose(network(image, a), network(image + 1, a))


def test_embedded_condition_is_joined_after_z() -> None:
    network = CDCGANGenerator(24, 5, 7, image_size=8, width=2)
    z, condition = torch.randn(3, 5), torch.rand(3, 24)
    embed = layers_of(network.embed, nn.Linear)[0]
    expected = (condition @ embed.weight.T + embed.bias).clamp(min=0)
    joined = input_of(network.layers, network, z, condition)
    torch.testing.assert_close(joined.view(3, 12), torch.cat([z, expected], dim=1))


def test_condition_plane_is_the_fourth_image_channel() -> None:
    network = CDCGANDiscriminator(24, image_size=8, width=2)
    image, condition = torch.randn(3, 3, 8, 8), torch.rand(3, 24)
    dense = layers_of(network.plane, nn.Linear)[0]
    plane = condition @ dense.weight.T + dense.bias
    plane = torch.where(plane > 0, plane, 0.01 * plane)
    joined = input_of(network.layers, network, image, condition)
    torch.testing.assert_close(joined, torch.cat([image, plane.view(3, 1, 8, 8)], dim=1))


def test_only_the_last_layer_starts_as_normal_002_with_zero_bias(
    default_generator: CDCGANGenerator, default_discriminator: CDCGANDiscriminator
) -> None:
    for last in (default_generator.to_rgb, default_discriminator.to_logit):
        assert last.bias is not None and last.bias.count_nonzero() == 0
        # 3,072 and 8,192 draws: the standard deviation of their std is at most 0.00026, of their mean 0.0004
        assert abs(last.weight.std().item() - 0.02) < 0.0013
        assert abs(last.weight.mean().item()) < 0.002
        assert last.weight.abs().max() > 0.05  # a uniform of this spread ends at 0.035


def test_all_other_layers_keep_pytorchs_start_values(
    default_generator: CDCGANGenerator, default_discriminator: CDCGANDiscriminator
) -> None:
    checked = 0
    for network in (default_generator, default_discriminator):
        for layer in network.modules():
            if layer in (default_generator.to_rgb, default_discriminator.to_logit):
                continue
            if isinstance(layer, nn.BatchNorm2d):
                assert layer.weight.unique().tolist() == [1] and layer.bias.unique().tolist() == [0]
            elif isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                assert layer.bias is not None
                # uniform within 1 / sqrt(fan in); PyTorch takes axis 1 of the weight for fan in, also when transposed
                bound = 1 / math.sqrt(layer.weight.shape[1] * math.prod(layer.weight.shape[2:]))
                for values in (layer.weight, layer.bias):
                    assert 0.9 * bound < values.abs().max() <= bound
                torch.testing.assert_close(layer.weight.std().item(), bound / math.sqrt(3), rtol=0.05, atol=0)
                checked += 1
    assert checked == 5 + 5


@pytest.mark.parametrize("size", [4, 12, 48, 65, -64])
def test_image_sizes_other_than_powers_of_two_from_8_are_refused(size: int) -> None:
    for network in (CDCGANGenerator, CDCGANDiscriminator):
        with pytest.raises(InputError, match=f"image_size is {size}.*power of two"):
            network(image_size=size)
