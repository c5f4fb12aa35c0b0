"""The JSON of an iCLEVR folder, before anything is known of its objects: mappings and lists of names."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from data_modules.errors import DataError


def _load(file: Path) -> object:
    def without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if repeated := twice([key for key, _ in pairs]):
            raise DataError(f"{file}: the key {repeated[0]!r} stands there more than once; keep one")
        return dict(pairs)

    try:
        value: object = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=without_repeats)
    except FileNotFoundError:
        raise DataError(f"{file}: no such file; put it there or correct the root folder") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); check the file and its permissions") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{file}, line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not UTF-8 text (byte {error.start}); save it as UTF-8 JSON") from error
    return value


def load_mapping(file: Path, meaning: str) -> dict[str, object]:
    """A JSON mapping, of which the message of the error says what it should map.

    Raises:
        DataError: no such file, no valid JSON, a key that stands there twice, no mapping.
    """
    value = _load(file)
    if not isinstance(value, dict):
        raise DataError(f"{file}: found {_kind(value)}; expected a mapping of {meaning}")
    return value


def load_list(file: Path) -> list[object]:
    """A JSON list of at least one element.

    Raises:
        DataError: no such file, no valid JSON, a key that stands there twice, no list, an empty one.
    """
    value = _load(file)
    if not isinstance(value, list):
        raise DataError(f"{file}: found {_kind(value)}; expected a list of lists of object names")
    if not value:
        raise DataError(f"{file}: no conditions; expected at least one list of object names")
    return value


def listed_names(file: Path, key: str, value: object) -> list[str]:
    """The value of a key of the file as a list of names.

    Raises:
        DataError: no list of strings, or an empty one.
    """
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise DataError(f"{file}: {key} has the value {short(value)}; expected a list of object names")
    if not value:
        raise DataError(f"{file}: {key} has an empty list; name at least one object or remove the entry")
    return value


def twice(names: Iterable[str]) -> tuple[str, ...]:
    """The names that stand there more than once."""
    return tuple(name for name, count in Counter(names).items() if count > 1)


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "a string", type(None): "null"}
    return names.get(type(value), "a number or truth value")


def short(value: object) -> str:
    """A value for a message."""
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
