"""Grids with and without words, and the files that they are written to."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lit_gans.errors import OutputError
from lit_gans.files import check_picture
from lit_gans.pictures import grid, labelled_grid, save_picture

IMAGES = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_labelled_grid_is_the_grid_with_words_on_the_left_and_above() -> None:
    plain = grid(IMAGES, 3)
    page = labelled_grid(IMAGES, ["red cube, blue sphere", "two"], ["0", "1", "2"])
    top, left = page.shape[1] - plain.shape[1], page.shape[2] - plain.shape[2]
    assert torch.equal(page[:, top:, left:], plain)
    for words in (page[:, top : top + 20, :left], page[:, top + 20 :, :left], page[:, :top, left : left + 18]):
        assert words.min() < 60 and words.max() == 255
    assert page[:, :top, :left].min() == 255  # nothing in the corner


def test_a_longer_name_gets_more_room_and_columns_need_no_name() -> None:
    short, long = (labelled_grid(IMAGES, [name, "b"]) for name in ("a", "a very long name of a class"))
    assert short.shape[1] == long.shape[1] == grid(IMAGES, 3).shape[1]
    assert long.shape[2] > short.shape[2] + 50


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "PNG"), ("a.PNG", "PNG"), ("a.jpg", "JPEG"), ("a.webp", "WEBP"), ("a", "PNG")]
)
def test_a_picture_is_written_in_the_format_of_its_ending(name: str, kind: str, tmp_path: Path) -> None:
    picture = torch.full((3, 8, 8), 200, dtype=torch.uint8)
    save_picture(picture, tmp_path / name)
    with Image.open(tmp_path / name) as written:
        assert written.format == kind and written.size == (8, 8)
        assert abs(int(np.asarray(written.convert("RGB")).mean()) - 200) <= 1


def test_another_ending_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.txt: pictures are written as \.png, \.jpg"):
        save_picture(torch.zeros(3, 8, 8, dtype=torch.uint8), tmp_path / "a.txt")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_picture(tmp_path / "new" / "deep" / "a.png")
    assert not (tmp_path / "new").exists()
    for path, message in (
        (tmp_path, "pictures are written as|a folder has this name"),
        (tmp_path / "file" / "deep" / "a.png", r"cannot write to .*deep: .*file is a file; choose another folder"),
        (tmp_path / "a.doc", "choose another ending"),
    ):
        with pytest.raises(OutputError, match=message):
            check_picture(path)
