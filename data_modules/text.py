"""Text files, read in one way: UTF-8 with or without a byte order mark, whatever the system's locale is."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from data_modules.errors import DataError

MOST_JSON = 128 * 2**20
"""A JSON file is parsed whole, which takes several times its bytes of memory; a larger one is refused."""
MOST_LEVELS = 100
"""Lists and mappings in each other. Python's own limit was 1,000 levels until 3.13, and is the stack's size since."""


def read_text(file: Path, most: int | None = None) -> str:
    """The text of a file, with "\\n" for every kind of line end.

    Raises:
        DataError: no such file, not readable, not UTF-8, or larger than `most` bytes.
    """
    try:
        if most is not None and (size := file.stat().st_size) > most:
            raise DataError(
                f"{file}: {size:,} bytes, and at most {most:,} are read; is it the right file? Else split the data set"
            )
        data = file.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{file}: no such file; put it there or correct its name") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); check the file and its permissions") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{file}: not UTF-8 text (byte 0) but UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(file: Path) -> list[str]:
    """The lines of a file, without their ends. Raises what `read_text` raises."""
    lines = read_text(file).split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def read_json(file: Path) -> object:
    """The value in a JSON file.

    Raises:
        DataError: as `read_text`; no valid JSON, nested too deeply, or a key that stands twice in one mapping.
    """
    return parse_json(read_text(file, MOST_JSON), str(file))


def parse_json(text: str, where: str) -> object:
    """The value that a JSON text stands for; `where` begins the message of the errors, see `read_json`."""

    def without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if repeated := twice([key for key, _ in pairs]):
            raise DataError(f"{where}: the key {repeated[0]!r} stands there more than once; keep one")
        return dict(pairs)

    try:
        value: object = json.loads(text, object_pairs_hook=without_repeats)
        if is_too_deep(value):
            raise RecursionError
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise DataError(f"{where}, line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}") from error
    except RecursionError:
        raise DataError(f"{where}: lists or mappings are nested too deeply; is it the right file?") from None
    except UnicodeEncodeError:
        raise DataError(f"{where}: holds half a character (an unpaired \\ud...), which no name has") from None
    except DataError:
        raise
    except ValueError as error:  # Python refuses whole numbers of thousands of digits
        raise DataError(f"{where}: not valid here: {error}") from error
    return value


def is_too_deep(value: object) -> bool:
    """Whether more than MOST_LEVELS lists and mappings are in each other."""
    level = containers([value])
    for _ in range(MOST_LEVELS):
        level = [inner for outer in level for inner in containers(outer.values() if isinstance(outer, dict) else outer)]
    return bool(level)


def containers(values: Iterable[object]) -> list[dict[str, object] | list[object]]:
    return [value for value in values if isinstance(value, dict | list)]


def twice(names: Iterable[str]) -> tuple[str, ...]:
    """The names that stand there more than once."""
    return tuple(name for name, count in Counter(names).items() if count > 1)


def kind(value: object) -> str:
    """What a JSON value is, for a message."""
    names = {dict: "a mapping", list: "a list", str: "a string", type(None): "null"}
    return names.get(type(value), "a number or truth value")


def short(value: object) -> str:
    """A JSON value for a message."""
    try:
        text = json.dumps(value)
    except (RecursionError, ValueError):
        return f"{kind(value)} that is too deep to show"
    return text if len(text) <= 80 else text[:77] + "..."
