"""A data set's folder that is written whole or not at all."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_modules.errors import DataError


def check_request(size: int, seed: int, unseen: str, **counts: int) -> None:
    """Raises DataError: a count < 1, size < 16, at which there is something `unseen`, or seed < 0."""
    for name, count in counts.items():
        if count < 1:
            raise DataError(f"{name} is {count}, expected 1 or more")
    if size < 16:
        raise DataError(f"size is {size}, expected 16 pixels or more: below that {unseen}")
    if seed < 0:
        raise DataError(f"seed is {seed}, expected 0 or more")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """An empty folder of another name beside `folder`, which becomes `folder` when the block ends without an error.

    Raises:
        DataError: `folder` is a file or holds anything.
    """
    target = Path(folder).resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataError(f"{folder} is not an empty folder: name a new one, or move what is there out of the way")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if target.exists():
            target.rmdir()
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
