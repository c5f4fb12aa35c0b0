"""The files of a folder of anime faces: found, and checked.

``faces/<id>.<ending>`` are the pictures, of any size; a tag file (see tags.py) names them by id. Greyscale pictures are
used as grey RGB, pictures of another size are resized (small ones enlarged); unreadable ones are refused.
"""

import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from data_modules.cache import read_rgb, usable_cores
from data_modules.errors import DataError, listing
from data_modules.tags import Pair, TagFile, read_tags

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
TAG_FILES = ("tags.csv", "tags_clean.csv")
# Pictures with fewer pixels a side show no face.
TINY = 32


def face_folder(root: Path, folder: str | None = None) -> Path:
    """The folder of the pictures: ``folder`` (absolute, or inside ``root``), or if it is None the first of
    ``root/faces``, ``root/images`` and ``root`` that holds a picture.

    Raises:
        DataError: no such folder; the message names what was looked for.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; set the root folder of the data to the one with faces/")
    if folder is not None:
        if not (root / folder).is_dir():
            raise DataError(f"{root / folder}: no such image folder; correct the name or leave it out to search {root}")
        return root / folder
    candidates = (root / "faces", root / "images", root)
    for candidate in candidates:
        if candidate.is_dir() and _names(candidate):
            return candidate
    raise DataError(
        f"no picture ({', '.join(SUFFIXES)}) in "
        + " or ".join(map(str, candidates))
        + "; put them into the first or name their folder"
    )


def faces(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by id, their name without its ending: numbers in their order, then other names.

    Raises:
        DataError: no pictures, or two of one id (up to 20 are named).
    """
    found: dict[str, Path] = {}
    twice: list[str] = []
    for name in _names(folder):
        path = folder / name
        if found.setdefault(path.stem, path) != path:
            twice.append(f"{found[path.stem].name} and {name}")
    if twice:
        raise DataError(f"{folder}: pictures with the same id; keep one of each:{listing(sorted(twice))}")
    if not found:
        raise DataError(f"{folder}: no picture ({', '.join(SUFFIXES)})")
    return dict(sorted(found.items(), key=lambda item: _order(item[0])))


def tagged_faces(pictures: Mapping[str, Path], tags: TagFile) -> dict[Path, Pair]:
    """The pictures that have a usable tag, in the pictures' order; tags without a picture are noted in `tags.skipped`.

    Raises:
        DataError: there is none.
    """
    absent = [tags.lines[identity] for identity in tags.pairs if identity not in pictures]
    if absent:
        tags.skipped["no picture of that id"] = absent
    found = {path: tags.pairs[identity] for identity, path in pictures.items() if identity in tags.pairs}
    if not found:
        folder = next(iter(pictures.values())).parent
        raise DataError(
            f"{tags.path}: none of its {len(tags.pairs):,} ids is a picture in {folder}; is it of this set?"
        )
    return found


@dataclass(frozen=True)
class FacesReport:
    """What :func:`check` found; ``str(report)`` is a text of a few lines, more where something is wrong.

    Attributes:
        root: the folder checked.
        images: the folder of the pictures, None when there is none.
        present: number of pictures.
        sizes: (width, height) in pixels -> number of pictures.
        unreadable: picture that cannot be decoded -> reason.
        greyscale: pictures stored without colour (used as grey RGB; no fault).
        tiny: pictures of less than 32 px a side (used enlarged; no fault).
        tags: the tag files that are there.
        tagged: tag file name -> number of pictures with a usable tag in it.
        errors: what else is wrong, one line each.
    """

    root: Path
    images: Path | None
    present: int
    sizes: dict[tuple[int, int], int]
    unreadable: dict[str, str]
    greyscale: tuple[str, ...]
    tiny: tuple[str, ...]
    tags: tuple[TagFile, ...]
    tagged: dict[str, int]
    errors: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether a run can use the folder as it is."""
        return self.present > 0 and not self.unreadable and not self.errors

    def __str__(self) -> str:
        sizes = ", ".join(f"{width}x{height}: {count:,}" for (width, height), count in list(self.sizes.items())[:8])
        lines = [
            f"anime faces in {self.root}",
            f"images folder      {self.images or 'none'}",
            f"images present     {self.present:,}",
            f"width x height     {sizes or 'none'}{', ...' if len(self.sizes) > 8 else ''}",
        ]
        for tags in self.tags:
            lines += [f"{tags.path.name:<18} {self.tagged.get(tags.path.name, 0):,} tagged images", str(tags)]
        for title, faults in (
            ("greyscale images, used as grey RGB", self.greyscale),
            (f"images below {TINY} px, used enlarged", self.tiny),
            ("unreadable images", [f"{file}: {reason}" for file, reason in self.unreadable.items()]),
            ("errors", self.errors),
        ):
            if faults:
                lines.append(f"{title}: {len(faults):,}{listing(faults)}")
        return "\n".join([*lines, "ok" if self.ok else "NOT OK"])


def check(root: Path, folder: str | None = None) -> FacesReport:
    """Decode all pictures, read the tag files, and report everything that is wrong, raising nothing.

    Args:
        root: the folder of the data set.
        folder: the folder of the pictures, as in :func:`face_folder`.
    """
    errors: list[str] = []
    images: Path | None = None
    pictures: dict[str, Path] = {}
    try:
        images = face_folder(root, folder)
        pictures = faces(images)
    except DataError as error:
        errors.append(str(error))
    tags: list[TagFile] = []
    tagged: dict[str, int] = {}
    for file in (root / name for name in TAG_FILES):
        if not file.exists():
            continue
        try:
            tags.append(read_tags(file))
            if pictures:
                tagged[file.name] = len(tagged_faces(pictures, tags[-1]))
        except DataError as error:
            errors.append(str(error))

    sizes: Counter[tuple[int, int]] = Counter()
    unreadable: dict[str, str] = {}
    greyscale: list[str] = []
    tiny: list[str] = []
    with ThreadPoolExecutor(min(8, usable_cores())) as pool:
        for path, (size, grey, reason) in zip(pictures.values(), pool.map(_look, pictures.values()), strict=True):
            if reason:
                unreadable[path.name] = reason
                continue
            sizes[size] += 1
            greyscale += [path.name] * grey
            tiny += [path.name] * (min(size) < TINY)
    return FacesReport(
        root=root,
        images=images,
        present=len(pictures),
        sizes=dict(sizes.most_common()),
        unreadable=unreadable,
        greyscale=tuple(greyscale),
        tiny=tuple(tiny),
        tags=tuple(tags),
        tagged=tagged,
        errors=tuple(errors),
    )


def _look(path: Path) -> tuple[tuple[int, int], bool, str]:
    """Width and height, whether the file has no colour, and why it cannot be read (empty if it can)."""
    try:
        with Image.open(path) as image:
            grey = image.mode in ("1", "L", "LA", "I", "I;16", "F")
        return read_rgb(path).size, grey, ""
    except Exception as error:  # a broken file may raise anything; every one of them is reported
        return (0, 0), False, str(error) or type(error).__name__


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.name.lower().endswith(SUFFIXES))


def _order(identity: str) -> tuple[bool, int, str]:
    return (False, int(identity), identity) if identity.isdecimal() else (True, 0, identity)
