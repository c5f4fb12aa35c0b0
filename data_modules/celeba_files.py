"""The files of a CelebA folder: the attribute table and the pictures it lists.

CelebA's ``list_attr_celeba.txt`` and CelebA-HQ's ``CelebAMask-HQ-attribute-anno.txt`` have one form: the number of
pictures, the attribute names, then a line a picture: file name and for each attribute 1 (present) or -1 (absent).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import DataError, listing
from data_modules.files import is_file, need_folder, picture_folder
from data_modules.iclevr_files import unknown_name
from data_modules.text import read_lines, twice

ATTRIBUTE_FILES = ("list_attr_celeba.txt", "CelebAMask-HQ-attribute-anno.txt")
IMAGE_FOLDERS = ("img_align_celeba", "CelebA-HQ-img", "images")
VALUES = {"1": True, "-1": False, "0": False}  # 0 in some copies


@dataclass(frozen=True)
class AttributeTable:
    """Which picture has which attributes.

    file: where it stands.
    names: of the A attributes.
    images: the N file names, in the order of the file.
    present: bool (N, A).
    """

    file: Path
    names: list[str]
    images: list[str]
    present: NDArray[np.bool_]

    def columns(self, attributes: Sequence[str] | None) -> list[int]:
        """Where these attributes stand; None: all of them.

        Raises:
            DataError: none, one twice, or one that the file does not have.
        """
        if attributes is None:
            return list(range(len(self.names)))
        if len(attributes) == 0:
            raise DataError("data.attributes is empty; name at least one, or leave it out for all of them")
        for name in attributes:
            if name not in self.names:
                raise DataError(f"data.attributes: {unknown_name(name, self.names, self.file.name)}")
        if repeated := twice(attributes):
            raise DataError(f"data.attributes names {repeated[0]!r} more than once; name each attribute once")
        return [self.names.index(name) for name in attributes]


def attribute_file(root: Path, file: str | None = None) -> Path:
    """``file`` (absolute, or inside ``root``), or if it is None the first of the two known names in ``root``.

    Raises:
        DataError: no such file; the message names what was looked for.
    """
    need_folder(root)
    candidates = [root / name for name in ([file] if file is not None else ATTRIBUTE_FILES)]
    for candidate in candidates:
        if is_file(candidate):
            return candidate
    raise DataError(f"no attribute file {' or '.join(map(str, candidates))}; put it there or name it")


def image_folder(root: Path, folder: str | None = None) -> Path:
    """``folder``, or if it is None the first of ``img_align_celeba``, ``CelebA-HQ-img``, ``images`` and ``root`` that
    holds a picture; see `picture_folder`."""
    return picture_folder(root, folder, IMAGE_FOLDERS)


def read_attributes(file: Path) -> AttributeTable:
    """The table in an attribute file.

    Raises:
        DataError: missing, unreadable or empty file, another first line, a name twice, rows with too few or too many
            values or with other values than 1 and -1 (up to 20 are named, with their lines), or another number of
            rows than the first line says.
    """
    lines = read_lines(file)
    count = lines[0].strip() if lines else ""
    if len(lines) < 3 or not re.fullmatch(r"[0-9]{1,18}", count):
        raise DataError(
            f"{file}, line 1: expected the number of pictures, then a line of attribute names and a line a picture, as "
            f"in CelebA's {ATTRIBUTE_FILES[0]}"
        )
    names = lines[1].split()
    if repeated := twice(names):
        raise DataError(f"{file}, line 2: the attribute {repeated[0]!r} stands there more than once; rename one")
    images, rows, wrong = [], [], []
    for number, line in enumerate(lines[2:], start=3):
        image, *values = line.split() or [""]
        if len(values) != len(names):
            if line.strip():
                wrong.append(f"line {number}: {len(values)} values for {len(names)} attributes: {_short(line)}")
        elif strange := next((value for value in values if value not in VALUES), None):
            wrong.append(f"line {number}: the value {strange!r}, expected 1 or -1: {_short(line)}")
        else:
            images.append(image)
            rows.append([VALUES[value] for value in values])
    if wrong:
        raise DataError(f"{file}: {len(wrong):,} lines are wrong; correct them:{listing(wrong)}")
    if len(images) != int(count):
        raise DataError(
            f"{file}, line 1: says {int(count):,} pictures, but {len(images):,} are listed; is the file cut short? "
            "If not, correct the number"
        )
    if repeated := twice(images):
        raise DataError(f"{file}: {len(repeated):,} pictures are listed more than once; keep one:{listing(repeated)}")
    return AttributeTable(file, names, images, np.array(rows, bool).reshape(len(images), len(names)))


def _short(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= 40 else text[:37] + "..."
