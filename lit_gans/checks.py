"""Numbers that a user gives, checked in one way: kind, finiteness and range.

Each check gives the value back, or raises an InputError whose message names it and says what was expected.
"""

import math
from collections.abc import Sequence
from numbers import Integral, Real

from lit_gans.errors import InputError


def number(
    name: str,
    value: object,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    hint: str = "",
) -> float:
    """The value as a float.

    Args:
        name: of the option or argument; opens the message.
        value: an int or float, also of NumPy or in a tensor of no dimension.
        at_least, above, at_most, below: limits of the range; None for no limit.
        hint: ends the message: an example, or what the number means.

    Raises:
        InputError: no number (True and False are none), not finite, or out of the range.
    """
    expected = "a finite number" + _range_words(at_least, above, at_most, below)
    plain = _plain(value)
    if not isinstance(plain, Real) or isinstance(plain, bool):
        raise _refused(name, value, expected, hint)
    try:
        result = float(plain)
    except OverflowError:
        raise _refused(name, value, expected, hint) from None
    if not math.isfinite(result) or not _inside(result, at_least, above, at_most, below):
        raise _refused(name, value, expected, hint)
    return result


def whole(name: str, value: object, *, at_least: int | None = None, at_most: int | None = None, hint: str = "") -> int:
    """The value as an int; arguments and errors are those of `number`. 2.0 is no whole number: a float here is a slip.

    Raises:
        InputError: no whole number (True and False are none), or out of the range.
    """
    plain = _plain(value)
    if (
        not isinstance(plain, Integral)
        or isinstance(plain, bool)
        or not _inside(int(plain), at_least, None, at_most, None)
    ):
        raise _refused(name, value, "a whole number" + _range_words(at_least, None, at_most, None), hint)
    return int(plain)


def counts(**values: object) -> None:
    """Sizes of layers, and how many there are: each a whole number of at least 1, told by its keyword."""
    for name, value in values.items():
        whole(name, value, at_least=1)


def channels(value: object) -> None:
    """Of the images: 1 for grey, 3 for colour."""
    if type(value) is not int or value not in (1, 3):
        raise InputError(f"channels is {value!r}; expected 3 for colour or 1 for grey")


def limit(name: str, value: object, hint: str = "") -> float | None:
    """A number above 0, or None for no limit."""
    return None if value is None else number(name, value, above=0, hint=hint)


def share(name: str, value: object, hint: str = "") -> float:
    """A share of a whole, 0 to 1."""
    return number(name, value, at_least=0, at_most=1, hint=hint or "a share, such as 0.5")


def choice(name: str, value: object, known: Sequence[str]) -> str:
    """One of the known words."""
    if isinstance(value, str) and value in known:
        return value
    raise InputError(f"{name} is {value!r}; expected one of {', '.join(known)}")


def adam_betas(name: str, value: object) -> tuple[float, float]:
    """The two decay rates of Adam's averages, each from 0 to below 1."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise InputError(f"{name} is {value!r}; expected two numbers, such as [0.5, 0.999]")
    first, second = (
        number(f"{name}[{i}]", beta, at_least=0, below=1, hint="[0.5, 0.999]") for i, beta in enumerate(value)
    )
    return first, second


SEED_LIMIT = 2**63


def seed(name: str, value: object) -> int:
    """A seed as torch takes it, 0 to 2^63 - 1."""
    return whole(name, value, at_least=0, at_most=SEED_LIMIT - 1, hint="the same seed gives the same random numbers")


def _plain(value: object) -> object:
    """The Python number in a NumPy scalar or in a tensor or array of no dimension; other values as they are."""
    if getattr(value, "shape", None) == () and callable(item := getattr(value, "item", None)):
        return item()
    return value


def _inside(
    value: float, at_least: float | None, above: float | None, at_most: float | None, below: float | None
) -> bool:
    return (
        (at_least is None or value >= at_least)
        and (above is None or value > above)
        and (at_most is None or value <= at_most)
        and (below is None or value < below)
    )


def _range_words(at_least: float | None, above: float | None, at_most: float | None, below: float | None) -> str:
    limits = {"of at least": at_least, "above": above, "of at most": at_most, "below": below}
    words = [f"{word} {limit}" for word, limit in limits.items() if limit is not None]
    return " " + " and ".join(words) if words else ""


def _refused(name: str, value: object, expected: str, hint: str) -> InputError:
    return InputError(f"{name} is {value!r}; expected {expected}" + (f" ({hint})" if hint else ""))
