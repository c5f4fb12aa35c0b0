"""The one error of bad input data."""

from collections.abc import Iterable

SHOWN = 20


class DataError(ValueError):
    """Bad input data; the message is one clear line (or a line and a list of files) that names file and key and says
    what to do."""


def listing(items: Iterable[object]) -> str:
    """The items one a line, indented, each after a line break: the first 20, then how many more there are."""
    lines = [str(item) for item in items]
    more = [f"... and {len(lines) - SHOWN:,} more"] if len(lines) > SHOWN else []
    return "".join(f"\n  {line}" for line in lines[:SHOWN] + more)
