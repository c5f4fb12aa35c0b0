"""Labels of anybody's pictures: from folders, a metadata file as in Hugging Face's imagefolder, or iCLEVR's JSON."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_modules.errors import DataError, listing, near_names
from data_modules.files import is_file
from data_modules.iclevr_files import read_objects
from data_modules.iclevr_json import listed_names, load_mapping
from data_modules.text import MOST_JSON, parse_json, read_lines, read_text, short, twice

FILES = ("metadata.csv", "metadata.jsonl", "train.json")
NAME = "file_name"
SEPARATORS = ";|"
MOST_CLASSES = 1000
TRUTH = {"0": False, "1": True, "-1": False, "true": True, "false": False, "no": False, "yes": True}
Row = dict[str, object]


@dataclass(frozen=True)
class Labels:
    """Which classes each picture has.

    Attributes:
        source: where they were read, for a message.
        classes: names, in the order of the condition's values.
        of_picture: file -> names of its classes.
        groups: name -> its classes, of which a picture has one.
    """

    source: str
    classes: list[str]
    of_picture: dict[str, list[str]]
    groups: dict[str, list[str]]


def label_file(folder: Path) -> Path | None:
    """The file of a folder that holds labels: the first of FILES that is there."""
    return next((folder / name for name in FILES if is_file(folder / name)), None)


def folder_labels(names: Sequence[str]) -> Labels | None:
    """The class of each picture is the first folder in its name; None unless all are in folders, and these several."""
    of_picture = {name: name.split("/")[0] for name in names if "/" in name}
    classes = sorted(set(of_picture.values()), key=natural)
    if len(of_picture) < len(names) or len(classes) < 2:
        return None
    return Labels("class folders", classes, {name: [c] for name, c in of_picture.items()}, {"class": classes})


def read_labels(file: Path, columns: Sequence[str] | None) -> Labels:
    """The labels in a metadata file (a row a picture: `file_name`, and columns) or in a JSON mapping of file names to
    lists of names.

    A column of 0 and 1 (or true and false) is a class of its own; a column of other values has a class for each of
    them, several where a cell is a list (in CSV: divided by ";" or "|").

    Args:
        file: CSV with a header, JSON lines, or JSON.
        columns: those that are labels; None: all but `file_name`.

    Raises:
        DataError: unreadable, a file named twice, an unknown column, no label, or a column with too many values.
    """
    if file.suffix.lower() == ".json":
        return _mapping_labels(file)
    rows = _csv_rows(file) if file.suffix.lower() == ".csv" else _jsonl_rows(file)
    found = _columns(file, rows, columns)
    several = len(found) > 1
    classes: list[str] = []
    groups: dict[str, list[str]] = {}
    of_picture: dict[str, list[str]] = {name: [] for name in rows}
    for column in found:
        cells = {name: _cell(file, name, column, row.get(column)) for name, row in rows.items()}
        if all(value.lower() in TRUTH for values in cells.values() for value in values):
            classes.append(column)
            for name, values in cells.items():
                of_picture[name] += [column] if any(TRUTH[value.lower()] for value in values) else []
            continue
        kinds = sorted({value for values in cells.values() for value in values}, key=natural)
        _check_kinds(file, column, kinds, len(rows))
        named = {kind: f"{column}={kind}" if several else kind for kind in kinds}
        classes += named.values()
        for name, values in cells.items():
            of_picture[name] += [named[value] for value in dict.fromkeys(values)]
        if all(len(values) == 1 for values in cells.values()):
            groups[column] = list(named.values())
    if repeated := twice(classes):
        raise DataError(f"{file}: {repeated[0]!r} is a column and a value; rename one, or name data.columns")
    return Labels(file.name, classes, of_picture, groups)


def natural(text: str) -> tuple[bool, int, str]:
    """A key that sorts numbers by their value, before other texts."""
    plain = text.isascii() and text.isdecimal() and len(text) < 19
    return (not plain, int(text) if plain else 0, text)


def _mapping_labels(file: Path) -> Labels:
    mapping = load_mapping(file, "image file name -> list of names")
    if not mapping:
        raise DataError(f"{file}: no pictures; expected at least one image file name with its list of names")
    of_picture = {name: listed_names(file, name, value) for name, value in mapping.items()}
    for name, names in of_picture.items():
        if repeated := twice(names):
            raise DataError(f"{file}: {name} names {repeated[0]!r} more than once; name each once")
    used = {name for names in of_picture.values() for name in names}
    if not is_file(file.with_name("objects.json")):
        return Labels(file.name, sorted(used, key=natural), of_picture, {})
    classes = list(read_objects(file.parent))
    for name, names in of_picture.items():
        if unknown := [label for label in names if label not in classes]:
            raise DataError(f"{file}: {name}: {unknown[0]!r} is not in objects.json; {near_names(unknown[0], classes)}")
    return Labels(file.name, classes, of_picture, {})


def _csv_rows(file: Path) -> dict[str, Row]:
    reader = csv.reader(io.StringIO(read_text(file, MOST_JSON)))
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num}: not valid CSV: {error}") from error
    if not lines:
        raise DataError(f"{file}: is empty; expected a header with {NAME} and a line a picture")
    header = [cell.strip() for cell in lines[0][1]]
    if NAME not in header:
        raise DataError(f"{file}, line 1: no column {NAME!r} among {', '.join(header)[:200]}; name the columns there")
    if repeated := twice(header):
        raise DataError(f"{file}, line 1: the column {repeated[0]!r} stands there more than once; rename one")
    wrong = [f"line {number}: {len(cells)} values" for number, cells in lines[1:] if len(cells) != len(header)]
    if wrong:
        raise DataError(
            f"{file}: {len(wrong):,} lines have not the {len(header)} values of the header:{listing(wrong)}"
        )
    rows = [(number, dict[str, object](zip(header, cells, strict=True))) for number, cells in lines[1:]]
    return _by_name(file, rows)


def _jsonl_rows(file: Path) -> dict[str, Row]:
    rows = []
    for number, line in enumerate(read_lines(file), start=1):
        if not line.strip():
            continue
        row = parse_json(line, f"{file}, line {number}")
        if not isinstance(row, dict):
            raise DataError(f"{file}, line {number}: {short(row)}; expected a mapping with {NAME} and the labels")
        rows.append((number, row))
    return _by_name(file, rows)


def _by_name(file: Path, rows: Sequence[tuple[int, Row]]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for number, row in rows:
        name = row.get(NAME)
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"{file}, line {number}: {NAME} is {short(name)}; expected the name of a picture")
        # as other systems write folders, and as "./a.png"
        name = name.strip().replace("\\", "/").removeprefix("./")
        if name in found:
            raise DataError(f"{file}, line {number}: {name} is named a second time; keep one line a picture")
        found[name] = row
    if not found:
        raise DataError(f"{file}: names no picture; expected a line for each with its {NAME} and labels")
    return found


def _columns(file: Path, rows: Mapping[str, Row], columns: Sequence[str] | None) -> list[str]:
    there = list(dict.fromkeys(column for row in rows.values() for column in row if column != NAME))
    if not there:
        raise DataError(f"{file}: no column beside {NAME}; add one with the labels, or set data.labels to none")
    for column in columns or ():
        if column not in there:
            raise DataError(f"data.columns: {column!r} is not in {file}; {near_names(column, there)}")
    if columns is not None and (not columns or twice(columns)):
        raise DataError(f"data.columns is {list(columns)}; expected different columns of {file}, or None for all")
    return there if columns is None else list(columns)


def _cell(file: Path, name: str, column: str, value: object) -> list[str]:
    """The labels in a cell; none in an empty one."""
    if isinstance(value, str):
        for separator in SEPARATORS if file.suffix.lower() == ".csv" else "":
            value = value.replace(separator, SEPARATORS[0])
        parts: list[object] = list(value.split(SEPARATORS[0])) if file.suffix.lower() == ".csv" else [value]
    else:
        parts = value if isinstance(value, list) else [] if value is None else [value]
    texts = []
    for part in parts:
        if not isinstance(part, str | int):  # truth values are whole numbers
            raise DataError(
                f"{file}: {name}: {column} is {short(value)}; expected a text, a whole number, or a list of them "
                "(name the columns that are labels with data.columns)"
            )
        texts.append(str(part).strip())
    return [text for text in texts if text]


def _check_kinds(file: Path, column: str, kinds: Sequence[str], pictures: int) -> None:
    if len(kinds) > MOST_CLASSES or len(kinds) > max(20, pictures // 2):
        raise DataError(
            f"{file}: the column {column!r} has {len(kinds):,} different values for {pictures:,} pictures"
            ", too many for classes; name the columns that are labels with data.columns, or set data.labels to none"
        )
