"""The networks of report 000, section A5."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, interpolate, leaky_relu, linear

from lit_gans.networks.lsgan import LSGANDiscriminator, LSGANGenerator
from tests.networks.counting import layers_of, shapes, table, trainable

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "lsgan.json").read_text())
State = dict[str, Tensor]


def test_parameters_are_as_many_as_in_the_report() -> None:
    printed = {"image_size": 32, "channels": 1}
    assert trainable(LSGANGenerator(**printed)) == 1_049_729  # type: ignore[arg-type]
    assert trainable(LSGANDiscriminator(**printed)) == 98_113  # type: ignore[arg-type]
    assert trainable(LSGANGenerator()) == 3_533_059
    assert trainable(LSGANDiscriminator()) == 99_937


def test_the_dense_and_outer_layers_are_those_of_the_report() -> None:
    printed, colour = LSGANGenerator(image_size=32, channels=1), LSGANGenerator()
    assert [table(net)[0][0] for net in (printed, colour)] == [(8192, 100), (32768, 100)]
    assert [table(net)[-1][0] for net in (printed, colour)] == [(1, 64, 3, 3), (3, 64, 3, 3)]
    printed_d, colour_d = LSGANDiscriminator(image_size=32, channels=1), LSGANDiscriminator()
    assert [table(net)[0][0] for net in (printed_d, colour_d)] == [(16, 1, 3, 3), (16, 3, 3, 3)]
    assert [table(net)[-1][0] for net in (printed_d, colour_d)] == [(1, 512), (1, 2048)]


def test_state_dicts_have_the_golden_keys_and_shapes() -> None:
    found = {
        "generator": shapes(LSGANGenerator()),
        "discriminator": shapes(LSGANDiscriminator()),
        "printed generator": shapes(LSGANGenerator(image_size=32, channels=1)),
        "printed discriminator": shapes(LSGANDiscriminator(image_size=32, channels=1)),
    }
    assert found == GOLDEN


def test_layers_are_in_the_printed_order() -> None:
    kinds = [type(layer).__name__ for layer in LSGANDiscriminator(image_size=32, channels=1).layers]
    block = ["Conv2d", "LeakyReLU", "Dropout2d"]
    assert kinds == block + 3 * [*block, "BatchNorm2d"]
    kinds = [type(layer).__name__ for layer in LSGANGenerator(image_size=32, channels=1).layers]
    assert kinds == 2 * ["UpsampledConv2d", "BatchNorm2d", "LeakyReLU"]
    slopes = {layer.negative_slope for layer in layers_of(LSGANDiscriminator(), nn.LeakyReLU)}
    assert slopes == {0.2} and {layer.p for layer in layers_of(LSGANDiscriminator(), nn.Dropout2d)} == {0.25}


@pytest.mark.parametrize(("as_printed", "eps", "momentum"), [(True, 0.8, 0.1), (False, 1e-3, 0.2)])
def test_the_printed_eps_is_a_choice(as_printed: bool, eps: float, momentum: float) -> None:
    for network in (LSGANGenerator(eps_as_printed=as_printed), LSGANDiscriminator(eps_as_printed=as_printed)):
        norms = layers_of(network, nn.BatchNorm2d)
        assert norms and {(norm.eps, norm.momentum) for norm in norms} == {(eps, momentum)}


def normalized(state: State, key: str, x: Tensor, eps: float) -> Tensor:
    return batch_norm(x, None, None, state[f"{key}.weight"], state[f"{key}.bias"], training=True, eps=eps)


def generator_of_the_report(state: State, z: Tensor, eps: float) -> Tensor:
    x = linear(z, state["dense.weight"], state["dense.bias"]).reshape(len(z), 8, 8, -1).permute(0, 3, 1, 2)
    for layer in (0, 3):
        x = interpolate(x, scale_factor=2, mode="nearest")
        x = conv2d(x, state[f"layers.{layer}.weight"], state[f"layers.{layer}.bias"], padding=1)
        x = leaky_relu(normalized(state, f"layers.{layer + 1}", x, eps), 0.2)
    return conv2d(x, state["to_image.weight"], state["to_image.bias"], padding=1).tanh()


def discriminator_of_the_report(state: State, x: Tensor, eps: float) -> Tensor:
    for layer, norm in ((0, None), (3, 6), (7, 10), (11, 14)):
        x = leaky_relu(conv2d(x, state[f"layers.{layer}.weight"], state[f"layers.{layer}.bias"], 2, 1), 0.2)
        x = x if norm is None else normalized(state, f"layers.{norm}", x, eps)
    return linear(x.flatten(1), state["to_logit.weight"], state["to_logit.bias"]).flatten()


@pytest.mark.parametrize(("as_printed", "eps"), [(True, 0.8), (False, 1e-3)])
def test_a_pass_is_that_of_the_printed_structure(as_printed: bool, eps: float) -> None:
    """In float64 at 32 px with one channel and without dropout."""
    z, image = torch.randn(3, 5).double(), torch.randn(3, 1, 32, 32).double()
    generator = LSGANGenerator(5, 32, 1, width=8, eps_as_printed=as_printed).double()
    discriminator = LSGANDiscriminator(32, 1, width=8, eps_as_printed=as_printed, dropout=0).double()
    for network, report, given in (
        (generator, generator_of_the_report, z),
        (discriminator, discriminator_of_the_report, image),
    ):
        state = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        torch.testing.assert_close(network(given), report(state, given, eps))


@pytest.mark.parametrize("size", [8, 16, 20])
def test_other_sizes_work(size: int) -> None:
    images = LSGANGenerator(5, size, width=2)(torch.randn(3, 5))
    assert images.shape == (3, 3, size, size)
    assert LSGANDiscriminator(size, width=2)(images).shape == (3,)
