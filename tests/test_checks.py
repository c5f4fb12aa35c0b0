"""Numbers of the user's: what passes, and that a refusal names the value, the range and an example."""

import math

import numpy as np
import pytest
import torch

from lit_gans import checks
from lit_gans.errors import InputError


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), torch.tensor(2.0)])
def test_a_number_comes_back_as_a_float(value: object) -> None:
    result = checks.number("n", value, at_least=2, at_most=2)
    assert (result, type(result)) == (2.0, float)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "2", None, True, [2], np.ones(2), 10**400])
def test_what_is_no_finite_number_is_refused_without_any_range(value: object) -> None:
    with pytest.raises(InputError, match=r"n is .*; expected a finite number$"):
        checks.number("n", value)


@pytest.mark.parametrize(
    ("limits", "inside", "outside"),
    [
        ({"at_least": 0}, [0, 5], [-1e-9]),
        ({"above": 0}, [1e-9], [0, -1]),
        ({"at_least": 0, "below": 1}, [0, 0.999], [1, -0.1]),
        ({"above": 0, "at_most": 1}, [1, 0.1], [0, 1.1]),
    ],
)
def test_limits_are_closed_or_open_as_named(
    limits: dict[str, float], inside: list[float], outside: list[float]
) -> None:
    for value in inside:
        assert checks.number("n", value, **limits) == value
    for value in outside:
        with pytest.raises(InputError, match=f"n is {value}; expected a finite number"):
            checks.number("n", value, **limits)


def test_a_refusal_says_range_and_hint() -> None:
    with pytest.raises(InputError) as caught:
        checks.number("model.ema_decay", -1, at_least=0, below=1, hint="such as 0.999")
    assert str(caught.value) == (
        "model.ema_decay is -1; expected a finite number of at least 0 and below 1 (such as 0.999)"
    )


@pytest.mark.parametrize("value", [1.0, 1.5, "1", True, math.nan, None, 0])
def test_a_whole_number_is_an_integer_in_its_range(value: object) -> None:
    with pytest.raises(InputError, match=r"n is .*; expected a whole number of at least 1"):
        checks.whole("n", value, at_least=1)


@pytest.mark.parametrize("value", [3, np.int64(3), torch.tensor(3)])
def test_a_whole_number_comes_back_as_an_int(value: object) -> None:
    result = checks.whole("n", value, at_least=1)
    assert (result, type(result)) == (3, int)


@pytest.mark.parametrize("value", [-1, 2**63, 10**24, 0.5])
def test_a_seed_is_one_that_torch_takes(value: object) -> None:
    with pytest.raises(InputError, match="seed is"):
        checks.seed("seed", value)
    torch.Generator().manual_seed(checks.seed("seed", 2**63 - 1))


@pytest.mark.parametrize("value", [(0.5,), (0.5, 1.0), (-0.1, 0.9), (math.nan, 0.9), 0.5, "ab"])
def test_betas_are_two_numbers_from_0_to_below_1(value: object) -> None:
    with pytest.raises(InputError, match="betas"):
        checks.adam_betas("betas", value)
    assert checks.adam_betas("betas", [0, 0.99]) == (0.0, 0.99)


def test_a_choice_lists_what_there_is() -> None:
    assert checks.choice("weights", "raw", ("ema", "raw")) == "raw"
    with pytest.raises(InputError, match="weights is 'best'; expected one of ema, raw"):
        checks.choice("weights", "best", ("ema", "raw"))


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, "1"])
def test_a_limit_is_above_0_or_none(value: object) -> None:
    with pytest.raises(InputError, match="clip_norm is"):
        checks.limit("clip_norm", value)
    assert checks.limit("clip_norm", None) is None and checks.limit("clip_norm", 2) == 2.0
