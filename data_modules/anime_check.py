"""A whole folder of anime faces, checked: everything that is wrong with it in one report."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from data_modules.anime_faces import AnimeFaces
from data_modules.anime_files import face_folder, faces, tagged_faces
from data_modules.cache import usable_cores
from data_modules.errors import DataError, listing
from data_modules.files import list_pictures
from data_modules.pictures import read_rgb, why_unreadable
from data_modules.tags import TagFile, read_tags

TAG_FILES = ("tags.csv", "tags_clean.csv")
# Pictures with fewer pixels a side show no face.
TINY = 32


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
        left_out: a line about what else is in that folder, "" if nothing is.
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
    left_out: str
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
        lines += [self.left_out] if self.left_out else []
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
    left_out = ""
    try:
        images = face_folder(root, folder)
        left_out = list_pictures(images).remark(every=True)
        pictures = faces(images)
        AnimeFaces(str(root), images=folder).read_files()
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
                AnimeFaces(str(root), tags=file.name, images=folder).read_files()
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
        left_out=left_out,
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
