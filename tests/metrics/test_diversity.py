"""Diversity: pair distances by brute force, and what a collapse does to them."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.metrics.diversity import COLLAPSED, ConditionDiversity, Diversity, nearest_distance


def noise(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def mean_square(rows: Tensor) -> float:
    """Over all pairs, one by one."""
    pairs = list(itertools.combinations(rows.tolist(), 2))
    return sum(math.dist(a, b) ** 2 for a, b in pairs) / len(pairs)


def diversity(real: Tensor, fake: Tensor, sample_size: int = 1000) -> dict[str, float]:
    metric = Diversity(real.shape[1], sample_size)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return {name: float(value) for name, value in metric.compute().items()}


class TestDiversity:
    def test_spread_is_the_root_mean_square_of_all_pairs(self) -> None:
        real, fake = noise(0, 20, 5), noise(1, 13, 5) * 3 + 7
        expected = math.sqrt(mean_square(fake) / mean_square(real))
        assert diversity(real, fake)["spread"] == pytest.approx(expected, rel=1e-6)

    def test_nearest_by_hand(self) -> None:
        # on a line at 0, 1, 3, 7: the nearest are 1, 1, 2 and 4 away
        assert float(nearest_distance(torch.tensor([[0.0], [1.0], [3.0], [7.0]]))) == 2
        assert diversity(torch.tensor([[0.0], [1], [3], [7]]), torch.tensor([[0.0], [1], [2], [3]]))["nearest"] == 0.5

    def test_the_real_pictures_themselves_have_1(self) -> None:
        rows = noise(2, 50, 4)
        assert diversity(rows, rows.flip(0)) == {"spread": pytest.approx(1), "nearest": pytest.approx(1, rel=1e-5)}

    def test_half_the_distances_give_a_half(self) -> None:
        rows = noise(3, 50, 4)
        found = diversity(rows, rows / 2 + 9)
        assert found == {"spread": pytest.approx(0.5, rel=1e-5), "nearest": pytest.approx(0.5, rel=1e-4)}

    def test_one_picture_again_and_again_has_0(self) -> None:
        assert diversity(noise(4, 50, 4), torch.ones(50, 4)) == {"spread": 0, "nearest": 0}

    def test_a_dozen_pictures_again_and_again_are_caught_by_their_neighbours_alone(self) -> None:
        real, few = noise(5, 300, 8), noise(6, 12, 8)
        found = diversity(real, few[torch.arange(300) % 12])
        assert found["spread"] > 0.8
        assert found["nearest"] == 0 < COLLAPSED

    def test_both_sides_are_compared_in_samples_of_one_size(self) -> None:
        # more pictures lie closer together; drawn from one distribution, 60 and 600 are equally diverse all the same
        real, fake = noise(7, 600, 6), noise(8, 60, 6)
        assert float(nearest_distance(fake) / nearest_distance(real)) > 1.2
        assert diversity(real, fake)["nearest"] == pytest.approx(1, abs=0.12)

    @pytest.mark.parametrize("sizes", [[40], [1, 39], [9, 31]])
    def test_the_values_do_not_depend_on_the_batches(self, sizes: list[int]) -> None:
        real, fake = noise(9, 40, 3), noise(10, 40, 3) * 2
        metric = Diversity(3, sample_size=10)
        for part_real, part_fake in zip(real.split(sizes), fake.split(sizes), strict=True):
            metric.update(part_real, real=True)
            metric.update(part_fake, real=False)
        found = {name: float(value) for name, value in metric.compute().items()}
        assert found == pytest.approx(diversity(real, fake, sample_size=10), rel=1e-6)

    def test_memory_does_not_grow(self) -> None:
        metric = Diversity(3, sample_size=7)
        for seed in range(4):
            metric.update(noise(seed, 100, 3), real=True)
        assert metric.real_rows.shape == (7, 3)

    def test_real_pictures_that_are_all_alike_are_refused(self) -> None:
        with pytest.raises(InputError, match="real pictures are all alike"):
            diversity(torch.ones(5, 2), noise(0, 5, 2))

    def test_a_sample_of_one_is_refused(self) -> None:
        with pytest.raises(InputError, match="sample_size is 1"):
            Diversity(3, sample_size=1)


class TestConditionDiversity:
    def test_by_hand(self) -> None:
        metric = ConditionDiversity(1, 3)
        metric.update(torch.tensor([[0.0], [4.0]]), real=True)  # one pair, 16
        # condition 0: 0 and 2, square 4, weight 1; condition 2: 5, 5, 8, squares 0, 9, 9, mean 6, weight 2
        fake, rows = torch.tensor([[0.0], [5.0], [2.0], [5.0], [8.0]]), torch.tensor([0, 2, 0, 2, 2])
        metric.update(fake, real=False, condition=rows)
        assert float(metric.compute()) == pytest.approx(math.sqrt((4 + 2 * 6) / 3 / 16))

    def test_one_picture_a_condition_has_0_however_far_the_conditions_lie_apart(self) -> None:
        metric = ConditionDiversity(4, 5)
        metric.update(noise(0, 50, 4), real=True)
        metric.update(noise(1, 5, 4).repeat_interleave(6, dim=0), real=False, condition=torch.arange(30) // 6)
        assert float(metric.compute()) == pytest.approx(0, abs=1e-6)

    def test_a_condition_that_explains_nothing_has_1(self) -> None:
        metric = ConditionDiversity(4, 5)
        metric.update(noise(2, 4000, 4), real=True)
        for seed in range(4):
            metric.update(noise(3 + seed, 1000, 4), real=False, condition=torch.arange(1000) % 5)
        assert float(metric.compute()) == pytest.approx(1, abs=0.03)

    @pytest.mark.parametrize(
        ("condition", "message"),
        [
            (None, "one condition for each of 3 pictures: none"),
            (torch.tensor([0, 1]), r"one condition for each of 3 pictures: shape \(2,\)"),
            (torch.tensor([0, 1, 5]), "conditions 0 to 5; expected 0 to 4"),
            (torch.tensor([-1, 1, 2]), "conditions -1 to 2; expected 0 to 4"),
        ],
    )
    def test_wrong_conditions_are_refused(self, condition: Tensor | None, message: str) -> None:
        with pytest.raises(InputError, match=message):
            ConditionDiversity(2, 5).update(torch.zeros(3, 2), real=False, condition=condition)

    def test_conditions_with_one_picture_each_have_no_diversity(self) -> None:
        metric = ConditionDiversity(2, 5)
        metric.update(noise(0, 9, 2), real=True)
        metric.update(noise(1, 5, 2), real=False, condition=torch.arange(5))
        with pytest.raises(InputError, match="at least 2 real and 2 generated"):
            metric.compute()
