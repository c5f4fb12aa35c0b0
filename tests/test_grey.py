"""Grey pictures (`data.channels: 1`): read, trained on, scored and drawn by every model that draws or translates."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from systems import SYSTEM, config_of

from data_modules.cache import image_array
from data_modules.errors import DataError
from data_modules.image_folder import ImageFolder
from data_modules.torchvision_sets import TorchvisionSet
from lit_gans.cli import main
from lit_gans.models.registry import MODELS


def fit(name: str, data: Path, runs: Path, *more: str) -> Path:
    """One batch of grey pictures, its validation and its grid: the run's folder."""
    held_out = [] if "cyclegan" in name else ["--data.val_fraction", "0.25"]
    words = f"""fit --config {name} --data.root {data} {SYSTEM[name][1]} --data.channels 1 --data.batch_size 4
        --trainer.max_steps 1 --trainer.limit_val_batches 1 --trainer.accelerator cpu --trainer.log_every_n_steps 1
        --trainer.default_root_dir {runs} --wandb off"""
    assert main([*words.split(), *held_out, *more]) == 0
    return runs / name / "version_0"


@pytest.mark.parametrize("name", [*(config_of(name) for name in MODELS), "conditional_gan"])
def test_every_model_trains_on_grey_pictures_and_draws_grey_ones(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run = fit(name, request.getfixturevalue(SYSTEM[name][0]), tmp_path)
    grids = list((run / "samples").glob("*.png"))
    assert len(grids) == (0 if name.startswith("evaluator") else 1)
    for grid in grids:
        with Image.open(grid) as image:
            assert image.mode == "L"


def test_grey_pictures_are_sampled_tested_and_translated_as_grey_files(
    pictures_folder: Path, animals_folder: Path, tmp_path: Path
) -> None:
    run = fit("dcgan", pictures_folder, tmp_path)
    checkpoint = str(run / "checkpoints" / "last.ckpt")
    assert main(["sample", checkpoint, "--n", "3", "--out", str(tmp_path / "grid.png")]) == 0
    assert main(["test", "--ckpt_path", checkpoint, "--trainer.default_root_dir", str(tmp_path / "test")]) == 0
    pair = fit("cyclegan", animals_folder, tmp_path)
    out = tmp_path / "out"
    assert main(["translate", str(pair / "checkpoints" / "last.ckpt"), str(animals_folder / "testA"), str(out)]) == 0
    for file in (tmp_path / "grid.png", *(tmp_path / "test").rglob("samples.png"), *out.iterdir()):
        with Image.open(file) as image:
            assert image.mode == "L", file


def test_a_grey_flow_interpolates_between_coloured_files(pictures_folder: Path, tmp_path: Path) -> None:
    run = fit("flow", pictures_folder, tmp_path)
    files = [word for file in sorted((pictures_folder / "cats").glob("[!.]*.*"))[:2] for word in ("--image", str(file))]
    out = str(tmp_path / "way.png")
    assert main(["interpolate", str(run / "checkpoints" / "last.ckpt"), *files, "--out", out]) == 0
    with Image.open(out) as image:
        assert image.mode == "L"


def test_a_checkpoint_of_grey_pictures_is_refused_for_coloured_ones(
    pictures_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(fit("dcgan", pictures_folder, tmp_path) / "checkpoints" / "last.ckpt")
    assert main(["test", "--ckpt_path", checkpoint, "--data.channels", "3"]) == 2
    assert "channels is 1 there and 3 here" in capsys.readouterr().err


def test_the_pixels_are_pillows_grey_and_kept_apart_from_the_coloured_ones(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path in paths:
        Image.fromarray(random.integers(0, 256, (8, 12, 3), dtype=np.uint8)).save(path)
    grey = image_array(paths, (8, 12), tmp_path / "cache", channels=1, progress=False)
    assert grey.shape == (3, 1, 8, 12)
    for row, path in zip(grey, paths, strict=True):
        with Image.open(path) as image:
            np.testing.assert_array_equal(row[0], np.asarray(image.convert("L")))
    coloured = image_array(paths, (8, 12), tmp_path / "cache", progress=False)
    assert coloured.shape == (3, 3, 8, 12) and len(list((tmp_path / "cache").glob("*.npy"))) == 2


def test_padded_edges_of_a_grey_picture_have_the_mean_grey_of_its_border(tmp_path: Path) -> None:
    pixels = np.full((4, 8), 200, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    (image,) = image_array([tmp_path / "wide.png"], 8, tmp_path, fit="pad", channels=1, progress=False)
    assert (image == 200).all()


def test_a_coloured_public_set_becomes_grey_as_in_pillow_up_to_rounding(cifar10_folder: Path) -> None:
    found = {}
    for channels in (1, 3):
        data = TorchvisionSet(str(cifar10_folder), channels=channels, batch_size=4)
        data.setup("fit")
        found[channels] = np.asarray(data.columns["image"])
    assert found[1].shape == (24, 1, 32, 32)
    for grey, colour in zip(found[1], found[3], strict=True):
        expected = np.asarray(Image.fromarray(colour.transpose(1, 2, 0)).convert("L"), dtype=int)
        assert np.abs(grey[0] - expected).max() <= 1


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_other_numbers_of_channels_are_refused(channels: int, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"data\.channels is {channels}; expected 3 \(colour\) or 1 \(grey\)"):
        ImageFolder(str(tmp_path), channels=channels)


@pytest.mark.parametrize(
    ("config", "size", "takes"),
    [("dcgan", 30, "a multiple of 4"), ("conditional_gan", 28, "a power of two"), ("flow", 28, "a multiple of 8")],
)
def test_a_size_that_the_network_cannot_take_is_refused_with_those_it_can(
    config: str, size: int, takes: str, pictures_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "--config", config, "--data.root", str(pictures_folder), "--data.image_size", str(size)]) == 2
    error = capsys.readouterr().err
    assert f"image_size is {size}" in error and takes in error and error.count("\n") == 1
