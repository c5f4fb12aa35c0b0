"""CSV always, and Weights & Biases, TensorBoard and a user's own logger beside it; each with options and pictures."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lightning.pytorch.loggers import CSVLogger

from lit_gans.callbacks.loggers import with_csv
from lit_gans.cli import main


@pytest.fixture(autouse=True)
def own_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "wandb_home" / name))
    monkeypatch.setenv("WANDB_SILENT", "true")
    forget_wandb()  # what an earlier test has started keeps the settings of that time
    yield
    forget_wandb()


def forget_wandb() -> None:
    if wandb := sys.modules.get("wandb"):
        wandb.teardown()


def fit(data: Path, runs: Path, *more: str, steps: int = 2) -> int:
    words = f"""fit --config dcgan --data.root {data} --data.image_size 16 --model.width 4 --data.batch_size 4
        --trainer.limit_val_batches 0 --trainer.accelerator cpu --trainer.log_every_n_steps 1
        --trainer.max_steps {steps} --trainer.default_root_dir {runs}"""
    return main([*words.split(), *more])


def test_csv_tensorboard_and_wandb_each_get_scalars_pictures_and_all_options(
    pictures_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("WANDB_PROJECT", "pets")
    monkeypatch.setenv("WANDB_ENTITY", "the-lab")
    more = "--run_name mine --wandb offline --wandb_checkpoints true --tensorboard true".split()
    assert fit(pictures_folder, tmp_path, *more) == 0
    run = tmp_path / "mine" / "version_0"
    assert len((run / "metrics.csv").read_text().splitlines()) == 3
    events = EventAccumulator(str(run))
    events.Reload()
    tags = events.Tags()
    assert "loss/generator" in tags["scalars"] and tags["images"] == ["samples"]
    assert f"root: {pictures_folder}" in events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()

    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    assert len(list((folder / "files" / "media" / "images").glob("samples_*.png"))) == 1
    name = json.loads((run / "run.json").read_text())["wandb"]
    (file,) = folder.glob("*.wandb")
    assert file.name == f"run-{name}.wandb"
    forget_wandb()  # its own process has then written all
    told = file.read_bytes()
    for text in ("pets", "the-lab", "mine", str(pictures_folder), "loss/generator", f"model-{name}", "last.ckpt"):
        assert text.encode() in told, text


def test_a_continued_run_continues_its_wandb_run_and_a_new_one_does_not(pictures_folder: Path, tmp_path: Path) -> None:
    for more, steps in ((), 1), (("--ckpt_path", "last"), 2), ((), 1):
        assert fit(pictures_folder, tmp_path, "--wandb", "offline", *more, steps=steps) == 0
    ids = [json.loads((tmp_path / "dcgan" / f"version_{i}" / "run.json").read_text())["wandb"] for i in range(3)]
    assert ids[0] == ids[1] != ids[2]
    used = [folder.name.rsplit("-", 1)[1] for folder in (tmp_path / "wandb").glob("offline-run-*")]
    assert sorted(used) == sorted(ids)


def test_a_users_own_logger_stands_beside_the_csv(pictures_folder: Path, tmp_path: Path) -> None:
    own = f"--trainer.logger TensorBoardLogger --trainer.logger.save_dir {tmp_path / 'own'} --wandb off".split()
    assert fit(pictures_folder, tmp_path / "runs", *own) == 0
    assert (tmp_path / "runs" / "dcgan" / "version_0" / "metrics.csv").is_file()
    assert list((tmp_path / "own").rglob("events.out.tfevents.*"))


@pytest.mark.parametrize("given", [None, False, True])
def test_no_logger_is_one_for_the_csv(given: bool | None, tmp_path: Path) -> None:
    (logger,) = with_csv(given, str(tmp_path), "run")
    assert isinstance(logger, CSVLogger) and logger.log_dir == str(tmp_path / "run" / "version_0")


def test_a_csv_logger_of_the_users_is_the_one(tmp_path: Path) -> None:
    own = CSVLogger(tmp_path, name="own")
    assert with_csv([own], "elsewhere", "run") == [own] == with_csv(own, "elsewhere", "run")


def test_what_is_missing_for_a_logger_is_told_with_what_to_do(
    pictures_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(pictures_folder, tmp_path, "--wandb", "off", "--wandb_checkpoints", "true") == 2
    assert "--wandb_checkpoints true, and there is no W&B run; give --wandb" in capsys.readouterr().err
    for name in ("TENSORBOARD", "TENSORBOARDX"):
        monkeypatch.setattr(f"lightning.fabric.loggers.tensorboard._{name}_AVAILABLE", False)
    assert fit(pictures_folder, tmp_path, "--wandb", "off", "--tensorboard", "true") == 2
    assert "pip install 'lit_gans[tensorboard]'" in capsys.readouterr().err
