"""`lit-gans edit`."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import lit_gans
from lit_gans.cli import main
from lit_gans.commands.edit import examples
from lit_gans.commands.flow_data import data_of_run, read_images
from tests.commands.test_interpolate import cells, pixels


def test_each_attribute_has_a_row_around_the_picture_itself(
    flow_checkpoint: Path, scenes_folder: Path, tmp_path: Path
) -> None:
    file = sorted((scenes_folder / "images").iterdir())[4]
    out = tmp_path / "edit.png"
    arguments = ["edit", str(flow_checkpoint), "--image", str(file), "--range", "-2", "2", "--out", str(out)]
    assert main([*arguments, "--attribute", "Red Cube", "--attribute", "gray sphere"]) == 0
    found = cells(out, 2, 5).astype(int)
    image = read_images([file], 16)
    for row in found:
        assert np.abs(row[2] - pixels(image)[0]).max() <= 1
        assert np.abs(row[0] - row[4]).max() > 1
    model, data = lit_gans.load(flow_checkpoint), data_of_run(flow_checkpoint, None)
    directions = model.attribute_directions(examples(data, 2000), ["red cube", "gray sphere"])
    for row, direction in zip(found, directions, strict=True):
        expected = pixels(model.edit(image, direction, [-2.0, -1.0, 0.0, 1.0, 2.0])[0])
        assert np.abs(row - expected).max() <= 1


@pytest.mark.parametrize(("count", "batches"), [(2, 1), (8, 1), (9, 2), (2000, 4)])
def test_directions_are_learnt_from_as_many_training_pictures_as_asked(
    flow_checkpoint: Path, count: int, batches: int
) -> None:
    """In whole batches of 8, of which the 33 training pictures have 4."""
    found = list(examples(data_of_run(flow_checkpoint, None), count))
    assert [len(batch["image"]) for batch in found] == [8] * batches
    assert found[0]["image"].min() >= -1 and found[0]["image"].is_floating_point()


def test_the_data_may_have_moved(flow_checkpoint: Path, scenes_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(scenes_folder, tmp_path / "moved")
    data = data_of_run(flow_checkpoint, tmp_path / "moved")
    assert str(data.root) == str(tmp_path / "moved") and data.image_size == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--attribute", "red cub"], "unknown object 'red cub': did you mean 'red cube'"),
        (["--attribute", "red cube", "--data-root", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_an_error_is_one_line_that_names_the_fault(
    arguments: list[str],
    message: str,
    flow_checkpoint: Path,
    scenes_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image = next((scenes_folder / "images").iterdir())
    assert main(["edit", str(flow_checkpoint), "--image", str(image), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_checkpoint_without_its_config_cannot_tell_its_data(
    flow_checkpoint: Path, scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = next((scenes_folder / "images").iterdir())
    lonely = tmp_path / "a" / "b" / "lonely.ckpt"
    lonely.parent.mkdir(parents=True)
    shutil.copy(flow_checkpoint, lonely)
    assert main(["edit", str(lonely), "--image", str(image), "--attribute", "red cube"]) == 2
    assert "no config.yaml beside it" in capsys.readouterr().err
