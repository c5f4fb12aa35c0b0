"""`lit-gans sample` and the options that not every model has; tests/test_cli.py has the others."""

import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

import lit_gans
from lit_gans.cli import main
from lit_gans.commands.sample import split_place
from lit_gans.inference.sampling import UnconditionalSampling
from lit_gans.pictures import grid

CONDITIONS = ["--condition", "red cube, blue sphere", "--condition", "gray cylinder"]
NAMES = [["red cube", "blue sphere"], ["gray cylinder"]]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], {}),
        (["--temperature", "0.5"], {"temperature": 0.5}),
        (["--guidance", "1.5", "--no-use-ema"], {"guidance": 1.5, "use_ema": False}),
        (["--raw"], {"use_ema": False}),
    ],
)
def test_temperature_and_guidance_reach_the_flow(
    arguments: list[str], options: dict[str, float], flow_checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "grid.png"
    command = ["sample", str(flow_checkpoint), *CONDITIONS, "--n", "3", "--seed", "5", "--out", str(out), *arguments]
    assert main(command) == 0
    expected = grid(lit_gans.load(flow_checkpoint).sample(NAMES, n=3, seed=5, **options), 3).permute(1, 2, 0).numpy()
    assert np.abs(np.asarray(Image.open(out)).astype(int) - expected.astype(int)).max() <= 1


def test_labels_are_written_beside_the_rows(flow_checkpoint: Path, tmp_path: Path) -> None:
    plain, labelled = tmp_path / "plain.png", tmp_path / "labelled.png"
    command = ["sample", str(flow_checkpoint), *CONDITIONS, "--n", "3", "--seed", "5"]
    assert main([*command, "--out", str(plain)]) == main([*command, "--labels", "--out", str(labelled)]) == 0
    one, other = np.asarray(Image.open(plain)), np.asarray(Image.open(labelled))
    left = other.shape[1] - one.shape[1]
    np.testing.assert_array_equal(other[:, left:], one)
    for row in (other[:20, :left], other[20:, :left]):
        assert row.min() < 50  # letters


def test_a_gan_has_a_temperature_and_says_that_it_has_no_guidance(
    scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = f"""fit --config cdcgan_iclevr --data.root {scenes_folder} --data.image_size 16 --data.batch_size 8
        --model.width 2 --trainer.max_steps 1 --trainer.limit_val_batches 0 --trainer.accelerator cpu
        --trainer.default_root_dir {tmp_path} --wandb off"""
    assert main(arguments.split()) == 0
    checkpoint = tmp_path / "cdcgan_iclevr" / "version_0" / "checkpoints" / "last.ckpt"
    out = tmp_path / "grid.png"
    command = ["sample", str(checkpoint), *CONDITIONS, "--n", "3", "--out", str(out)]
    assert main([*command, "--temperature", "0"]) == 0
    alike = lit_gans.load(checkpoint).sample(NAMES, n=3, temperature=0)
    np.testing.assert_array_equal(np.asarray(Image.open(out)), grid(alike, 3).permute(1, 2, 0).numpy())
    assert main([*command, "--guidance", "1"]) == 2
    assert "holds a CDCGAN, which has no guidance; leave it out" in capsys.readouterr().err


def test_a_guidance_without_meaning_is_refused(flow_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", str(flow_checkpoint), *CONDITIONS, "--guidance", "-1"]) == 2
    assert "guidance is -1.0; expected a finite number of at least 0" in capsys.readouterr().err


def test_a_flow_that_is_told_places_puts_the_object_there(tmp_path: Path) -> None:
    """The middle of what is red: 5 px are less than the radius of an object."""
    out = tmp_path / "grid.png"
    for x, y in ((0.3, 0.4), (0.65, 0.6)):
        asked = ["--condition", f"red cube @ {x} {y}", "--n", "1", "--seed", "0", "--out", str(out)]
        assert main(["sample", "flow_iclevr_layout", *asked]) == 0
        pixels = np.asarray(Image.open(out)).astype(int)
        rows, columns = np.nonzero(pixels[..., 0] - pixels[..., 1:].max(axis=2) > 60)
        assert abs(columns.mean() + 0.5 - 64 * x) < 5 and abs(rows.mean() + 0.5 - 64 * y) < 5


def test_places_are_refused_where_none_are_told(flow_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", str(flow_checkpoint), "--condition", "red cube @ 0.3 0.4"]) == 2
    assert "this flow is told no places" in capsys.readouterr().err
    assert main(["sample", "conditional_gan_iclevr", "--condition", "red cube @ 0.3 0.4"]) == 2
    assert "holds a ConditionalGAN, which is told no places; leave out '@ X Y'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" red cube @ 0.3 0.6", ("red cube", (0.3, 0.6))),
        ("me@home @.5 1", ("me@home", (0.5, 1.0))),
        ("me@home ", ("me@home", None)),
        ("red cube @ 0.3", ("red cube @ 0.3", None)),
    ],
)
def test_a_place_is_two_numbers_behind_an_at(text: str, expected: tuple[str, Any]) -> None:
    assert split_place(text) == expected


class Painter(UnconditionalSampling):
    """Draws n grey pictures in parts of 10, each 2 brighter than the one before, and counts the parts in memory."""

    model_name = "Painter"
    alive: ClassVar[weakref.WeakSet[torch.Tensor]] = weakref.WeakSet()
    most: ClassVar[int] = 0

    def draw(
        self, count: int, rng: torch.Generator, use_ema: bool, *, temperature: float | None = None
    ) -> Iterator[Any]:
        for start in range(0, count, 10):
            brightness = torch.arange(start, min(start + 10, count)) * 2 / 127.5 - 1
            part = brightness.view(-1, 1, 1, 1).expand(-1, 3, 4, 6).contiguous()
            self.alive.add(part)
            Painter.most = max(self.most, len(self.alive))
            yield part
            del part


def test_any_number_of_pictures_is_written_one_by_one_in_the_memory_of_two_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lit_gans, "load", lambda *_: Painter(), raising=False)
    monkeypatch.setattr("lit_gans.commands.sample.SHOWN", 15)
    out, folder = tmp_path / "grid.png", tmp_path / "each"
    assert main(["sample", "CKPT", "--n", "123", "--out", str(out), "--individual", str(folder)]) == 0
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"{i:03d}.png" for i in range(123)]
    for i, file in enumerate(files):
        pixels = np.asarray(Image.open(file))
        assert pixels.shape == (4, 6, 3) and (pixels == 2 * i).all()
    assert Painter.most <= 2
    page = np.asarray(Image.open(out))  # 3 rows of 5
    assert page.shape == (2 + 3 * 6, 2 + 5 * 8, 3)
    assert page[3::6, 3::8, 0].tolist() == [[2 * (5 * row + column) for column in range(5)] for row in range(3)]
    assert f"wrote {out}: 123 pictures, of which it shows 15" in capsys.readouterr().out


def test_a_grid_of_conditions_shows_the_first_pictures_of_each(
    flow_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lit_gans.commands.sample.SHOWN", 4)
    out, folder = tmp_path / "grid.png", tmp_path / "each"
    command = ["sample", str(flow_checkpoint), *CONDITIONS, "--n", "3", "--seed", "5", "--labels", "--out", str(out)]
    assert main([*command, "--individual", str(folder)]) == 0
    files = sorted(folder.iterdir())
    assert [file.name for file in files[2:4]] == ["002_red-cube_blue-sphere.png", "003_gray-cylinder.png"]
    page, width = np.asarray(Image.open(out)), 2 * 18 + 2
    for row, numbers in enumerate(((0, 1), (3, 4))):
        for column, number in enumerate(numbers):
            left, top = page.shape[1] - width + 2 + 18 * column, 2 + 18 * row
            np.testing.assert_array_equal(page[top : top + 16, left : left + 16], np.asarray(Image.open(files[number])))


def test_a_very_large_grid_is_warned_of_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lit_gans, "load", lambda *_: Painter(), raising=False)
    out = tmp_path / "grid.png"
    for limit, warned in ((4 * 6 * 30, False), (4 * 6 * 30 - 1, True)):
        monkeypatch.setattr("lit_gans.commands.sample.LARGE_GRID", limit)
        assert main(["sample", "CKPT", "--n", "30", "--out", str(out)]) == 0 and out.is_file()
        assert ("the grid will have about 30 x 24 pixels" in capsys.readouterr().err) == warned
