"""A discriminator in frozen features."""

import copy
from itertools import pairwise

import pytest
import torch

from lit_gans.networks.efficientnet_lite import EfficientNetLite0
from lit_gans.networks.projected import ProjectedDiscriminator

IMAGE = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
CONDITION = torch.eye(4)[:3]


@pytest.fixture(scope="module")
def features() -> EfficientNetLite0:
    """The network with random weights: what is checked here holds with any."""
    torch.manual_seed(0)
    return EfficientNetLite0()


@pytest.fixture
def network(features: EfficientNetLite0) -> ProjectedDiscriminator:
    torch.manual_seed(1)
    return ProjectedDiscriminator(lambda: features, size=32, num_classes=4, width=8).eval()


def test_each_depth_has_sixteen_logits_of_its_own_whatever_the_size(features: EfficientNetLite0) -> None:
    for size in (32, 64, 128):
        network = ProjectedDiscriminator(lambda: features, size, width=8)
        assert network(IMAGE).shape == (3, 64)
    assert [x.shape[2] for x in network.mixed(IMAGE)] == [32, 16, 8, 4]


def test_every_head_sees_the_deepest_features_and_no_head_a_shallower_one(network: ProjectedDiscriminator) -> None:
    frozen = network.frozen(IMAGE)
    depths = frozen.depths(torch.nn.functional.interpolate(IMAGE, size=(32, 32)))

    class Given(torch.nn.Module):
        def __init__(self, changed: int) -> None:
            super().__init__()
            self.changed = changed

        def depths(self, image: torch.Tensor) -> list[torch.Tensor]:
            return [x + (i == self.changed) for i, x in enumerate(depths)]

    for changed in range(4):
        seen = []
        for given in (Given(-1), Given(changed)):
            network.loaded[:] = [given]  # type: ignore[list-item]
            seen.append(network(IMAGE, CONDITION).view(3, 4, 16))
        moved = (seen[0] - seen[1]).abs().amax((0, 2)) > 1e-6
        assert moved.tolist() == [i <= changed for i in range(4)]


def test_only_heads_and_classes_learn(network: ProjectedDiscriminator) -> None:
    logits, classes = network.judge(IMAGE, CONDITION)
    (logits.sum() + classes.sum()).backward()
    learning = {name.split(".")[0] for name, weight in network.named_parameters() if weight.grad is not None}
    assert learning == {"heads", "classify"}
    still = {name.split(".")[0] for name, weight in network.named_parameters() if not weight.requires_grad}
    assert still == {"across_channels", "across_scales"}


@pytest.mark.parametrize("image_size", [16, 32])  # resized, and of the network's own size
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_reach_the_image_in_its_precision(
    network: ProjectedDiscriminator, dtype: torch.dtype, image_size: int
) -> None:
    image = torch.nn.functional.interpolate(IMAGE, (image_size, image_size)).to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        logits = network(image, CONDITION)
    logits.float().sum().backward()
    assert image.grad is not None and image.grad.dtype == dtype
    assert (image.grad.float().abs().sum((1, 2, 3)) > 0).all()


def test_the_condition_changes_the_logits_of_its_row_alone_and_no_class(network: ProjectedDiscriminator) -> None:
    (one, classes), (other, same) = (network.judge(IMAGE, c) for c in (CONDITION, CONDITION[[0, 2, 2]]))
    assert ((one - other).abs().amax(1) > 1e-6).tolist() == [False, True, False]
    assert torch.equal(classes, same)


def test_the_frozen_network_is_in_no_checkpoint_and_no_statistics_of_it_change(
    network: ProjectedDiscriminator, features: EfficientNetLite0
) -> None:
    before = {name: value.clone() for name, value in features.state_dict().items()}
    network.train()
    for first, second in pairwise(network(IMAGE, CONDITION) for _ in range(3)):
        assert first.shape == second.shape
    assert all(torch.equal(value, before[name]) for name, value in features.state_dict().items())
    assert not any("blocks" in name or "stem" in name for name in network.state_dict())
    copied = copy.deepcopy(network.eval())
    torch.testing.assert_close(copied(IMAGE, CONDITION), network(IMAGE, CONDITION))


def test_features_are_loaded_when_an_image_is_judged_and_once(features: EfficientNetLite0) -> None:
    calls = []
    network = ProjectedDiscriminator(lambda: calls.append(1) or features, size=32, width=8)  # type: ignore[func-returns-value]
    assert not calls
    network(IMAGE)
    network(IMAGE)
    assert len(calls) == 1
