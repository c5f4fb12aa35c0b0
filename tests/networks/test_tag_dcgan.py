"""The networks of report 000, section A4."""

import json
from pathlib import Path

import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, leaky_relu, linear

from lit_gans.errors import InputError
from lit_gans.networks.tag_dcgan import TagDCGANDiscriminator, TagDCGANGenerator
from tests.networks.counting import layers_of, shapes, table, trainable

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "tag_dcgan.json").read_text())
State = dict[str, Tensor]

# Weight shapes and parameters, line by line.
GENERATOR_TABLE = [
    ((123, 512, 4, 4), 1_008_128),
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
    ((64, 3, 4, 4), 3_136),
    ((128, 64, 4, 4), 131_200),
    ((128,), 256),
    ((256, 128, 4, 4), 524_544),
    ((256,), 512),
    ((512, 256, 4, 4), 2_097_664),
    ((512,), 1_024),
    ((512, 535, 4, 4), 4_383_232),
    ((512,), 1_024),
    ((1, 512), 513),
]


def test_each_layer_has_the_shape_and_count_of_the_report() -> None:
    assert table(TagDCGANGenerator()) == GENERATOR_TABLE
    assert table(TagDCGANDiscriminator()) == DISCRIMINATOR_TABLE
    assert trainable(TagDCGANGenerator()) == 3_766_083
    assert trainable(TagDCGANDiscriminator()) == 7_143_105


def test_state_dicts_have_the_golden_keys_and_shapes() -> None:
    found = {"generator": shapes(TagDCGANGenerator()), "discriminator": shapes(TagDCGANDiscriminator())}
    assert found == GOLDEN


def test_norms_and_slopes_are_the_reports() -> None:
    for network, norms in ((TagDCGANGenerator(), 4), (TagDCGANDiscriminator(), 4)):
        found = layers_of(network, nn.BatchNorm2d)
        assert [(norm.eps, norm.momentum) for norm in found] == [(1e-5, 0.1)] * norms
        assert {layer.negative_slope for layer in layers_of(network, nn.LeakyReLU)} == {0.2}


def normalized(state: State, key: str, x: Tensor) -> Tensor:
    return batch_norm(x, None, None, state[f"{key}.weight"], state[f"{key}.bias"], training=True, eps=1e-5)


def generator_of_the_report(state: State, z: Tensor, tags: Tensor) -> Tensor:
    x = torch.cat([z, tags], dim=1)[:, :, None, None]
    for layer, (stride, padding) in zip((0, 3, 6, 9), ((1, 0), (2, 1), (2, 1), (2, 1)), strict=True):
        x = conv_transpose2d(x, state[f"layers.{layer}.weight"], state[f"layers.{layer}.bias"], stride, padding)
        x = leaky_relu(normalized(state, f"layers.{layer + 1}", x), 0.2)
    return conv_transpose2d(x, state["to_rgb.weight"], state["to_rgb.bias"], 2, 1).tanh()


def discriminator_of_the_report(state: State, x: Tensor, tags: Tensor) -> Tensor:
    for layer in (0, 2, 5, 8):
        x = conv2d(x, state[f"layers.{layer}.weight"], state[f"layers.{layer}.bias"], 2, 1)
        x = leaky_relu(x if layer == 0 else normalized(state, f"layers.{layer + 1}", x), 0.2)
    tiled = tags.repeat_interleave(16, dim=1).view(len(tags), -1, 4, 4)
    x = conv2d(torch.cat([x, tiled], dim=1), state["join.0.weight"], state["join.0.bias"])
    x = leaky_relu(normalized(state, "join.1", x), 0.2)
    return linear(x.flatten(1), state["to_logit.weight"], state["to_logit.bias"]).flatten()


def test_a_pass_is_that_of_the_reports_tables() -> None:
    """In float64 at 64 px."""
    z, image, tags = torch.randn(3, 5).double(), torch.randn(3, 3, 64, 64).double(), torch.eye(3, 23).double()
    generator, discriminator = TagDCGANGenerator(23, 5, width=2).double(), TagDCGANDiscriminator(23, width=2).double()
    for network, report, given in (
        (generator, generator_of_the_report, z),
        (discriminator, discriminator_of_the_report, image),
    ):
        state = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        torch.testing.assert_close(network(given, tags), report(state, given, tags))


@pytest.mark.parametrize("norm", ["batch", "instance", "layer", "none"])
@pytest.mark.parametrize("size", [8, 32])
def test_other_sizes_and_norms_work(size: int, norm: str) -> None:
    tags = torch.eye(3, 6)
    images = TagDCGANGenerator(6, 5, size, 2)(torch.randn(3, 5), tags)
    assert images.shape == (3, 3, size, size) and images.abs().max() <= 1
    assert TagDCGANDiscriminator(6, size, 2, norm)(images, tags).shape == (3,)  # type: ignore[arg-type]


@pytest.mark.parametrize("norm", ["instance", "layer", "none"])
def test_a_critic_without_batch_norm_judges_each_image_by_itself(norm: str) -> None:
    network, images, tags = TagDCGANDiscriminator(6, 16, 4, norm), torch.randn(4, 3, 16, 16), torch.eye(4, 6)  # type: ignore[arg-type]
    assert_same_but_for_rounding(network(images, tags)[:1], network(images[:1], tags[:1]), [network])


def test_tags_change_image_and_logit() -> None:
    generator, discriminator = TagDCGANGenerator(6, 5, 16, 4).eval(), TagDCGANDiscriminator(6, 16, 4).eval()
    z, image, tags = torch.randn(1, 5), torch.randn(1, 3, 16, 16), torch.eye(6)
    assert not torch.allclose(generator(z, tags[:1]), generator(z, tags[1:2]))
    assert not torch.allclose(discriminator(image, tags[:1]), discriminator(image, tags[1:2]))


def test_sizes_other_than_powers_of_two_are_refused() -> None:
    for network in (TagDCGANGenerator, TagDCGANDiscriminator):
        with pytest.raises(InputError, match="image_size is 48"):
            network(image_size=48)
