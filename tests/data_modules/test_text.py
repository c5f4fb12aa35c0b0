"""Text files are UTF-8, with or without a mark, whatever the locale; what is wrong is named with its file and line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_modules.celeba_files import read_attributes
from data_modules.errors import DataError
from data_modules.iclevr_files import read_conditions, read_objects
from data_modules.tags import read_tags
from data_modules.text import MOST_JSON, MOST_LEVELS, parse_json, read_json, read_lines, read_text, short

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", BOM])
def test_a_byte_order_mark_and_the_kind_of_line_end_do_not_matter(mark: bytes, ends: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(mark + ends.join(["é".encode(), b"", b"b"]) + ends)
    assert read_lines(tmp_path / "a.txt") == ["é", "", "b"]


def test_lines_end_where_editors_end_them(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\x0bb\x1cc\u2028d\ne", encoding="utf-8")
    assert read_lines(tmp_path / "a.txt") == ["a\x0bb\x1cc\u2028d", "e"]


def test_every_reader_takes_a_byte_order_mark(tmp_path: Path) -> None:
    def marked(name: str, text: str) -> Path:
        (tmp_path / name).write_bytes(BOM + text.encode())
        return tmp_path / name

    marked("objects.json", '{"a": 0}')
    assert read_objects(tmp_path) == {"a": 0}
    assert read_conditions(marked("test.json", '[["a"]]'), {"a": 0}) == [["a"]]
    assert read_tags(marked("tags.csv", "1,blue hair red eyes\n")).pairs == {"1": ("blue", "red")}
    assert read_attributes(marked("list.txt", "1\nA\nx.jpg 1\n")).images == ["x.jpg"]


def test_the_locale_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes('["grün"]'.encode())
    code = "import pathlib, sys; from data_modules import text; print(ascii(text.read_json(pathlib.Path(sys.argv[1]))))"
    command = [sys.executable, "-X", "utf8=0", "-c", code, str(tmp_path / "a.json")]
    done = subprocess.run(command, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True)
    assert done.stdout.strip() == r"['gr\xfcn']", done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"caf\xe9", r"not UTF-8 text \(byte 3\); save it as UTF-8"),
        ("[]".encode("utf-16"), "UTF-16; save it as UTF-8"),
        (b'{"a": 1, "a": 2}', "the key 'a' stands there more than once"),
        (b"[1,\n 2", "line 2, column 3: not valid JSON"),
        (b"[" * 10_000 + b"]" * 10_000, "nested too deeply"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "not valid here: .*digits"),
        (b'{"\\ud800": ["red cube"]}', "holds half a character"),  # found by test_fuzz.py
        (b'[["\\uDEAD"]]', "holds half a character"),
    ],
)
def test_what_is_no_json_is_refused_by_file(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.json.*{message}"):
        read_json(tmp_path / "a.json")


def test_a_json_of_200_megabytes_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("wb") as stream:
        stream.truncate(200 * 2**20)
    with pytest.raises(DataError, match=rf"209,715,200 bytes, and at most {MOST_JSON:,} are read"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(("name", "message"), [("none", "no such file"), (".", "cannot be read"), ("a/b", "no such")])
def test_what_is_no_file_is_refused_by_name(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_text(tmp_path / name)


def test_a_value_is_shown_short() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert short(deep) == "a list that is too deep to show"
    assert short("x" * 200) == json.dumps("x" * 200)[:77] + "..."
    while deep:
        deep = deep.pop()  # type: ignore[assignment]


def test_a_character_of_two_halves_is_a_whole_one(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(r'["\ud83d\ude00"]')
    assert read_json(tmp_path / "a.json") == ["\U0001f600"]


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_a_hundred_levels_are_read_and_one_more_is_refused(opening: str, closing: str) -> None:
    """Python's own limit depends on its version."""
    times = MOST_LEVELS // sum(opening.count(mark) for mark in "[{")
    value = parse_json(opening * times + r'"\ud83d\ude00"' + closing * times, "file")
    for _ in range(MOST_LEVELS):
        (value,) = value.values() if isinstance(value, dict) else value  # type: ignore[attr-defined]
    assert value == "\U0001f600"
    with pytest.raises(DataError, match="file: lists or mappings are nested too deeply"):
        parse_json("[" + opening * times + "1" + closing * times + "]", "file")
