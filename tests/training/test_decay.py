"""Learning-rate decay."""

import pytest

from lit_gans.errors import InputError
from lit_gans.training.decay import checked_decay, decay_factor


def test_the_rate_is_constant_and_then_falls_on_a_line_to_zero() -> None:
    factors = [decay_factor(step, 10, 0.6) for step in range(11)]
    assert factors == pytest.approx([1, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0])
    assert decay_factor(12, 10, 0.6) == 0


def test_without_decay_it_stays_even_in_a_run_without_end() -> None:
    assert decay_factor(10**9, float("inf"), None) == 1


@pytest.mark.parametrize("value", [-0.1, 1.0, 2])
def test_a_share_outside_of_the_run_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="decay_from is"):
        checked_decay(value)
    assert checked_decay(None) is None and checked_decay(0.5) == 0.5
