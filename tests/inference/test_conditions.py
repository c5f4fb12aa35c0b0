"""Conditions as users write them."""

import re

import pytest
import torch

from lit_gans.errors import InputError
from lit_gans.inference.conditions import as_multi_hot, as_places, known_name

NAMES = ["gray cube", "red cube", "red sphere", "blue cylinder"]


def test_names_become_a_multi_hot_row_for_each_list() -> None:
    rows = as_multi_hot([["red cube"], ["blue cylinder", "gray cube"], ["red sphere"] * 2], 4, NAMES)
    expected = torch.tensor([[0.0, 1, 0, 0], [1, 0, 0, 1], [0, 0, 1, 0]])
    torch.testing.assert_close(rows, expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["Red Cube", "  red   cube ", "RED\tCUBE"])
def test_case_and_spaces_do_not_matter(name: str) -> None:
    torch.testing.assert_close(as_multi_hot([[name]], 4, NAMES), torch.tensor([[0.0, 1, 0, 0]]), rtol=0, atol=0)


def test_case_and_spaces_of_the_class_names_do_not_matter_either() -> None:
    assert known_name("blond hair", ["Smiling", "Blond Hair"]) == "Blond Hair"
    assert known_name("Blond Hair", ["Smiling", "Blond Hair"]) == "Blond Hair"


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool])
def test_a_multi_hot_tensor_of_any_type_becomes_float(dtype: torch.dtype) -> None:
    rows = torch.tensor([[0, 1, 1, 0]]).to(dtype)
    torch.testing.assert_close(as_multi_hot(rows, 4, None), torch.tensor([[0.0, 1, 1, 0]]), rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 5), (1, 2, 4)])
def test_a_tensor_of_another_shape_is_refused_with_both_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=re.escape(f"shape {shape}; expected (B, 4)")):
        as_multi_hot(torch.zeros(shape), 4, NAMES)


def test_an_unknown_name_is_refused_with_the_nearest_ones() -> None:
    with pytest.raises(InputError, match=r"unknown object 'red cub': did you mean 'red cube'"):
        as_multi_hot([["gray cube"], ["red cub"]], 4, NAMES)


def test_a_name_like_no_other_is_refused_with_all_names() -> None:
    with pytest.raises(InputError, match=r"'xyz': known names: gray cube, red cube, red sphere, blue cylinder"):
        as_multi_hot([["xyz"]], 4, NAMES)


def test_names_need_class_names() -> None:
    with pytest.raises(InputError, match="without class_names"):
        as_multi_hot([["red cube"]], 4, None)


@pytest.mark.parametrize("condition", ["red cube", []])
def test_a_bare_name_and_an_empty_list_are_refused(condition: object) -> None:
    with pytest.raises(InputError, match=re.escape(f"condition {condition!r} is not a list of names")):
        as_multi_hot([["red cube"], condition], 4, NAMES)  # type: ignore[list-item]


def test_places_are_rows_of_the_classes_and_nan_for_the_others() -> None:
    places = as_places([{"Blue  sphere": (0.25, 0.5)}, {}], 3, ["red cube", "blue sphere", "gray cylinder"])
    assert places[0, 1].tolist() == [0.25, 0.5]
    assert places.isnan().sum() == 10
    with pytest.raises(InputError, match="did you mean 'red cube'"):
        as_places([{"red cubes": (0, 0)}], 1, ["red cube"])
