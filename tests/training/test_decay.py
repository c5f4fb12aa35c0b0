"""Learning rates by the share of the run that is done."""

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from lit_gans.errors import InputError
from lit_gans.training.decay import checked_decay, decay_factor, one_cycle


def test_the_rate_is_constant_and_then_falls_on_a_line_to_zero() -> None:
    factors = [decay_factor(step / 10, 0.6) for step in range(11)]
    assert factors == pytest.approx([1, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0])


def test_without_decay_it_stays() -> None:
    assert decay_factor(0.0, None) == decay_factor(1.0, None) == 1


@pytest.mark.parametrize("value", [-0.1, 1.0, 2])
def test_a_share_outside_of_the_run_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="decay_from is"):
        checked_decay(value)
    assert checked_decay(None) is None and checked_decay(0.5) == 0.5


def test_one_cycle_rises_to_1_over_its_warm_up_and_falls_to_almost_0() -> None:
    assert one_cycle(0.0) == pytest.approx(1 / 25) and one_cycle(0.1) == pytest.approx((1 + 1 / 25) / 2)
    assert one_cycle(0.2) == pytest.approx(1) and one_cycle(0.6) == pytest.approx(0.5, abs=1e-5)
    assert 0 < one_cycle(1.0) < 1e-5


def test_one_cycle_is_that_of_torch() -> None:
    """Torch counts batches, so its cycle is one batch shorter: in a long run the two are the same curve."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], 1.0, momentum=0.9)
    schedule = OneCycleLR(optimizer, 1.0, total_steps=10_000, pct_start=0.2)
    theirs = []
    for _ in range(9_999):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert [one_cycle(step / 10_000) for step in range(9_999)] == pytest.approx(theirs, abs=1e-3)
