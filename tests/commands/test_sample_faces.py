"""`lit-gans sample` of models that need no condition, and with a tag file."""

from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image

import lit_gans
from data_modules.anime_faces import AnimeFaces
from lit_gans.cli import main
from lit_gans.pictures import to_uint8


def checkpoint(model: L.LightningModule, folder: Path, tags: str | None, file: Path) -> Path:
    quiet = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = L.Trainer(accelerator="cpu", max_steps=1, logger=False, limit_val_batches=0, **quiet)  # type: ignore[arg-type]
    trainer.fit(model, AnimeFaces(str(folder), tags=tags, image_size=16, batch_size=6))
    trainer.save_checkpoint(file)
    return file


@pytest.fixture(scope="module")
def dcgan(faces_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = lit_gans.DCGAN(image_size=16, latent_dim=5, width=4)
    return checkpoint(model, faces_folder, None, tmp_path_factory.mktemp("dcgan") / "last.ckpt")


@pytest.fixture(scope="module")
def tag_dcgan(faces_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = AnimeFaces(str(faces_folder)).class_names
    model = lit_gans.TagDCGAN(class_names=names, image_size=16, latent_dim=5, width=4)
    return checkpoint(model, faces_folder, "tags.csv", tmp_path_factory.mktemp("tags") / "last.ckpt")


def tile(file: Path, row: int, column: int) -> np.ndarray:
    """A picture of 16 px out of a grid with gaps of 2."""
    top, left = 2 + 18 * row, 2 + 18 * column
    return np.asarray(Image.open(file))[top : top + 16, left : left + 16]


def pixels(images: torch.Tensor, index: int) -> np.ndarray:
    return to_uint8(images[index]).permute(1, 2, 0).numpy()


def test_without_conditions_there_are_25_pictures_5_in_a_row(dcgan: Path, tmp_path: Path) -> None:
    assert main(["sample", str(dcgan), "--seed", "3", "--out", str(tmp_path / "grid.png")]) == 0
    assert Image.open(tmp_path / "grid.png").size == (92, 92)
    expected = lit_gans.load(dcgan).sample(n=25, seed=3)
    np.testing.assert_array_equal(tile(tmp_path / "grid.png", 2, 4), pixels(expected, 14))


def test_their_number_can_be_chosen_and_each_has_a_file(dcgan: Path, tmp_path: Path) -> None:
    arguments = ["--n", "3", "--out", str(tmp_path / "grid.png"), "--individual", str(tmp_path / "each")]
    assert main(["sample", str(dcgan), *arguments]) == 0
    assert sorted(file.name for file in (tmp_path / "each").iterdir()) == ["000.png", "001.png", "002.png"]


def test_a_tag_file_gives_a_picture_a_line(tag_dcgan: Path, faces_folder: Path, tmp_path: Path) -> None:
    tags = str(faces_folder / "testing_tags.txt")
    out, each = tmp_path / "grid.png", tmp_path / "each"
    assert (
        main(["sample", str(tag_dcgan), "--tags", tags, "--seed", "3", "--out", str(out), "--individual", str(each)])
        == 0
    )
    asked = [["blue hair", "red eyes"], ["blue hair", "red eyes"], ["green hair", "blue eyes"]]
    expected = lit_gans.load(tag_dcgan).sample(asked, seed=3)
    for column in range(3):
        np.testing.assert_array_equal(tile(out, 0, column), pixels(expected, column))
    assert (each / "002_green-hair_blue-eyes.png").is_file()


def test_tags_by_name_work_too(tag_dcgan: Path, tmp_path: Path) -> None:
    arguments = ["--condition", "Blue hair, red eyes", "--n", "2", "--out", str(tmp_path / "grid.png")]
    assert main(["sample", str(tag_dcgan), *arguments]) == 0
    assert Image.open(tmp_path / "grid.png").size == (38, 20)


@pytest.mark.parametrize(
    ("which", "arguments", "message"),
    [
        ("dcgan", ["--condition", "blue hair"], "holds a DCGAN, which takes no conditions; leave out --condition"),
        ("dcgan", ["--labels"], "which takes no conditions"),
        ("dcgan", ["--n", "0"], "n is 0; expected a whole number of at least 1"),
        ("dcgan", ["--guidance", "2"], "holds a DCGAN, which has no guidance"),
        ("tag_dcgan", [], "holds a TagDCGAN: give --condition NAMES or --tags FILE"),
        ("tag_dcgan", ["--tags", "none.txt"], "none.txt: no such file"),
    ],
)
def test_what_does_not_go_together_is_refused(
    which: str,
    arguments: list[str],
    message: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = request.getfixturevalue(which)
    assert main(["sample", str(file), *arguments, "--out", str(tmp_path / "grid.png")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "grid.png").exists()
