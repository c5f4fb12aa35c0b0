"""The JSON of an iCLEVR folder, before anything is known of its objects: mappings and lists of names."""

from pathlib import Path

from data_modules.errors import DataError
from data_modules.text import kind, read_json, short


def load_mapping(file: Path, meaning: str) -> dict[str, object]:
    """A JSON mapping, of which the message of the error says what it should map.

    Raises:
        DataError: as `read_json`; no mapping.
    """
    value = read_json(file)
    if not isinstance(value, dict):
        raise DataError(f"{file}: found {kind(value)}; expected a mapping of {meaning}")
    return value


def load_list(file: Path) -> list[object]:
    """A JSON list of at least one element.

    Raises:
        DataError: as `read_json`; no list, an empty one.
    """
    value = read_json(file)
    if not isinstance(value, list):
        raise DataError(f"{file}: found {kind(value)}; expected a list of lists of object names")
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
