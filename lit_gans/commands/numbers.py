"""Numbers of the command line, for argparse's `type`."""

import math
from argparse import ArgumentTypeError


def at_least(smallest: int, text: str) -> int:
    """A whole number of at least `smallest`; to be used with functools.partial."""
    if not text.isdecimal() or int(text) < smallest:
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least {smallest}")
    return int(text)


def finite(text: str) -> float:
    """A number that is neither NaN nor infinite."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ArgumentTypeError(f"{text!r} is not a finite number")
    return value
