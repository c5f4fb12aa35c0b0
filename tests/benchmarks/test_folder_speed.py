"""benchmarks/folder_speed.py, run whole on a few faces."""

import json
from pathlib import Path

import pytest


def test_both_data_sets_train_in_turn_and_the_ratios_are_of_their_rounds(
    faces_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import folder_speed

    out = tmp_path / "folder_speed.json"
    sizes = "--rounds 2 --batches 2 --warmup 1 --image-size 16 --batch-size 4"
    folder_speed.main([str(faces_folder), *sizes.split(), "--out", str(out)])
    content = json.loads(out.read_text())
    assert content["pictures"] == {"ImageFolder": 24, "AnimeFaces": 24} and len(content["rounds"]) == 2
    for figure, ratio in content["ImageFolder / AnimeFaces"].items():
        ratios = sorted(row["ImageFolder"][figure] / row["AnimeFaces"][figure] for row in content["rounds"])
        assert ratio == pytest.approx(sum(ratios) / 2) and ratio > 0
