"""Progress bar of a command."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(text: str, total: int, unit: str = "pictures") -> Iterator[Callable[[int], None]]:
    """Progress bar on standard error with the rate; nothing where standard error is no terminal.

    Yields:
        What is to be called with the number of units that are done since the last time.
    """
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}")
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(text, total=total, rate="")
        start, done = time.monotonic(), 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            rate = done / max(time.monotonic() - start, 1e-9)
            bar.update(task, advance=count, rate=f"{rate:,.{0 if rate >= 10 else 1}f} {unit}/s")

        yield advance
