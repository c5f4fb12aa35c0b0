"""Folders of pictures, listed: which files are pictures, and what is left out, by its reason.

Every data module lists its folders here, so that all of them take the same files.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data_modules.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""What is read, in any case of letters; of an animation the first frame."""
NOT_READ = (".heic", ".heif", ".avif", ".jxl", ".svg", ".psd", ".raw", ".dng", ".cr2", ".nef", ".arw")
SYSTEM = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r")

HIDDEN = "hidden and system files"
FOLDER = "folders with the name of a picture"
BROKEN = "links to nothing"
OTHER_FORMAT = "formats that are not read (save them as PNG or JPEG)"
OTHER = "other files"
SHOWN = 5


@dataclass(frozen=True)
class PictureFolder:
    """A folder's pictures.

    Attributes:
        folder: where they are.
        names: the files relative to it, sorted, with "/" between folders.
        left_out: reason -> what is not used, sorted.
    """

    folder: Path
    names: tuple[str, ...] = ()
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def paths(self) -> list[Path]:
        return [self.folder / name for name in self.names]

    def remark(self, every: bool = False) -> str:
        """One line about what is left out, without files of no picture's name unless `every`; "" if there is none."""
        parts = [
            f"{reason}: {len(names):,} ({', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''})"
            for reason, names in self.left_out.items()
            if every or reason != OTHER
        ]
        return f"{self.folder}: left out {'; '.join(parts)}" if parts else ""


def list_pictures(folder: Path, nested: bool = False) -> PictureFolder:
    """The pictures of a folder, and with `nested` of the folders in it; links are followed, each folder is read once.

    Raises:
        DataError: it is no folder, or cannot be read.
    """
    names: list[str] = []
    left_out: dict[str, list[str]] = {}
    for name, entry in _entries(folder, nested):
        reason = _reason(entry)
        if reason is None:
            names.append(name)
        elif reason:
            left_out.setdefault(reason, []).append(name)
    return PictureFolder(
        folder, tuple(sorted(names)), {reason: tuple(sorted(found)) for reason, found in sorted(left_out.items())}
    )


def has_picture(folder: Path) -> bool:
    """Whether a picture lies in the folder itself."""
    return folder.is_dir() and any(_reason(entry) is None for _, entry in _entries(folder, nested=False))


def picture_folder(root: Path, folder: str | None, usual: Sequence[str]) -> Path:
    """The folder of a data set's pictures: ``folder`` (absolute, or inside ``root``), or if it is None the first of the
    ``usual`` names in ``root``, or ``root`` itself, that holds a picture.

    Raises:
        DataError: no such folder, or no picture; the message names what was looked for.
    """
    need_folder(root)
    if folder is not None:
        chosen = root / Path(folder).expanduser()
        if not chosen.is_dir():
            raise DataError(f"{chosen}: no such image folder; correct the name or leave it out to search {root}")
        return chosen
    candidates = [*(root / name for name in usual), root]
    for candidate in candidates:
        if has_picture(candidate):
            return candidate
    raise DataError(f"no picture in {' or '.join(map(str, candidates))}; put them into the first or name their folder")


def is_found(find: Callable[[Path], Path], root: Path) -> bool:
    """Whether a data set's function finds its folder of pictures in `root`."""
    try:
        find(root)
    except DataError:
        return False
    return True


def need_folder(root: Path) -> None:
    """Raises DataError: it is no folder."""
    if not root.is_dir():
        found = "a file" if root.is_file() else "no such folder"
        raise DataError(f"{root}: {found}; set data.root to the folder of the data set")


def is_file(path: Path) -> bool:
    """Whether there is such a file; False, not an error, for names that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in SYSTEM


def stem(name: str) -> str:
    """A picture's name without its ending; any other name as it is."""
    base, dot, ending = name.rpartition(".")
    return base if dot and f".{ending.lower()}" in SUFFIXES else name


def _entries(folder: Path, nested: bool) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Name relative to the folder, and entry, of all that lies in it; hidden folders are not entered."""
    seen: set[str] = set()
    waiting = [("", folder)]
    while waiting:
        prefix, current = waiting.pop()
        if (real := os.path.realpath(current)) in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    if nested and not is_hidden(entry.name) and entry.is_dir():
                        waiting.append((f"{prefix}{entry.name}/", Path(entry.path)))
                    else:
                        yield prefix + entry.name, entry
        except OSError as error:
            raise DataError(f"{current}: cannot be read ({error.strerror}); check the folder and its rights") from error


def _reason(entry: "os.DirEntry[str]") -> str | None:
    """Why an entry of a folder is no picture: None if it is one, "" for a plain folder."""
    name = entry.name.lower()
    if is_hidden(name):
        return "" if name == ".lit_gans_cache" else HIDDEN
    if entry.is_dir():
        return FOLDER if name.endswith(SUFFIXES) else ""
    if name.endswith(NOT_READ):
        return OTHER_FORMAT
    if not name.endswith(SUFFIXES):
        return OTHER
    return None if entry.is_file() else BROKEN
