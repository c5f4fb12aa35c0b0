"""The files of a folder of anime faces: found, and checked.

``faces/<id>.<ending>`` are the pictures, of any size; a tag file (see tags.py) names them by id. Greyscale pictures are
used as grey RGB, pictures of another size are resized (small ones enlarged); unreadable ones are refused.
"""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from data_modules.cache import usable_cores
from data_modules.errors import DataError, listing
from data_modules.files import SUFFIXES, list_pictures, picture_folder, stem
from data_modules.pictures import read_rgb, why_unreadable
from data_modules.tags import Pair, TagFile, read_tags

FOLDERS = ("faces", "images")
TAG_FILES = ("tags.csv", "tags_clean.csv")
# Pictures with fewer pixels a side show no face.
TINY = 32


def face_folder(root: Path, folder: str | None = None) -> Path:
    """``folder``, or if it is None the first of ``root/faces``, ``root/images`` and ``root`` that holds a picture; see
    `picture_folder`."""
    return picture_folder(root, folder, FOLDERS)


def faces(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by id, their name without its ending: numbers in their order, then other names.

    Raises:
        DataError: no pictures, or two of one id (up to 20 are named).
    """
    found: dict[str, Path] = {}
    twice: list[str] = []
    for path in list_pictures(folder).paths:
        if found.setdefault(path.stem, path) != path:
            twice.append(f"{found[path.stem].name} and {path.name}")
    if twice:
        raise DataError(f"{folder}: pictures with the same id; keep one of each:{listing(sorted(twice))}")
    if not found:
        raise DataError(f"{folder}: no picture; expected {', '.join(SUFFIXES)}")
    return dict(sorted(found.items(), key=lambda item: _order(item[0])))


def tagged_faces(pictures: Mapping[str, Path], tags: TagFile) -> dict[Path, Pair]:
    """The pictures that have a usable tag, in the pictures' order; tags without a picture are noted in `tags.skipped`.
    An id may also be a file name ("12.png") or a number with zeros before it ("00012").

    Raises:
        DataError: there is none.
    """
    numbers = {_number(identity): identity for identity in reversed(list(pictures))}
    known = {
        identity: identity if identity in pictures else numbers.get(_number(stem(identity))) for identity in tags.pairs
    }
    absent = [tags.lines[identity] for identity, picture in known.items() if picture is None]
    if absent:
        tags.skipped["no picture of that id"] = absent
    pairs = {picture: tags.pairs[identity] for identity, picture in known.items() if picture is not None}
    found = {path: pairs[picture] for picture, path in pictures.items() if picture in pairs}
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
        return (0, 0), False, why_unreadable(path, error)


def _order(identity: str) -> tuple[bool, int, str]:
    return (False, int(identity), identity) if identity.isdecimal() else (True, 0, identity)


def _number(identity: str) -> str:
    """An id without the zeros before a number."""
    return (identity.lstrip("0") or "0") if identity.isdecimal() else identity
