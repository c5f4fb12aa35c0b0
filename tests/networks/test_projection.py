"""The projection discriminator with an auxiliary head."""

import pytest
import torch
from rounding import assert_same_but_for_rounding

from lit_gans.networks.projection import ProjectionDiscriminator, StridedDiscriminator


@pytest.fixture
def network() -> ProjectionDiscriminator:
    return ProjectionDiscriminator(num_classes=4, image_size=16, width=4, feature_dim=8)


def test_parameters_at_64_px() -> None:
    network = ProjectionDiscriminator()
    layers = [3 * 64, 64 * 128, 128 * 256, 256 * 512, 512 * 256]
    biases = 64 + 128 + 256 + 512 + 256
    heads = (256 + 1) + 24 * 256 + (256 + 1) * 24
    assert sum(p.numel() for p in network.parameters()) == 16 * sum(layers) + biases + heads == 4_866_521


def test_the_condition_adds_the_inner_product_of_its_embeddings_sum_with_the_features(
    network: ProjectionDiscriminator,
) -> None:
    image, condition = torch.randn(3, 3, 16, 16), torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
    features = network.features(image)
    embedded = torch.stack(
        [sum(network.embed.weight[:, c] for c in row.nonzero()[:, 0]) + torch.zeros(8) for row in condition]
    )
    expected = network.to_logit(features)[:, 0] + (features * embedded).sum(1)
    logit, classes = network.judge(image, condition)
    assert_same_but_for_rounding(logit, expected, [network])
    assert_same_but_for_rounding(network(image, condition), expected, [network])
    assert logit.shape == (3,) and classes.shape == (3, 4)


def test_without_a_condition_it_is_the_same_discriminator_of_pictures_alone(network: ProjectionDiscriminator) -> None:
    plain = StridedDiscriminator(image_size=16, width=4, feature_dim=8)
    kept = {key: value for key, value in network.state_dict().items() if key in plain.state_dict()}
    plain.load_state_dict(kept)
    image = torch.randn(3, 3, 16, 16)
    assert_same_but_for_rounding(plain(image), network(image, torch.zeros(3, 4)), [network])


def test_the_auxiliary_head_does_not_see_the_condition(network: ProjectionDiscriminator) -> None:
    image = torch.randn(3, 3, 16, 16)
    one, other = network.judge(image, torch.zeros(3, 4)), network.judge(image, torch.ones(3, 4))
    assert torch.equal(one[1], other[1]) and not torch.equal(one[0], other[0])


def test_each_logit_is_a_function_of_its_own_image(network: ProjectionDiscriminator) -> None:
    image, condition = torch.randn(4, 3, 16, 16), torch.eye(4)
    assert_same_but_for_rounding(network(image, condition)[1:2], network(image[1:2], condition[1:2]), [network])
