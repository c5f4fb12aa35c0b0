"""Writing files so that nothing already written is lost."""

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lit_gans.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name in the same folder, which takes the place of `path` when the block ends without an error; else
    nothing is left, no folder either that was made for it.

    Raises:
        OutputError: the file cannot be written: a folder has its name, no rights, no space.
    """
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder has this name")
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:100]}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)  # mkstemp makes files that only their owner can read
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
            with suppress(OSError):  # they hold something, or are kept by the system
                for folder in missing:
                    folder.rmdir()
    except BrokenPipeError:  # of standard output, which a block may write to
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {reason(error)}") from error


# Endings of pictures that are written, and Pillow's names and options for them.
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95}),
    ".bmp": ("BMP", {}),
    ".tiff": ("TIFF", {}),
}


def picture_format(path: Path) -> tuple[str, dict[str, Any]]:
    """Pillow's name of the format that the file's ending stands for, and how it is written; PNG without an ending.

    Raises:
        OutputError: another ending.
    """
    found = PICTURES.get(path.suffix.lower() or ".png")
    if found is None:
        raise OutputError(f"cannot write {path}: pictures are written as {', '.join(PICTURES)}; choose another ending")
    return found


def check_picture(path: Path) -> None:
    """Whether a picture may be written there, looked at before hours of work.

    Raises:
        OutputError: a folder has the name, the ending is no picture's, or the folder cannot be made or written to.
    """
    picture_format(path)
    if path.is_dir():
        raise OutputError(f"cannot write {path}: a folder has this name; choose another one")
    check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Raises OutputError: it is no folder, or cannot be made or written to."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise OutputError(f"cannot write to {folder}: {there} is a file; choose another folder")
    if not os.access(there, os.W_OK):
        raise OutputError(f"cannot write to {folder}: no right to write in {there}; choose another folder")


def reason(error: OSError) -> str:
    """Why something could not be written, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror}; free some, or write to another disk"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.strerror}; write to another folder"
    if error.errno in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST):
        return f"{error.strerror}; choose another name"
    return error.strerror or str(error)


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of the file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# An absolute path, up to its last part, at the start of a value or behind an equals sign.
FOLDERS = re.compile(r"(?<![\w.])(?:~|[A-Za-z]:)?[/\\](?:[^/\\\s\"',]+[/\\])+")


def without_folders(text: str) -> str:
    """The text with file names in place of absolute paths: what is handed on names no folder of this machine."""
    return FOLDERS.sub("", text)
