"""A run's facts, scores and pictures in the record of experiments."""

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image, ImageChops

import lit_gans
from lit_gans import zoo
from lit_gans.checkpoints import read_torch_file
from lit_gans.cli import main


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
    Image.effect_noise((60, 40), 80).point(lambda value: value // 64 * 64).convert("RGB").save(folder / "test.png")
    return folder


def test_an_entry_holds_facts_metrics_scores_and_pictures_under_date_and_commit(
    script: ModuleType, run: Path, scored: Path, tmp_path: Path
) -> None:
    entry = script.publish(run, [scored, scored], "cdcgan_iclevr", tmp_path / "record")
    assert entry == tmp_path / "record" / "cdcgan_iclevr" / "2026-11-28-0123456+"
    names = ["metrics.csv", "run.json", "scores.json", "scores_2.json", "test.png", "test_2.png"]
    assert sorted(file.name for file in entry.iterdir()) == names
    with Image.open(scored / "test.png") as drawn, Image.open(entry / "test.png") as kept:
        assert kept.mode == "P" and ImageChops.difference(drawn, kept.convert("RGB")).getextrema() == ((0, 0),) * 3
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


def test_minutes_of_the_runs_that_a_run_continues_are_counted(script: ModuleType, run: Path, tmp_path: Path) -> None:
    facts = json.loads((run / "run.json").read_text()) | {"minutes": 10.0}
    (run / "run.json").write_text(json.dumps(facts))
    folders = [run]
    for number, minutes in ((1, 5.5), (2, 1.0)):
        folder = run.parent / f"version_{number}"
        folder.mkdir()
        continues = str(folders[-1] / "checkpoints" / "last.ckpt")
        (folder / "run.json").write_text(json.dumps(facts | {"minutes": minutes, "continues": continues}))
        folders.append(folder)
    assert [script.facts_of(folder)["minutes_before"] for folder in folders] == [0, 10, 15.5]
    (run / "run.json").unlink()
    assert script.facts_of(folders[-1])["minutes_before"] is None


def test_the_newest_run_is_the_one_of_the_highest_number(script: ModuleType, tmp_path: Path) -> None:
    """Whatever the files' times say: a copied folder has new ones."""
    import runs

    for number in (10, 9, 2, 11):
        (tmp_path / f"version_{number}").mkdir()
        if number < 11:
            (tmp_path / f"version_{number}" / "scores.json").touch()
    assert runs.newest(tmp_path, "scores.json") == tmp_path / "version_10" / "scores.json"
    assert runs.newest(tmp_path, "last.ckpt") is None


def test_one_command_adds_weights_with_their_picture_and_card(
    script: ModuleType, scenes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tables
    import zoo_entry

    monkeypatch.chdir(tmp_path)
    tiny = "--data.image_size 16 --model.width 2 --data.batch_size 8 --trainer.max_steps 2 --trainer.accelerator cpu"
    assert main(f"fit --config cdcgan_iclevr --data.root {scenes_folder} {tiny}".split()) == 0
    training = Path("runs/cdcgan_iclevr/version_0")
    monkeypatch.setattr(script, "RECORD", tmp_path / "record")
    monkeypatch.setattr(zoo_entry, "ZOO", tmp_path / "zoo")
    monkeypatch.setattr(tables, "main", lambda arguments: None)
    (tmp_path / "zoo").mkdir()
    command = [str(training), "--system", "tiny", "--weights"]
    with pytest.raises(SystemExit, match="give --draws and --weak"):
        script.main(command)
    assert not list((tmp_path / "zoo").iterdir())
    script.main([*command, "--draws", "scenes", "--weak", "all of it", "--condition", "red cube"])
    assert {file.name for file in (tmp_path / "zoo").iterdir()} == {
        f"tiny.{kind}" for kind in ("safetensors", "yaml", "json", "png")
    }
    script.main(command)  # the texts of the earlier card stay
    monkeypatch.setattr(zoo, "HOMES", (tmp_path / "zoo",))
    card = zoo.cards((tmp_path / "zoo",))["tiny"]
    assert (card["draws"], card["weak"], card["data"]["name"]) == ("scenes", "all of it", "iCLEVR")
    assert card["picture"] == {"conditions": [["red cube"]]} and card["run"]["images_seen"] == 16
    content = read_torch_file(zoo.found("tiny"), "checkpoint")
    assert all(value.dtype == torch.float16 for value in content["state_dict"].values() if value.is_floating_point())
    assert lit_gans.load("tiny").sample([["red cube"]], n=8, seed=0).shape == (8, 3, 16, 16)
    assert str(scenes_folder) not in (tmp_path / "zoo" / "tiny.yaml").read_text()
    assert Image.open(tmp_path / "zoo" / "tiny.png").size == (8 * 18 + 2, 20)
