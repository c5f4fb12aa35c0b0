"""The file of scores."""

import json
from pathlib import Path

import pytest

from lit_gans.scoring.report import SCHEMA, write_scores


def test_the_file_names_its_schema_before_the_values(tmp_path: Path) -> None:
    write_scores(tmp_path / "run" / "version_0" / "scores.json", {"seeds": [1, 2]})
    found = json.loads((tmp_path / "run" / "version_0" / "scores.json").read_text())
    assert list(found.items()) == [("schema", SCHEMA), ("seeds", [1, 2])]


def test_a_failed_writing_leaves_the_earlier_file_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    write_scores(file, {"seeds": [1]})
    before = file.read_bytes()
    with pytest.raises(TypeError):
        write_scores(file, {"not json": object()})
    assert list(tmp_path.iterdir()) == [file] and file.read_bytes() == before


def test_a_second_writing_replaces_the_first(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    write_scores(file, {"seeds": [1]})
    write_scores(file, {"draws": 3})
    assert json.loads(file.read_text()).keys() == {"schema", "draws"}
    assert list(tmp_path.iterdir()) == [file]
