"""Whatever stands in a text file, a reader gives its value or one DataError that names the file.

`LIT_GANS_FUZZ_SECONDS=600 pytest tests/data_modules/test_fuzz.py tests/models/test_fuzz_checkpoints.py` tries other
contents in each run, ten minutes of processor time for each reader.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import SETTINGS, for_a_while
from hypothesis import example, given
from hypothesis import strategies as st

from data_modules.celeba_files import read_attributes
from data_modules.errors import DataError
from data_modules.folder_labels import read_labels
from data_modules.iclevr_files import read_conditions, read_objects, read_train
from data_modules.iclevr_places import read_places
from data_modules.tags import read_requests, read_tags

Reader = Callable[[Path], object]
OBJECTS = {"red cube": 0, "blue ball": 1}
# file name -> what reads it, and a whole file
READERS: dict[str, tuple[Reader, str]] = {
    "objects.json": (lambda file: read_objects(file.parent), '{"red cube": 0, "blue ball": 1}'),
    "train.json": (lambda file: read_train(file.parent, OBJECTS, file.parent), '{"a.png": ["red cube"]}'),
    "test.json": (lambda file: read_conditions(file, OBJECTS), '[["red cube"], ["red cube", "blue ball"]]'),
    "places.json": (lambda file: read_places(file, ["a.png"], [["red cube"]]), '{"a.png": [[0.5, 0.25]]}'),
    "labels.json": (lambda file: read_labels(file, None), '{"a.png": ["x", "y"], "b.png": ["y"]}'),
    "metadata.csv": (lambda file: read_labels(file, None), "file_name,label,more\na.png,cat,1\nb.png,dog;cat,0\n"),
    "metadata.jsonl": (lambda file: read_labels(file, None), '{"file_name": "a.png", "label": ["x", 2]}\n'),
    "list.txt": (read_attributes, "2\nA B\na.jpg 1 -1\nb.jpg -1 0\n"),
    "tags.csv": (read_tags, "1,blue hair red eyes\n2,blonde long hair and pink eyes\n"),
    "requests.txt": (read_requests, "1,blue hair red eyes\n"),
}
WORDS = """\" ' , ; | [ ] { } : -1 1 0 1e999 NaN null true \\ud800 a.png file_name hair eyes ../.. ² ٣""".split()
TOKENS = st.sampled_from([*WORDS, "\ufeff", "\r\n", "\x00", "\x1c", "\u2028", "\ud800", " ", "9" * 5000])


def changed(whole: str) -> st.SearchStrategy[str]:
    """The whole file with pieces cut out and tokens put in."""

    @st.composite
    def change(draw: st.DrawFn) -> str:
        text = whole
        for _ in range(draw(st.integers(1, 6))):
            start, end = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
            keep = draw(st.booleans())
            text = text[:start] + draw(TOKENS | st.text(max_size=5)) + text[start if keep else end :]
        return text

    return change()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    for name, (_, whole) in READERS.items():
        (folder / name).write_text(whole)
    return folder


@pytest.mark.parametrize("name", READERS)
@for_a_while
def test_any_content_is_read_or_refused_by_name(name: str, folder: Path) -> None:
    content_is_read_or_refused(name, folder)


@SETTINGS
@given(data=st.data())
def content_is_read_or_refused(name: str, folder: Path, data: st.DataObject) -> None:
    read, whole = READERS[name]
    content = data.draw(st.binary(max_size=60) | changed(whole).map(lambda text: text.encode(errors="surrogatepass")))
    (folder / name).write_bytes(content)
    try:
        read(folder / name)
    except DataError as error:
        assert name in str(error) or "metadata" in str(error)
        str(error).encode()  # can be printed
    finally:
        (folder / name).write_text(whole)


@for_a_while
def test_any_json_is_a_list_of_conditions_or_refused(folder: Path) -> None:
    json_is_read_or_refused(folder)


@SETTINGS
@given(
    json_value=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8)
)
@example(json_value=[[]])
@example(json_value=[["red cube", "red cube"]])
def json_is_read_or_refused(folder: Path, json_value: object) -> None:
    file = folder / "any.json"
    file.write_text(json.dumps(json_value))
    try:
        conditions = read_conditions(file, OBJECTS)
    except DataError as error:
        assert "any.json" in str(error)
    else:
        assert conditions == json_value and all(set(names) <= set(OBJECTS) for names in conditions)
