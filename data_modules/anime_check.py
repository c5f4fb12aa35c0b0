"""A whole folder of anime faces, checked: everything that is wrong with it in one report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from data_modules.anime_files import face_folder, faces, tagged_faces
from data_modules.check import Report, counts, decode
from data_modules.datasets.anime_faces import AnimeFacesData
from data_modules.errors import DataError
from data_modules.files import list_pictures
from data_modules.tags import read_tags

TAG_FILES = ("tags.csv", "tags_clean.csv")
# Pictures with fewer pixels a side show no face.
TINY = 32


@dataclass(frozen=True)
class FacesReport(Report):
    """What :func:`check` found.

    Attributes:
        images: the folder of the pictures, None when there is none.
        greyscale: pictures stored without colour (used as grey RGB; no fault).
        tiny: pictures of less than 32 px a side (used enlarged; no fault).
        tagged: tag file name -> number of pictures with a usable tag in it.
    """

    images: Path | None
    greyscale: tuple[str, ...]
    tiny: tuple[str, ...]
    tagged: dict[str, int]

    def facts(self) -> dict[str, object]:
        return {"images folder": self.images or "none", **super().facts()}

    def notes(self) -> dict[str, Sequence[str]]:
        tiny = f"images below {TINY} px, used enlarged"
        return {"greyscale images, used as grey RGB": self.greyscale, tiny: self.tiny}


def check(root: Path, folder: str | None = None) -> FacesReport:
    """Decode all pictures, read the tag files, and report everything that is wrong, raising nothing.

    Args:
        root: the folder of the data set.
        folder: the folder of the pictures, as in :func:`face_folder`.
    """
    errors: list[str] = []
    images: Path | None = None
    pictures: dict[str, Path] = {}
    remarks: list[str] = []
    try:
        images = face_folder(root, folder)
        remarks += [left_out] if (left_out := list_pictures(images).remark(every=True)) else []
        pictures = faces(images)
        AnimeFacesData(str(root), images=folder).read_files()
    except DataError as error:
        errors.append(str(error))
    tagged: dict[str, int] = {}
    for file in (root / name for name in TAG_FILES):
        if not file.exists():
            continue
        try:
            tags = read_tags(file)
            if pictures:
                tagged[file.name] = len(tagged_faces(pictures, tags))
            remarks += [f"{file.name:<18} {tagged.get(file.name, 0):,} tagged images", str(tags)]
            if pictures:
                AnimeFacesData(str(root), tags=file.name, images=folder).read_files()
        except DataError as error:
            errors.append(str(error))

    sizes, unreadable = decode(list(pictures.values()))
    return FacesReport(
        title=f"anime faces in {root}",
        present=len(pictures),
        sizes=counts(sizes),
        remarks=remarks,
        unreadable={path.name: why for path, why in unreadable.items()},
        errors=errors,
        images=images,
        greyscale=tuple(path.name for path in sizes if is_grey(path)),
        tiny=tuple(path.name for path, size in sizes.items() if min(size) < TINY),
        tagged=tagged,
    )


def is_grey(path: Path) -> bool:
    """Whether a picture's file has no colour."""
    with Image.open(path) as image:
        return image.mode in ("1", "L", "LA", "I", "I;16", "F")
