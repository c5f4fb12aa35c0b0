"""Files of strangers on the command line: each harmful or broken one is refused by name, in one line, and nothing of it
is run. The readers have tests of their own; here it is what a user sees."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from strangers import BOMB, Harmful

from lit_gans.cli import main

FIT = """fit --config cdcgan_iclevr --data.root {scenes} --data.image_size 16 --data.batch_size 8 --model.width 2
    --trainer.max_steps 1 --trainer.accelerator cpu --trainer.limit_val_batches 0 --wandb off
    --trainer.default_root_dir {runs}"""
CLASSES, LONG = 2000, 220


@pytest.fixture(scope="module")
def checkpoint(scenes_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    assert main(FIT.format(scenes=scenes_folder, runs=runs).split()) == 0
    return runs / "cdcgan_iclevr" / "version_0" / "checkpoints" / "last.ckpt"


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert "Traceback" not in told and told.strip().count("\n") == 0, told
    assert len(told) < 3000
    return told


def commands(file: Path, out: Path) -> list[list[str]]:
    """All that read a stranger's checkpoint."""
    return [
        ["sample", str(file), "--condition", "red cube", "--out", str(out / "a.png")],
        ["export", "generator", str(file), str(out / "b.ckpt")],
        ["export", "evaluator", str(file), str(out / "b.pth")],
        ["translate", str(file), str(file.parent), str(out)],
        ["interpolate", str(file), "--out", str(out / "c")],
    ]


@pytest.mark.parametrize("harm", ["code", "10^9 elements", "cut", "no checkpoint"])
def test_a_harmful_checkpoint_is_refused_by_every_command(
    harm: str, checkpoint: Path, mark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "stranger" / "file.ckpt", tmp_path / "out"
    file.parent.mkdir()
    content = torch.load(checkpoint, weights_only=True)
    (file.parent / "config.yaml").write_bytes((checkpoint.parent.parent / "config.yaml").read_bytes())
    if harm == "code":
        torch.save({**content, "callbacks": Harmful(mark)}, file)
        message = "mkdir, which is neither a tensor nor a plain value"
    elif harm == "10^9 elements":
        torch.save({**content, "state_dict": {"w": torch.ones(1).expand(10**9)}}, file)
        message = "state_dict.w claims 1,000,000,000 elements"
    elif harm == "cut":
        file.write_bytes(checkpoint.read_bytes()[:-1000])
        message = "cut or changed"
    else:
        Image.new("RGB", (8, 8)).save(file, format="PNG")
        message = "not a readable torch file"
    for arguments in commands(file, out):
        assert message in error_of(arguments, capsys), arguments
        assert str(file) in error_of(arguments, capsys), arguments
    for command in ("fit", "validate", "test", "predict"):
        told = error_of([command, "--ckpt_path", str(file), "--trainer.default_root_dir", str(tmp_path / "r")], capsys)
        assert message in told and str(file) in told
    assert not mark.exists() and not list(tmp_path.rglob("*.png"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("width", value) for value in ("2", None, [2], {}, 2.5, 10**30, -1, True, float("nan"))),
        *(("class_names", value) for value in ("red cube", 5, [1] * 24, {"red cube": 0}, [["red"]] * 24)),
        *(("num_classes", value) for value in ("24", None, 0, 10**30)),
        *(("image_size", value) for value in ("16", -16, 17, [16])),
    ],
)
def test_what_is_drawn_with_is_of_its_type_or_refused_with_the_file(
    key: Any, value: Any, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = torch.load(checkpoint, weights_only=True)
    file = tmp_path / "file.ckpt"
    torch.save({**content, "hyper_parameters": {**content["hyper_parameters"], key: value}}, file)
    assert str(file) in error_of(["sample", str(file), "--condition", "red cube", "--out", str(tmp_path / "a")], capsys)


def test_a_text_file_that_would_take_the_memory_is_refused_before_it_is_read(
    scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large, deep = tmp_path / "large.json", tmp_path / "deep.json"
    with large.open("wb") as stream:
        stream.truncate(200 * 2**20)
    deep.write_text("[" * 10_000 + "]" * 10_000)
    arguments = "predict --config cdcgan_iclevr --untrained true --model.width 2 --data.image_size 16 --data.root"
    for file, message in ((large, "209,715,200 bytes, and at most"), (deep, "nested too deeply")):
        more = ["--data.test_conditions", f"[{file}]", "--trainer.default_root_dir", str(tmp_path)]
        told = error_of([*arguments.split(), str(scenes_folder), *more], capsys)
        assert str(file) in told and message in told


def test_pictures_that_are_none_are_named_and_the_others_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(4):
        Image.new("RGB", (8, 8)).save(folder / f"{number}.jpg", format="PNG" if number % 2 else "JPEG")
    (folder / "bomb.png").write_bytes(BOMB)
    (folder / "empty.png").write_bytes(b"")
    assert main(["data", "check", "folder", str(folder)]) == 1
    told = capsys.readouterr().out
    assert "bomb.png: more than 178,956,970 pixels" in told and "empty.png: empty file (0 bytes)" in told
    assert "unreadable images: 2" in told and "8x8: 4" in told
    arguments = f"fit --config dcgan --model.width 4 --data.image_size 8 --trainer.default_root_dir {tmp_path}"
    capsys.readouterr()
    assert main([*arguments.split(), "--data.root", str(folder), "--trainer.accelerator", "cpu"]) == 2
    told = capsys.readouterr().err
    assert "2 of 6 image files cannot be read" in told and "bomb.png" in told and "Traceback" not in told


def test_two_thousand_names_longer_than_200_characters_are_names_like_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of pictures, and of classes: and no message lists all of them."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, format="PNG")
    classes = [f"{number:04}".ljust(LONG, "x") for number in range(CLASSES)]
    for name in classes:
        (folder / f"{name}.png").write_bytes(buffer.getvalue())
    (folder / "objects.json").write_text(json.dumps({name: i for i, name in enumerate(classes)}))
    (folder / "train.json").write_text(json.dumps({f"{name}.png": [name] for name in classes}))
    for name in ("test", "new_test"):
        (folder / f"{name}.json").write_text(json.dumps([[classes[0]], [classes[-1]]]))
    assert main(["data", "check", "iclevr", str(folder)]) == 0
    assert len(capsys.readouterr().out) < 10_000
    model = "--config cdcgan_iclevr --model.width 1 --model.condition_dim 1 --model.latent_dim 1 --data.image_size 8"
    trainer = f"--trainer.max_steps 1 --trainer.limit_val_batches 1 --trainer.default_root_dir {tmp_path} --wandb off"
    arguments = f"fit {model} {trainer} --trainer.accelerator cpu --data.root {folder}"
    assert main(arguments.split()) == 0
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    out = tmp_path / "single"
    asked = ["sample", str(checkpoint), "--out", str(tmp_path / "grid.png"), "--condition"]
    assert main([*asked, classes[7], "--individual", str(out), "--labels"]) == 0
    assert len(list(out.iterdir())) == 8
    told = error_of([*asked, "red cube"], capsys)
    assert "unknown object 'red cube'" in told and "... (2,000)" in told


def test_a_compressed_checkpoint_is_refused(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bomb of the other kind: a gigabyte of zeros is a megabyte."""
    file = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(checkpoint) as source, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            archive.writestr(name, source.read(name))
    assert "not a readable torch file" in error_of(["sample", str(file), "--condition", "red cube"], capsys)
