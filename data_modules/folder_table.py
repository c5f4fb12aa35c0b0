"""A folder of anybody's pictures as one table: the pictures of each part, and the classes of each picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import DataError, listing
from data_modules.files import SUFFIXES, PictureFolder, list_pictures, need_folder
from data_modules.folder_labels import FILES, Labels, folder_labels, label_file, read_labels

PARTS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
PICTURE = "picture"
SHOWN = 8


@dataclass(frozen=True)
class PictureTable:
    """Which pictures there are, in the order of their parts.

    Attributes:
        paths: the files.
        rows: part -> the range of its rows; "train" and, where there are such folders, "val" and "test".
        classes: their names; ["picture"] without labels.
        groups: name -> classes of which each picture has one.
        numbers: int32 (pictures, most classes of one) class numbers, -1 behind the last one.
        remarks: lines that say what was found and what is left out.
    """

    paths: list[Path]
    rows: dict[str, range]
    classes: list[str]
    groups: dict[str, list[str]]
    numbers: NDArray[np.int32]
    remarks: list[str]


def read_table(root: Path, images: str | None, labels: str, columns: Sequence[str] | None) -> PictureTable:
    """See ImageFolder for the arguments.

    Raises:
        DataError: no pictures; labels that cannot be read or name pictures that are not there; a class of another part
            that no training picture can have.
    """
    need_folder(root)
    base = root / Path(images).expanduser() if images is not None else root
    parts = {part: list_pictures(folder, nested=True) for part, folder in _part_folders(base).items()}
    for pictures in parts.values():
        if not pictures.names:
            left_out = pictures.remark(every=True)
            raise DataError(f"{pictures.folder}: no pictures ({', '.join(SUFFIXES)}). {left_out}".strip())
    sources = _sources(root, parts, labels, columns) if labels != "none" else {}
    remarks = [remark for pictures in parts.values() if (remark := pictures.remark())]
    if not sources:
        paths = [path for pictures in parts.values() for path in pictures.paths]
        table = PictureTable(paths, _rows(parts), [PICTURE], {}, np.zeros((len(paths), 1), np.int32), remarks)
        remarks.append(_summary(base, table, "no labels"))
        return table
    return _labelled_table(base, parts, sources, remarks)


def _part_folders(base: Path) -> dict[str, Path]:
    """The folders of training, validation and test pictures; the whole base where there is none for training."""
    found = {part: [base / name for name in names if (base / name).is_dir()] for part, names in PARTS.items()}
    return {part: folders[0] for part, folders in found.items() if folders} if found["train"] else {"train": base}


@dataclass(frozen=True)
class _Source:
    """Labels, and the folder from which they name their pictures (None: the folder of the part)."""

    labels: Labels
    folder: Path | None


def _sources(
    root: Path, parts: Mapping[str, PictureFolder], labels: str, columns: Sequence[str] | None
) -> dict[str, _Source]:
    """The labels of each part; none at all where there are no labels."""
    if labels not in ("auto", "folders"):
        file = root / Path(labels).expanduser()
        return dict.fromkeys(parts, _Source(read_labels(file, columns), file.parent))
    files = {part: label_file(pictures.folder) for part, pictures in parts.items()}
    if labels == "auto" and (shared := label_file(root)) is not None:
        return dict.fromkeys(parts, _Source(read_labels(shared, columns), root))
    if labels == "auto" and any(files.values()):
        lacking = [parts[part].folder for part, file in files.items() if file is None]
        if lacking:
            raise DataError(f"{lacking[0]}: none of {', '.join(FILES)}, which the other parts have; add one")
        return {part: _Source(read_labels(file, columns), None) for part, file in files.items() if file is not None}
    found = {part: folder_labels(pictures.names) for part, pictures in parts.items()}
    sources = {part: _Source(read, None) for part, read in found.items() if read is not None}
    if len(sources) < len(parts) and (sources or labels == "folders"):
        folder = next(parts[part].folder for part in parts if part not in sources)
        reason = "data.labels asks for" if labels == "folders" else "the other parts have"
        raise DataError(f"{folder}: its pictures are not all in class folders, two or more, which {reason}; move them")
    return sources


def _labelled_table(
    base: Path, parts: Mapping[str, PictureFolder], sources: Mapping[str, _Source], remarks: list[str]
) -> PictureTable:
    first = sources["train"].labels
    kept: dict[str, PictureFolder] = {}
    asked: list[list[str]] = []
    unused = {id(source): set(source.labels.of_picture) for source in sources.values()}
    for part, pictures in parts.items():
        source = sources[part]
        if strange := [name for name in source.labels.classes if name not in first.classes]:
            raise DataError(f"{pictures.folder}: the class {strange[0]!r} is none of those in training; remove it")
        keys = {name: _key(pictures.folder / name, name, source) for name in pictures.names}
        unused[id(source)] -= set(keys.values())
        names = tuple(name for name, key in keys.items() if key in source.labels.of_picture)
        if not names:
            raise DataError(f"{pictures.folder}: none of its pictures is in {source.labels.source}; is it of this set?")
        kept[part] = PictureFolder(pictures.folder, names)
        asked += [source.labels.of_picture[keys[name]] for name in names]
        if unlabelled := sorted(set(pictures.names) - set(names)):
            remarks.append(
                f"{pictures.folder}: left out {len(unlabelled):,} pictures that {source.labels.source} does not name "
                f"({', '.join(unlabelled[:5])}{', ...' if len(unlabelled) > 5 else ''})"
            )
    for source in sources.values():
        if absent := sorted(unused[id(source)]):
            raise DataError(
                f"{source.labels.source}: {len(absent):,} of {len(source.labels.of_picture):,} pictures it names "
                f"are not in {base}; put them there or take them off the list:{listing(absent)}"
            )
    index = {name: i for i, name in enumerate(first.classes)}
    numbers = np.full((len(asked), max(1, *map(len, asked))), -1, np.int32)
    for row, names_of_row in zip(numbers, asked, strict=True):
        row[: len(names_of_row)] = [index[name] for name in names_of_row]
    paths = [path for pictures in kept.values() for path in pictures.paths]
    table = PictureTable(paths, _rows(kept), first.classes, first.groups, numbers, remarks)
    counts = np.bincount(numbers[numbers >= 0], minlength=len(index))
    shown = ", ".join(f"{name} {count:,}" for name, count in zip(first.classes[:SHOWN], counts, strict=False))
    more = ", ..." if len(index) > SHOWN else ""
    remarks.append(_summary(base, table, f"{len(index):,} classes by {first.source}: {shown}{more}"))
    return table


def _key(path: Path, name: str, source: _Source) -> str:
    """The name under which labels know a picture: from their own folder, from that of the part, or without the first
    folder (`images/`)."""
    own = path.relative_to(source.folder).as_posix() if source.folder and path.is_relative_to(source.folder) else name
    return next((key for key in (own, name, name.partition("/")[2]) if key in source.labels.of_picture), own)


def _rows(parts: Mapping[str, PictureFolder]) -> dict[str, range]:
    rows, start = {}, 0
    for part, pictures in parts.items():
        rows[part] = range(start, start + len(pictures.names))
        start += len(pictures.names)
    return rows


def _summary(base: Path, table: PictureTable, about: str) -> str:
    sizes = ", ".join(f"{len(rows):,} for {part}" for part, rows in table.rows.items())
    return f"{base}: {len(table.paths):,} pictures{f' ({sizes})' if len(table.rows) > 1 else ''}, {about}"
