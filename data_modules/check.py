"""A data set's folder, checked by the data module that would train on it: what is there, and what is wrong."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from data_modules.cache import usable_cores
from data_modules.datasets.base import ImageData
from data_modules.datasets.celeba import CelebAData
from data_modules.datasets.image_folder import ImageFolderData
from data_modules.datasets.unpaired import UnpairedData
from data_modules.errors import DataError, listing
from data_modules.pictures import read_rgb, why_unreadable


@dataclass(frozen=True)
class Report:
    """What a check found; ``str(report)`` is a text of a few lines, more where something is wrong.

    Attributes:
        title: what was checked.
        present: number of pictures.
        sizes: (width, height) in pixels -> number of pictures, the most frequent first.
        remarks: lines about what is there, and what is left out.
        unreadable: picture -> why it cannot be decoded.
        errors: what else a run would stop with.
    """

    title: str
    present: int
    sizes: dict[tuple[int, int], int]
    remarks: Sequence[str]
    unreadable: dict[str, str]
    errors: Sequence[str]

    @property
    def ok(self) -> bool:
        """Whether a run can use the folder as it is."""
        return self.present > 0 and not any(self.faults().values())

    def facts(self) -> dict[str, object]:
        """What there is, in words."""
        shown = [f"{width}x{height}: {count:,}" for (width, height), count in list(self.sizes.items())[:8]]
        more = ["..."] if len(self.sizes) > 8 else []
        return {"images present": f"{self.present:,}", "width x height": ", ".join([*shown, *more]) or "none"}

    def notes(self) -> dict[str, Sequence[str]]:
        """What a run uses all the same, though it is odd."""
        return {}

    def faults(self) -> dict[str, Sequence[str]]:
        """What a run would stop with, by its kind."""
        return {"unreadable images": [f"{k}: {v}" for k, v in self.unreadable.items()], "errors": self.errors}

    def __str__(self) -> str:
        lines = [self.title, *(f"{name:<18} {words}" for name, words in self.facts().items()), *self.remarks]
        for title, found in (self.notes() | self.faults()).items():
            if found:
                lines.append(f"{title}: {len(found):,}{listing(found)}")
        return "\n".join([*lines, "ok" if self.ok else "NOT OK"])


def check(kind: str, root: Path, images: str | None = None) -> Report:
    """Reads all files of a data set as a run would, decodes all pictures and reports what is wrong, raising nothing.

    Args:
        kind: "celeba", "folder" or "unpaired".
        root: the folder of the data set.
        images: the folder of the pictures; not for "unpaired".
    """
    title = f"{kind} data in {root}"
    try:
        module = MODULES[kind](root, images)
        paths = module.read_files()
        remarks = module.remarks()
    except DataError as error:
        return Report(title, 0, {}, [], {}, [str(error)])
    sizes, unreadable = decode(paths)
    return Report(title, len(paths), counts(sizes), remarks, {str(path): why for path, why in unreadable.items()}, [])


def counts(sizes: Mapping[Path, tuple[int, int]]) -> dict[tuple[int, int], int]:
    """How many pictures have which size, the most frequent first."""
    return dict(Counter(sizes.values()).most_common())


def decode(paths: Sequence[Path]) -> tuple[dict[Path, tuple[int, int]], dict[Path, str]]:
    """Width and height of the pictures, and why the others cannot be read."""
    sizes: dict[Path, tuple[int, int]] = {}
    unreadable: dict[Path, str] = {}
    with ThreadPoolExecutor(min(8, usable_cores())) as pool:
        for path, outcome in zip(paths, pool.map(_size_or_reason, paths), strict=True):
            if isinstance(outcome, str):
                unreadable[path] = outcome
            else:
                sizes[path] = outcome
    return sizes, unreadable


def _size_or_reason(path: Path) -> tuple[int, int] | str:
    try:
        return read_rgb(path).size
    except Exception as error:  # a broken file may raise anything; every one of them is reported
        return why_unreadable(path, error)


def _unpaired(root: Path, images: str | None) -> UnpairedData:
    if images is not None:
        raise DataError("--images is not for this layout: the folders are called trainA, trainB, testA and testB")
    return UnpairedData(str(root))


MODULES: dict[str, Callable[[Path, str | None], ImageData]] = {
    "celeba": lambda root, images: CelebAData(str(root), images=images),
    "folder": lambda root, images: ImageFolderData(str(root), images=images),
    "unpaired": _unpaired,
}
