"""``lit-gans data``: what the arguments mean, what is printed, and the exit code."""

import argparse
import io
import json
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_modules.rendered.animals import render_animal
from data_modules.rendered.faces import render_faces
from lit_gans.commands import data


def parse(*args: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    data.add_arguments(parser)
    return parser.parse_args(args)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / "pictures" / name)
    for name, value in {
        "objects.json": {"red cube": 0},
        "train.json": {"a.png": ["red cube"], "b.png": ["red cube"]},
        "test.json": [["red cube"]],
        "new_test.json": [["red cube"]],
    }.items():
        (tmp_path / name).write_text(json.dumps(value))
    return tmp_path


def test_check_prints_the_report_and_exits_0_if_all_is_well(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data.run(parse("check", "iclevr", str(root), "--images", "pictures")) == 0
    out = capsys.readouterr().out
    assert "images present     2\n" in out
    assert out.endswith("\nok\n")


def test_check_exits_1_if_something_is_wrong(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "pictures" / "a.png").unlink()
    assert data.run(parse("check", "iclevr", str(root), "--images", "pictures")) == 1
    out = capsys.readouterr().out
    assert "missing images: 1\n  a.png\n" in out
    assert out.endswith("\nNOT OK\n")


def test_check_anime_reads_faces_and_tags(faces_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data.run(parse("check", "anime", str(faces_folder))) == 0
    out = capsys.readouterr().out
    assert "24" in out and out.endswith("\nok\n")


def test_check_without_images_searches_the_folder(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data.run(parse("check", "iclevr", str(root))) == 1
    assert "no picture in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], {"size": 64, "seed": 0, "zoom": 1.0, "workers": None, "progress": True}),
        (
            ["--size", "32", "--seed", "7", "--zoom", "1.5", "--workers", "3"],
            {"size": 32, "seed": 7, "zoom": 1.5, "workers": 3, "progress": True},
        ),
    ],
)
def test_render_hands_its_arguments_to_the_renderer(
    given: list[str], expected: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[tuple[object, ...], dict[str, object]]] = []
    scenes = types.ModuleType("data_modules.rendered.scenes")
    scenes.write_dataset = lambda *args, **kwargs: calls.append((args, kwargs))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "data_modules.rendered", types.ModuleType("data_modules.rendered"))
    monkeypatch.setitem(sys.modules, "data_modules.rendered.scenes", scenes)
    assert data.run(parse("render-iclevr", "out", "--scenes", "5", *given)) == 0
    assert calls == [((Path("out"), 5), expected)]


def test_render_animals_writes_as_many_as_asked_for(tmp_path: Path) -> None:
    arguments = ["render-animals", str(tmp_path / "animals"), "--train", "2", "--test", "1", "--size", "16"]
    assert data.run(parse(*arguments, "--seed", "3")) == 0
    written = {str(file.relative_to(tmp_path / "animals")): file for file in (tmp_path / "animals").rglob("*.png")}
    train = {f"train{domain}/{index:06d}.png" for domain in "AB" for index in (1, 2)}
    assert set(written) == train | {"testA/000000.png", "testB/000000.png"}
    picture = np.asarray(Image.open(written["testB/000000.png"]))
    assert np.array_equal(picture, render_animal(True, 0, 16, seed=3).image)


def test_render_faces_writes_the_faces_asked_for(tmp_path: Path) -> None:
    assert data.run(parse("render-faces", str(tmp_path / "faces"), "--faces", "3", "--size", "16", "--seed", "7")) == 0
    drawn = render_faces(3, size=16, seed=7)
    written = sorted((tmp_path / "faces" / "img_align_celeba").iterdir())
    assert [np.asarray(Image.open(file)).tolist() for file in written] == drawn.images.tolist()
    assert (tmp_path / "faces" / "list_attr_celeba.txt").read_text().startswith("3\nBeard Big_Eyes ")


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["check", "mnist", "folder"],
        ["check", "iclevr"],
        ["render-iclevr", "out"],
        ["render-iclevr", "out", "--scenes", "0"],
        ["render-iclevr", "out", "--scenes", "many"],
        ["render-iclevr", "out", "--scenes", "1", "--size", "-4"],
        ["render-animals"],
        ["render-animals", "out", "--train", "0"],
        ["render-faces", "out"],
        ["render-faces", "out", "--faces", "0"],
    ],
)
def test_wrong_arguments_are_refused_with_the_usage(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        parse(*args)
    assert raised.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_the_module_itself_imports_nothing_heavy() -> None:
    # Loaded from its file, so that what the package around it imports does not count.
    code = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("data", {data.__file__!r})
spec.loader.exec_module(importlib.util.module_from_spec(spec))
print([name for name in ("torch", "numpy", "PIL", "rich", "data_modules") if name in sys.modules])
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert out.stdout == "[]\n"


@pytest.mark.parametrize("kind", ["celeba", "folder", "unpaired"])
def test_check_knows_every_layout(
    kind: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    fixture = {"celeba": "celeba_folder", "folder": "pictures_folder", "unpaired": "animals_folder"}[kind]
    assert data.run(parse("check", kind, str(request.getfixturevalue(fixture)))) == 0
    assert capsys.readouterr().out.endswith("\nok\n")
    assert data.run(parse("check", kind, "nowhere")) == 1
    assert "nowhere" in capsys.readouterr().out


def test_names_that_the_terminal_cannot_write_do_not_stop_a_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "grün.heic").write_bytes(b"x")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert data.run(parse("check", "folder", str(tmp_path))) == 1
    sys.stdout.flush()
    assert rb"gr\xfcn.heic" in written.getvalue()
