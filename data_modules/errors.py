"""The one error of bad input data."""

import difflib
from collections.abc import Iterable, Sequence

SHOWN = 20
FEW = 40


class DataError(ValueError):
    """Bad input data; the message is one clear line (or a line and a list of files) that names file and key and says
    what to do."""


class CacheError(DataError):
    """A cache that cannot be written; its cause is the system's error."""


def one_of(name: str, value: object, known: Sequence[str]) -> None:
    """Raises DataError: the value of `data.<name>` is none of the known words."""
    if value not in known:
        raise DataError(f"data.{name} is {value!r}; expected one of {', '.join(known)}")


def a_share(name: str, value: float, hint: str = "for example 0.05") -> None:
    """Raises DataError: the value of `data.<name>` is no share between 0 and 1."""
    if not 0 < value < 1:
        raise DataError(f"data.{name} is {value}; expected a share between 0 and 1, {hint}")


def near_names(name: str, known: Iterable[str]) -> str:
    """For a message: "did you mean 'red cube'?", or the known names where none is near."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else f"valid names: {few(known)}"


def few(names: Sequence[str]) -> str:
    """The names in one line, each cut at 60 letters, of many the first 40."""
    return ", ".join(name[:60] for name in names[:FEW]) + (f", ... ({len(names):,})" if len(names) > FEW else "")


def listing(items: Iterable[object]) -> str:
    """The items one a line, indented, each after a line break: the first 20, then how many more there are."""
    lines = [str(item) for item in items]
    more = [f"... and {len(lines) - SHOWN:,} more"] if len(lines) > SHOWN else []
    return "".join(f"\n  {line}" for line in lines[:SHOWN] + more)
