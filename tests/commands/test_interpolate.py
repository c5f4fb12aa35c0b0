"""`lit-gans interpolate`."""

from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from untrained import checkpoint_of, untrained

import lit_gans
from lit_gans.cli import main
from lit_gans.commands.flow_data import data_of_run, read_images
from lit_gans.pictures import to_uint8

TOP, CELL = 19, 18  # the row of labels above, and a picture of 16 px with its border


def cells(file: Path, rows: int, columns: int) -> np.ndarray:
    """The pictures of a labelled grid, (rows, columns, 16, 16, 3)."""
    page = np.asarray(Image.open(file))
    left = page.shape[1] - columns * CELL - 2
    assert left > 20 and page.shape[0] == TOP + rows * CELL + 2
    return np.stack(
        [[page[TOP + 2 + r * CELL :, left + 2 + c * CELL :][:16, :16] for c in range(columns)] for r in range(rows)]
    )


def pixels(images: torch.Tensor) -> np.ndarray:
    return to_uint8(images).permute(0, 2, 3, 1).numpy().astype(int)


def test_held_out_pictures_of_the_run_are_the_ends_of_each_row(flow_checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "way.png"
    assert main(["interpolate", str(flow_checkpoint), "--pairs", "1", "--steps", "6", "--out", str(out)]) == 0
    row = cells(out, 1, 6)[0].astype(int)
    held_out = pixels(data_of_run(flow_checkpoint, None).preview_batch(3)["image"])
    for end in (row[0], row[-1]):
        assert min(np.abs(end - image).max() for image in held_out) <= 1
    assert np.abs(row[0] - row[-1]).max() > 20 and np.abs(row[2] - row[0]).max() > 1


def test_flow_matching_interpolates_too(scenes_folder: Path, tmp_path: Path) -> None:
    model = lit_gans.ConditionalFlowMatching(24, image_size=16, width=16, levels=2, blocks=1, steps=2)
    trainer = L.Trainer(logger=False, enable_checkpointing=False)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    images = [word for file in sorted((scenes_folder / "images").iterdir())[:2] for word in ("--image", str(file))]
    out = tmp_path / "way.png"
    assert main(["interpolate", str(tmp_path / "model.ckpt"), *images, "--steps", "3", "--out", str(out)]) == 0
    ends = cells(out, 1, 3)[0, [0, 2]].astype(int)
    given = pixels(read_images([Path(word) for word in images[1::2]], 16))
    assert np.abs(ends - given).max() <= 1  # a new network moves nothing: noise and image are the same


def test_pictures_of_the_users_are_taken_in_pairs(flow_checkpoint: Path, scenes_folder: Path, tmp_path: Path) -> None:
    files = sorted((scenes_folder / "images").iterdir())[:4]
    images = [word for file in files for word in ("--image", str(file))]
    out = tmp_path / "way.png"
    more = ["--steps", "3", "--mode", "slerp", "--out", str(out)]
    assert main(["interpolate", str(flow_checkpoint), *images, *more]) == 0
    found = cells(out, 2, 3).astype(int)
    model, given = lit_gans.load(flow_checkpoint), read_images(files, 16)
    expected = pixels(model.interpolate(given[::2], given[1::2], 3, "slerp").flatten(0, 1))
    assert np.abs(found.reshape(expected.shape) - expected).max() <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--pairs 2", "--pairs 2: there are only 3 held-out pictures"),
        ("--pairs 0", "'0' is not a whole number of at least 1"),
        ("--steps 1", "'1' is not a whole number of at least 2"),
        ("--image {image}", "--image was given 1 times; an interpolation needs pairs"),
        ("--image nowhere.png --image {image}", "--image nowhere.png: .*No such file"),
        ("--image {image} --image {checkpoint}", "--image .*last.ckpt: cannot identify image"),
        ("--data-root nowhere", "nowhere: no such folder"),
    ],
)
def test_an_error_is_one_line_that_names_the_fault(
    arguments: str,
    message: str,
    flow_checkpoint: Path,
    scenes_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import re

    image = next((scenes_folder / "images").iterdir())
    words = arguments.format(image=image, checkpoint=flow_checkpoint).split()
    try:
        code = main(["interpolate", str(flow_checkpoint), *words, "--out", str(tmp_path / "way.png")])
    except SystemExit as done:
        code = int(str(done.code))
    assert code == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "way.png").exists()


@pytest.fixture(scope="module")
def generator_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint_of(untrained("tag_dcgan"), tmp_path_factory.mktemp("generator") / "tags.ckpt")


def test_a_generator_goes_from_latents_to_latents(generator_checkpoint: Path, tmp_path: Path) -> None:
    """Its first end is the first picture that `sample` draws with this seed."""
    out = tmp_path / "way.png"
    words = ["--condition", "red cube", "--seed", "5", "--pairs", "2", "--steps", "4", "--out", str(out)]
    assert main(["interpolate", str(generator_checkpoint), *words]) == 0
    drawn = pixels(lit_gans.load(generator_checkpoint).sample([["red cube"]], n=4, seed=5))
    found = cells(out, 2, 4).astype(int)
    for row, pair in zip(found, (drawn[:2], drawn[2:]), strict=True):
        assert max(np.abs(row[0] - pair[0]).max(), np.abs(row[-1] - pair[1]).max()) <= 1
        assert np.abs(row[0] - row[1]).max() > 0


def test_each_condition_is_a_row_of_its_own(flow_checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "way.png"
    words = ["--condition", "red cube", "--condition", "blue sphere, gray cube", "--steps", "2", "--out", str(out)]
    assert main(["interpolate", str(flow_checkpoint), *words]) == 0
    assert len(cells(out, 2, 2)) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--image a.png --image b.png", "holds a TagDCGAN; expected one that encodes images: a ConditionalFlow"),
        ("--condition red --image a.png", "give one of both"),
        ("", "a TagDCGAN draws for conditions"),
        ("--condition red_cube", "'red_cube'"),
        ("--condition redcube@0.1", "'redcube@0.1'"),
        ("--pairs 3 --condition red --condition blue", "--pairs 3, and --condition was given 2 times"),
    ],
)
def test_a_mistake_with_a_generator_is_told(
    arguments: str, message: str, generator_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["interpolate", str(generator_checkpoint), *arguments.split()]) == 2
    assert message in capsys.readouterr().err


def test_places_are_refused(generator_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["interpolate", str(generator_checkpoint), "--condition", "red cube @ 0.1 0.2"]) == 2
    assert "told no places" in capsys.readouterr().err


def test_a_model_without_latents_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = checkpoint_of(untrained("cyclegan"), tmp_path / "cyclegan.ckpt")
    assert main(["interpolate", str(checkpoint)]) == 2
    assert "holds a CycleGAN; expected one that encodes images: a ConditionalFlow" in capsys.readouterr().err
