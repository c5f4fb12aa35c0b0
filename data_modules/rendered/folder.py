"""A data set's folder that is written whole or not at all."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_modules.errors import DataError


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
