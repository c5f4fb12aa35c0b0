"""`run.json`: what a training was."""

import json
import subprocess
from pathlib import Path

import pytest
import torch

import lit_gans
from lit_gans.callbacks import record
from lit_gans.callbacks.record import commit_of, machine
from lit_gans.cli import main


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@b"]
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_training_and_its_continuation_say_what_they_were(scenes_folder: Path, tmp_path: Path) -> None:
    fit = "fit --config cdcgan_iclevr --data.image_size 16 --model.width 2 --data.batch_size 4 --wandb off"
    fit += f" --trainer.default_root_dir {tmp_path} --trainer.limit_val_batches 0"
    first = [*fit.split(), "--data.root", str(scenes_folder), "--trainer.max_steps", "2", "--seed_everything", "7"]
    assert main(first) == 0
    folder = tmp_path / "cdcgan_iclevr"
    run = json.loads((folder / "version_0" / "run.json").read_text())
    assert run["command"][:2] == ["lit-gans", "fit"] and "--data.root" in run["command"]
    assert (run["model"], run["seed"], run["first_batch"], run["batches"], run["images_seen"]) == ("CDCGAN", 7, 0, 2, 8)
    assert run["versions"]["torch"] == torch.__version__ and run["machine"] == machine()
    assert run["continues"] is None and run["minutes"] >= 0 and run["precision"]
    checkpoint = folder / "version_0" / "checkpoints" / "last.ckpt"
    again = [*fit.split(), "--data.root", str(scenes_folder), "--trainer.max_steps", "3"]
    assert main([*again, "--ckpt_path", str(checkpoint)]) == 0
    run = json.loads((folder / "version_1" / "run.json").read_text())
    assert (run["seed"], run["first_batch"], run["batches"], run["images_seen"]) == (7, 2, 3, 12)
    assert run["continues"] == str(checkpoint)


def test_the_commit_is_that_of_the_checkout_and_marked_where_files_were_changed(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("a = 1\n")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-qm", "one")
    head = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "notes.txt").write_text("untracked files are no code\n")
    assert commit_of(tmp_path) == head
    (tmp_path / "code.py").write_text("a = 2\n")
    assert commit_of(tmp_path) == head + "+"


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(tmp_path) is None


def test_the_processor_has_a_name_where_linux_does_not_tell_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(record.Path, "read_text", missing)
    assert record.processor()
    assert lit_gans.__version__
