"""The random feature network: the same numbers on every machine, and what its features see."""

import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import Tensor

from lit_gans.networks.random_conv import RandomConv

GOLDEN_SUMS = [3.8005, -2.0257, -4.0266, -3.1688]


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_weights_are_those_that_the_name_v1_stands_for() -> None:
    # Golden: a value changes meaning if one of these does. Of RandomState(0): 1.764052, 0.400157, 0.978738, each times
    # sqrt(2 / 27), in the first filter, which keeps its mean.
    network = RandomConv()
    first = network.stages[0].weight.flatten()[:3]
    torch.testing.assert_close(first, torch.tensor([1.764052, 0.400157, 0.978738]) * (2 / 27) ** 0.5)
    sums = [float(stage.weight.double().sum()) for stage in network.stages]
    assert sums == pytest.approx(GOLDEN_SUMS, abs=1e-3)


def test_features_are_512_and_finite(images: Tensor) -> None:
    features = RandomConv()(images)
    assert features.shape == (3, 512) == (3, RandomConv.num_features)
    assert torch.isfinite(features).all()
    assert RandomConv()(torch.zeros(1, 3, 16, 24)).shape == (1, 512)


def test_nothing_is_trained_and_the_global_generators_are_left_alone(images: Tensor) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    network = RandomConv()
    assert torch.equal(torch.get_rng_state(), before)
    assert not network.training and not any(p.requires_grad for p in network.parameters())


def test_another_seed_is_another_network(images: Tensor) -> None:
    assert torch.equal(RandomConv(3)(images), RandomConv(3)(images))
    assert not torch.allclose(RandomConv(3)(images), RandomConv(4)(images), atol=0.1)


def test_the_first_filters_have_no_mean_but_for_eight() -> None:
    means = RandomConv().stages[0].weight.mean(dim=(2, 3)).abs().amax(dim=1)
    assert (means[8:] < 1e-6).all() and (means[:8] > 1e-3).all()


def test_each_picture_has_its_own_features(images: Tensor) -> None:
    network = RandomConv()
    assert_same_but_for_rounding(network(images)[1:2], network(images[1:2]), [network])


def test_the_layout_of_a_picture_counts(images: Tensor) -> None:
    network = RandomConv()
    picture = torch.zeros(1, 3, 32, 32)
    picture[:, :, :16] = images[:1, :, :16]
    difference = network(picture) - network(picture.roll(16, 2))
    assert float(difference[:, -192:].abs().mean()) > 0.05
