"""Draws -> summary numbers, the file of scores and its table."""

import json
from pathlib import Path
from typing import Any

import pytest

from lit_gans.errors import InputError
from lit_gans.metrics.report import Scores, print_scores, summary, write_scores

SCORES: Scores = {"test": {"a.pth": [0.5, 0.9, 0.7], "b.pth": [0.25]}, "new_test": {"a.pth": [0.5, 0.5]}}
FACTS: dict[str, Any] = {"weights": "ema", "seeds": [4, 5, 6], "evaluators": {"a.pth": "12ab", "b.pth": "34cd"}}
FACTS["real_pictures"] = {"b.pth": 0.98765}
FACTS["extra_objects"] = {"test": {"a.pth": 0.125, "b.pth": 0.25}, "new_test": {"a.pth": 0.0}}


def test_summary_by_hand() -> None:
    found = summary([0.5, 0.9, 0.7])
    # deviations -0.2, 0.2, 0: squares sum to 0.08, over n - 1 = 2: 0.04
    assert found == {
        "mean": pytest.approx(0.7),
        "std": pytest.approx(0.2),
        "min": 0.5,
        "max": 0.9,
        "draws": [0.5, 0.9, 0.7],
    }


def test_a_single_draw_has_no_spread() -> None:
    assert summary([0.25]) == {"mean": 0.25, "std": 0.0, "min": 0.25, "max": 0.25, "draws": [0.25]}


def test_the_file_holds_lists_then_evaluators_then_the_summary_and_beside_them_the_facts(tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.json", SCORES, FACTS)
    found = json.loads((tmp_path / "scores.json").read_text())
    a = {"mean": pytest.approx(0.7), "std": pytest.approx(0.2), "min": 0.5, "max": 0.9, "draws": [0.5, 0.9, 0.7]}
    b = {"mean": 0.25, "std": 0.0, "min": 0.25, "max": 0.25, "draws": [0.25]}
    c = {"mean": 0.5, "std": 0.0, "min": 0.5, "max": 0.5, "draws": [0.5, 0.5]}
    assert found == {"test": {"a.pth": a, "b.pth": b}, "new_test": {"a.pth": c}, **FACTS}


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_scores(tmp_path / "run" / "version_0" / "scores.json", SCORES, FACTS)
    assert (tmp_path / "run" / "version_0" / "scores.json").is_file()


def test_a_list_called_like_a_fact_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"list is called 'seeds', a key of scores.json; rename"):
        write_scores(tmp_path / "scores.json", {"seeds": {"a.pth": [0.5]}}, FACTS)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_writing_leaves_the_earlier_file_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    write_scores(file, SCORES, FACTS)
    before = file.read_bytes()
    with pytest.raises(TypeError):
        write_scores(file, {"other": {"a.pth": [0.1]}}, {"not json": object()})
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == before


def test_a_second_writing_replaces_the_first(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    write_scores(file, SCORES, FACTS)
    write_scores(file, {"only": {"a.pth": [0.1]}}, FACTS)
    assert json.loads(file.read_text()).keys() == {"only", *FACTS}
    assert list(tmp_path.iterdir()) == [file]


def test_the_table_has_a_row_for_each_list_and_evaluator_and_names_seeds_weights_and_digests(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    print_scores(SCORES, FACTS)
    lines = capsys.readouterr().out.splitlines()
    assert "3 draws, seeds 4 to 6, ema weights" in lines[0]
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]
    assert rows == [
        ["test", "a.pth", "0.7000", "0.2000", "0.5000", "0.9000", "0.1250"],
        ["test", "b.pth", "0.2500", "0.0000", "0.2500", "0.2500", "0.2500"],
        ["new_test", "a.pth", "0.5000", "0.0000", "0.5000", "0.5000", "0.0000"],
    ]
    assert lines[-2:] == [
        "evaluator a.pth: sha256 12ab",
        "evaluator b.pth: 0.9877 on the held-out real pictures, sha256 34cd",
    ]
