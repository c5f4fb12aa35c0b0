"""Grids with and without words."""

import torch

from lit_gans.pictures import grid, labelled_grid

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
