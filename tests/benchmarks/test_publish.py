"""A run's facts, scores and pictures in the record of experiments."""

import json
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import publish

    return publish


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "cdcgan" / "version_0"
    folder.mkdir(parents=True)
    command = ["lit-gans", "fit", "--data.root=/home/me/my data/iclevr", "--model.evaluator", "/home/me/evaluator.pth"]
    facts = {"command": command, "commit": "0123456789abcdef+", "started": "2026-11-28T10:00:00+00:00"}
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "metrics.csv").write_text("step,loss\n1,0.5\n")
    return folder


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "test" / "version_0"
    folder.mkdir(parents=True)
    (folder / "scores.json").write_text(json.dumps({"checkpoint": str(tmp_path / "last.ckpt"), "share": 3 / 4}))
    (folder / "test.png").write_bytes(b"picture")
    return folder


def test_an_entry_holds_facts_metrics_scores_and_pictures_under_date_and_commit(
    script: ModuleType, run: Path, scored: Path, tmp_path: Path
) -> None:
    entry = script.publish(run, [scored, scored], "cdcgan_iclevr", tmp_path / "record")
    assert entry == tmp_path / "record" / "cdcgan_iclevr" / "2026-11-28-0123456+"
    names = ["metrics.csv", "run.json", "scores.json", "scores_2.json", "test.png", "test_2.png"]
    assert sorted(file.name for file in entry.iterdir()) == names
    assert (entry / "test.png").read_bytes() == b"picture"
    assert json.loads((entry / "scores.json").read_text()) == {"checkpoint": "last.ckpt", "share": 0.75}
    assert list((tmp_path / "record").iterdir()) == [tmp_path / "record" / "cdcgan_iclevr"]


def test_paths_of_the_machine_become_file_names(script: ModuleType, run: Path, tmp_path: Path) -> None:
    entry = script.publish(run, [], "cdcgan_iclevr", tmp_path / "record")
    assert "/home" not in (entry / "run.json").read_text()
    assert json.loads((entry / "run.json").read_text())["command"][-1] == "evaluator.pth"
    for text, expected in (
        ("--data.root=/a/b/c", "--data.root=c"),
        (r"C:\Users\me\runs\last.ckpt", "last.ckpt"),
        ("runs/x/last.ckpt", "runs/x/last.ckpt"),
        ("images/s and 3/4", "images/s and 3/4"),
    ):
        assert script.without_folders(text) == expected


def test_an_entry_is_replaced_as_a_whole_and_kept_where_a_test_left_no_scores(
    script: ModuleType, run: Path, scored: Path, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    entry = script.publish(run, [scored], "cdcgan_iclevr", record)
    with pytest.raises(SystemExit, match=r"no scores\.json"):
        script.publish(run, [tmp_path], "cdcgan_iclevr", record)
    assert (entry / "test.png").is_file()
    assert script.publish(run, [], "cdcgan_iclevr", record) == entry
    assert not (entry / "test.png").exists()
    with pytest.raises(SystemExit, match=r"no run\.json"):
        script.publish(tmp_path, [], "cdcgan_iclevr", record)
