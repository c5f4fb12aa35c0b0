"""The files of a folder of anime faces.

``faces/<id>.<ending>`` are the pictures, of any size; a tag file (see tags.py) names them by id. Greyscale pictures are
used as grey RGB, pictures of another size are resized (small ones enlarged); unreadable ones are refused.
"""

from collections.abc import Mapping
from pathlib import Path

from data_modules.errors import DataError, listing
from data_modules.files import SUFFIXES, list_pictures, picture_folder, stem
from data_modules.tags import Pair, TagFile

FOLDERS = ("faces", "images")


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


def _order(identity: str) -> tuple[bool, int, str]:
    return (False, int(identity), identity) if identity.isdecimal() else (True, 0, identity)


def _number(identity: str) -> str:
    """An id without the zeros before a number."""
    return (identity.lstrip("0") or "0") if identity.isdecimal() else identity
