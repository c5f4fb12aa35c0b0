"""Penalties from plain hyperparameters."""

import pytest
import torch
from torch import nn

from lit_gans.errors import InputError
from lit_gans.training.penalty import Penalty, PenaltyConfig, checked_penalties

R1: PenaltyConfig = {"where": "real", "target": "zero", "weight": 2.0, "every": 8}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"at": "real"}, "a penalty has no at; expected where, target, weight, every"),
        ({"where": "middle"}, "penalty.where is 'middle'; expected one of real, fake, line"),
        ({"target": "two"}, "penalty.target is 'two'; expected one of one, zero, lp"),
        ({"weight": 0}, "penalty.weight is 0; expected a finite number above 0"),
        ({"weight": None}, "penalty.weight is None"),
        ({"every": 0}, "penalty.every is 0; expected a whole number of at least 1"),
    ],
)
def test_what_is_not_possible_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Penalty.of({**R1, **change})  # type: ignore[typeddict-item]


def test_a_lazy_penalty_counts_as_often_as_it_is_left_out() -> None:
    real, fake = torch.randn(4, 3, 2, 2), torch.randn(4, 3, 2, 2)
    value = Penalty.of(R1)(lambda image: 3 * image[:, 0, 0, 0], real, fake)
    torch.testing.assert_close(value.item(), 2.0 * 8 * 9.0)


@pytest.mark.parametrize("norm", [nn.BatchNorm2d(2), nn.SyncBatchNorm(2)])
def test_a_discriminator_with_batch_norm_is_refused_and_the_layer_named(norm: nn.Module) -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Sequential(norm))
    with pytest.raises(InputError, match=r"without BatchNorm, and this one has it in 1\.0"):
        checked_penalties([R1], network)
    assert checked_penalties(None, network) == []
    assert checked_penalties([R1], nn.Sequential(nn.Conv2d(3, 2, 3), nn.InstanceNorm2d(2))) == [Penalty.of(R1)]
