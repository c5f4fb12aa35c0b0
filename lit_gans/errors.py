"""Errors that the user can correct."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class InputError(ValueError):
    """A wrong value, file or combination; the message names it, says what was expected and what to do.

    The command line prints the message alone; every other exception keeps its traceback.
    """


class OutputError(InputError):
    """A file that cannot be written."""


class DivergedError(RuntimeError):
    """A training whose loss or gradient is no longer finite; the message says what to continue from, and how."""


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """For a message: "did you mean NAME?", or an empty text where no known name is near."""
    near = get_close_matches(name, known, n=1, cutoff=cutoff)
    return f"did you mean {near[0]}?" if near else ""


def few(names: Sequence[str], most: int = 40) -> str:
    """For a message: the names in one line, each cut at 60 letters, of many the first 40."""
    return ", ".join(name[:60] for name in names[:most]) + (f", ... ({len(names):,})" if len(names) > most else "")
