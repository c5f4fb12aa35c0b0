"""The U-Net: sizes, its start, and what it is told."""

import pytest
import torch

from lit_gans.errors import InputError
from lit_gans.networks.unet import UNet, waves


@pytest.fixture
def unet() -> UNet:
    """A small one whose every weight does something."""
    torch.manual_seed(0)
    network = UNet(4, image_size=8, width=16, levels=2, blocks=1)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return network


X, TIME = torch.randn(3, 3, 8, 8), torch.tensor([0.1, 0.5, 0.9])
CONDITION = torch.eye(4)[:3]


def test_a_new_network_answers_0_of_the_image_s_size() -> None:
    for size, levels in ((16, 1), (32, 3)):
        answer = UNet(4, size, 32, levels, 2)(torch.randn(2, 3, size, size), TIME[:2], CONDITION[:2])
        assert answer.shape == (2, 3, size, size) and (answer == 0).all()


def test_image_time_and_condition_change_the_answer_of_their_row_alone(unet: UNet) -> None:
    answer = unet(X, TIME, CONDITION)
    for changed in (
        (X + torch.tensor([0.0, 1, 0]).view(3, 1, 1, 1), TIME, CONDITION),
        (X, TIME + torch.tensor([0.0, 0.1, 0]), CONDITION),
        (X, TIME, CONDITION[[0, 2, 2]]),
    ):
        moved = (unet(*changed) - answer).abs().amax((1, 2, 3)) > 1e-4
        assert moved.tolist() == [False, True, False]


def test_a_condition_that_is_not_told_does_not_matter(unet: UNet) -> None:
    kept = torch.tensor([True, False, False])
    one, other = unet(X, TIME, CONDITION, kept), unet(X, TIME, CONDITION.roll(1, 1), kept)
    same = (one - other).abs().amax((1, 2, 3)) < 1e-6
    assert same.tolist() == [False, True, True]


def test_every_weight_gets_a_gradient(unet: UNet) -> None:
    unet(X, TIME, CONDITION, torch.tensor([True, True, False])).square().sum().backward()
    assert [name for name, p in unet.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_waves_tell_times_a_thousandth_apart() -> None:
    """Of the fastest wave a thousandth is a radian."""
    a, b = waves(torch.tensor([0.5, 0.501]))
    assert a.shape == (128,) and (a - b).abs().max() > 0.4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 20}, "needs a multiple of 8"),
        ({"width": 12}, "expected a multiple of 8 that makes"),
        ({"width": 8, "levels": 2}, "a multiple of 32"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        UNet(4, **options)
