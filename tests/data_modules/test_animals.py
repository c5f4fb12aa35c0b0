"""Procedural animals: what a picture is a function of, what tells the two sets apart, and the folder written."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_modules.errors import DataError
from data_modules.rendered.animals import Animal, render_animal, write_dataset


def contrast(animal: Animal) -> float:
    """Mean absolute step of brightness between neighbours that lie wholly within the animal, 0 to 1."""
    grey = animal.image.mean(axis=2) / 255
    inside = (animal.cover[:, 1:] == 1) & (animal.cover[:, :-1] == 1)
    return float(np.abs(np.diff(grey, axis=1))[inside].mean())


def test_the_same_arguments_give_the_same_picture_and_others_another() -> None:
    first = render_animal(True, 3, 32, seed=1)
    assert np.array_equal(first.image, render_animal(True, 3, 32, seed=1).image)
    for other in (render_animal(True, 4, 32, 1), render_animal(True, 3, 32, 2), render_animal(False, 3, 32, 1)):
        assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("striped", [False, True])
def test_an_animal_covers_a_fair_part_of_every_picture_and_touches_no_edge(striped: bool) -> None:
    for index in range(40):
        animal = render_animal(striped, index, 64)
        assert animal.image.shape == (64, 64, 3) and animal.image.dtype == np.uint8
        assert animal.cover.shape == (64, 64)
        assert animal.cover.min() >= 0 and animal.cover.max() == 1
        assert 0.1 < animal.cover.mean() < 0.35
        edge = np.ones((64, 64), bool)
        edge[1:-1, 1:-1] = False
        assert not animal.cover[edge].any(), f"picture {index}"


def test_stripes_are_what_tells_the_sets_apart() -> None:
    plain, striped = ([contrast(render_animal(kind, i, 64)) for i in range(40)] for kind in (False, True))
    assert max(plain) < 0.05
    assert min(striped) > 0.09


def test_brightness_does_not_tell_them_apart() -> None:
    """White and black coats are among the plain ones: the striped animals' mean brightness lies well within theirs."""
    plain, striped = (
        [animal.image[animal.cover == 1].mean() / 255 for animal in (render_animal(kind, i) for i in range(40))]
        for kind in (False, True)
    )
    assert min(plain) + 0.1 < min(striped) < max(striped) < max(plain) - 0.1


def test_size_changes_the_resolution_only() -> None:
    large, small = render_animal(True, 0, 128), render_animal(True, 0, 64)
    halved = large.cover.reshape(64, 2, 64, 2).mean(axis=(1, 3))
    assert np.abs(halved - small.cover).mean() < 0.02


def test_the_folder_has_the_layout_of_horse2zebra(tmp_path: Path) -> None:
    write_dataset(tmp_path / "animals", train=3, test=2, size=16, progress=False)
    found = {folder.name: len(list(folder.glob("*.png"))) for folder in (tmp_path / "animals").iterdir()}
    assert found == {"trainA": 3, "trainB": 3, "testA": 2, "testB": 2}
    for folder, striped in (("testA", False), ("testB", True)):
        pixels = np.asarray(Image.open(tmp_path / "animals" / folder / "000001.png"))
        assert np.array_equal(pixels, render_animal(striped, 1, 16).image)


def test_no_picture_is_in_both_parts_and_the_test_part_does_not_depend_on_the_training_part(tmp_path: Path) -> None:
    write_dataset(tmp_path / "few", train=1, test=2, size=16, progress=False)
    write_dataset(tmp_path / "many", train=4, test=2, size=16, progress=False)
    files = {name: {file.read_bytes() for file in (tmp_path / name).glob("*/*.png")} for name in ("few", "many")}
    assert len(files["few"]) == 6 and len(files["many"]) == 12  # no two files are alike
    assert files["few"] < files["many"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="not an empty folder"):
        write_dataset(tmp_path, train=1, test=1, size=16, progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="disk full"):
        write_dataset(tmp_path / "animals", train=1, test=1, size=16, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": 0}, "train is 0"),
        ({"test": 0}, "test is 0"),
        ({"size": 8}, "size is 8"),
        ({"seed": -1}, "seed is -1"),
    ],
    ids=str,
)
def test_impossible_values_are_refused(tmp_path: Path, options: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        write_dataset(tmp_path / "animals", **options)  # type: ignore[arg-type]
