"""The share of pictures that show the asked tags."""

import pytest
import torch
from torch import Tensor

from lit_gans.metrics.tag_accuracy import TagAccuracy

GROUPS = {"hair": [0, 1], "eyes": [2, 3, 4]}


def asked(*pairs: tuple[int, int]) -> Tensor:
    condition = torch.zeros(len(pairs), 5)
    for row, (hair, eyes) in enumerate(pairs):
        condition[row, hair] = condition[row, eyes] = 1
    return condition


def test_each_kind_is_judged_by_its_own_highest_output() -> None:
    accuracy = TagAccuracy(GROUPS)
    # hair right in both although an eye colour is the highest of all; eyes right in the second alone
    outputs = torch.tensor([[0.2, 0.1, 0.9, 0.3, 0.0], [0.1, 0.2, 0.0, 0.1, 0.8]])
    accuracy.see("list", "e.pth", outputs, asked((0, 4), (1, 4)))
    report, lines = accuracy.compute()
    kinds = report["tag_accuracy"]["list"]["e.pth"]
    assert kinds["hair"]["mean"] == 1.0 and kinds["eyes"]["mean"] == 0.5
    assert lines == [
        "list: hair as asked 1.0000 of 2 pictures, 1 draws, evaluator e.pth",
        "list: eyes as asked 0.5000 of 2 pictures, 1 draws, evaluator e.pth",
    ]


def test_batches_of_a_list_are_draws_and_those_of_real_pictures_one_set_even_of_the_same_name() -> None:
    right, wrong = asked((0, 2)), asked((1, 3))
    accuracy = TagAccuracy(GROUPS)
    for seen, told in ((right, right), (torch.cat([right, wrong, wrong]), torch.cat([right, right, right]))):
        accuracy.see(None, "e.pth", seen, told)
        accuracy.see("held_out", "e.pth", seen, told)
    report, lines = accuracy.compute()
    assert report["real_tag_accuracy"]["e.pth"]["hair"] == 0.5
    assert report["tag_accuracy"]["held_out"]["e.pth"]["hair"]["draws"] == pytest.approx([1.0, 1 / 3])
    assert lines[0] == "real held-out images: hair as tagged 0.5000 of 4, evaluator e.pth"


@pytest.mark.parametrize(
    "groups, condition",
    [
        ({"cube": [0, 1], "sphere": [2, 3]}, [[1.0, 0, 0, 0]]),  # a cube, and no sphere
        ({"cube": [0, 1], "sphere": [2, 3]}, [[1.0, 1, 1, 0]]),  # two cubes
        ({}, [[1.0, 0]]),
    ],
)
def test_conditions_other_than_one_tag_of_every_kind_have_no_accuracy(
    groups: dict[str, list[int]], condition: list[list[float]]
) -> None:
    accuracy = TagAccuracy(groups)
    accuracy.see("list", "e.pth", torch.tensor(condition), torch.tensor(condition))
    assert accuracy.compute() == ({}, [])
