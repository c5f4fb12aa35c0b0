"""Frechet and kernel distance: closed forms, torchmetrics' own value, and independence of batches and ranks."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.image.fid import FrechetInceptionDistance

from lit_gans.errors import InputError
from lit_gans.metrics.frechet import FrechetDistance, KernelDistance, gaussian_distance, kernel_distance


def noise(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def whitened(seed: int, count: int, features: int) -> Tensor:
    """Rows whose sample mean is exactly 0 and whose sample covariance is exactly the identity."""
    rows = noise(seed, count, features)
    rows = rows - rows.mean(dim=0)
    factor = torch.linalg.cholesky(rows.T @ rows / (count - 1))
    return torch.linalg.solve_triangular(factor, rows.T, upper=False).T


def frechet(real: Tensor, fake: Tensor) -> float:
    metric = FrechetDistance(real.shape[1])
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return float(metric.compute())


def kernel(real: Tensor, fake: Tensor, **options: Any) -> tuple[float, float]:
    metric = KernelDistance(real.shape[1], **({"capacity": 1000, "subsets": 1} | options))
    metric.update(real, real=True)
    metric.update(fake, real=False)
    mean, spread = metric.compute()
    return float(mean), float(spread)


def gathered(first: Metric, second: Metric) -> Any:
    """What all_gather gives the first of two ranks: the states of both, found by the first rank's own."""

    def gather(state: Tensor, group: object) -> list[Tensor]:
        name = next(name for name in first._defaults if getattr(first, name) is state)
        return [state, getattr(second, name)]

    return gather


class TestFrechetDistance:
    def test_a_shift_costs_its_squared_length(self) -> None:
        rows, shift = noise(0, 50, 4), torch.tensor([1.0, -2, 0, 2])
        assert frechet(rows, rows + shift) == pytest.approx(9)

    def test_scaled_axes_cost_the_squared_differences_of_their_deviations(self) -> None:
        rows = whitened(0, 60, 3)
        a, b = torch.tensor([1.0, 2, 3]), torch.tensor([1.0, 4, 0.5])
        # (1 - 1)^2 + (2 - 4)^2 + (3 - 0.5)^2
        assert frechet(rows * a, rows * b) == pytest.approx(10.25)

    def test_covariances_that_do_not_commute(self) -> None:
        # of 2x2 matrices, tr (AB)^(1/2) = sqrt(tr AB + 2 sqrt(det AB))
        a = torch.tensor([[2.0, 1], [1, 3]], dtype=torch.float64)
        b = torch.tensor([[4.0, -1], [-1, 1]], dtype=torch.float64)
        assert (a @ b != b @ a).any()
        cross = math.sqrt(float((a @ b).trace()) + 2 * math.sqrt(5 * 3))
        zero = torch.zeros(2, dtype=torch.float64)
        assert float(gaussian_distance(zero, a, zero, b)) == pytest.approx(5 + 5 - 2 * cross, abs=1e-12)
        rows = whitened(1, 40, 2)
        root_a, root_b = torch.linalg.cholesky(a), torch.linalg.cholesky(b)
        assert frechet(rows @ root_a.T, rows @ root_b.T) == pytest.approx(10 - 2 * cross, abs=1e-9)

    def test_equal_sets_are_at_distance_0_in_any_order(self) -> None:
        rows = noise(2, 100, 16)
        assert frechet(rows, rows.flip(0)) == pytest.approx(0, abs=1e-9)

    def test_it_is_symmetric(self) -> None:
        a, b = noise(3, 50, 8), noise(4, 70, 8) * 2 + 1
        assert frechet(a, b) == pytest.approx(frechet(b, a), rel=1e-12)

    def test_fewer_pictures_than_features_give_a_finite_value(self) -> None:
        # both covariances have rank 4 of 32; in orthogonal subspaces the cross term is exactly 0
        real, fake = torch.zeros(5, 32, dtype=torch.float64), torch.zeros(5, 32, dtype=torch.float64)
        real[:, :4], fake[:, 8:12] = whitened(5, 5, 4), whitened(6, 5, 4)
        assert frechet(real, fake) == pytest.approx(8, abs=1e-6)

    def test_torchmetrics_gives_the_same_for_the_same_features(self) -> None:
        real, fake = noise(7, 200, 12).abs(), noise(8, 150, 12).exp()
        theirs = FrechetInceptionDistance(feature=Flat(12), normalize=True)
        theirs.update(real.view(200, 12, 1, 1), real=True)
        theirs.update(fake.view(150, 12, 1, 1), real=False)
        assert frechet(real, fake) == pytest.approx(float(theirs.compute()), rel=1e-9)

    def test_far_from_the_origin_float32_features_lose_nothing(self) -> None:
        rows = whitened(9, 400, 4)
        # |mean| / deviation is 1000: sums of squares in float32 would be off by about 1 in the first digit
        assert frechet((rows + 1000).float(), (2 * rows + 1000).float()) == pytest.approx(4, abs=1e-3)

    @pytest.mark.parametrize("sizes", [[60], [1, 59], [20, 7, 33]])
    def test_the_value_does_not_depend_on_the_batches(self, sizes: list[int]) -> None:
        real, fake = noise(10, 60, 5), noise(11, 60, 5) * 3
        metric = FrechetDistance(5)
        for part_real, part_fake in zip(real.split(sizes), fake.split(sizes), strict=True):
            metric.update(part_fake, real=False)
            metric.update(part_real, real=True)
        assert float(metric.compute()) == pytest.approx(frechet(real, fake), rel=1e-12)

    def test_two_ranks_with_unequal_parts_give_the_value_of_one(self) -> None:
        real, fake = noise(12, 60, 5), noise(13, 60, 5) + 1
        ranks = []
        for part in (slice(0, 11), slice(11, 60)):
            ranks.append(FrechetDistance(5))
            ranks[-1].update(real[part], real=True)
            ranks[-1].update(fake[part], real=False)
        alone = float(ranks[0].compute())
        ranks[0].sync(dist_sync_fn=gathered(*ranks), distributed_available=lambda: True)
        ranks[0]._computed = None
        ranks[0]._to_sync = False  # compute() below is that of the states gathered above
        both = float(ranks[0].compute())
        assert both == pytest.approx(frechet(real, fake), rel=1e-12)
        assert alone != pytest.approx(both, rel=0.01)

    def test_the_states_do_not_grow_and_are_float64(self) -> None:
        metric = FrechetDistance(6)
        sizes = []
        for count in (2, 500):
            metric.update(torch.rand(count, 6), real=True)
            metric.update(torch.rand(count, 6), real=False)
            states = [getattr(metric, name) for name in metric._defaults]
            sizes.append([state.shape for state in states])
            assert {state.dtype for state in states if state.ndim} == {torch.float64}
        assert sizes[0] == sizes[1]


class Flat(nn.Module):
    """An extractor whose images are their own features."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


class TestKernelDistance:
    def test_by_hand(self) -> None:
        # one feature: k(x, y) = (xy + 1)^3. Pairs of a: k(0, 1) = 1; of b: k(1, 2) = 27; across: 1, 1, 8, 27
        a, b = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [2.0]])
        assert float(kernel_distance(a, b)) == pytest.approx(1 + 27 - 2 * 37 / 4)
        assert kernel(a, b, subset_size=2, capacity=2) == (pytest.approx(9.5), 0)

    def test_a_loop_over_pairs_in_plain_python_gives_the_same(self) -> None:
        a, b = noise(0, 7, 3), noise(1, 9, 3) + 0.5

        def k(x: Tensor, y: Tensor) -> float:
            return (sum(p * q for p, q in zip(x.tolist(), y.tolist(), strict=True)) / 3 + 1) ** 3

        def pairs(rows: Tensor) -> float:
            return sum(k(x, y) for x, y in itertools.permutations(rows, 2)) / (len(rows) * (len(rows) - 1))

        expected = pairs(a) + pairs(b) - 2 * sum(k(x, y) for x in a for y in b) / 63
        assert float(kernel_distance(a, b)) == pytest.approx(expected, rel=1e-12)

    def test_it_is_unbiased(self) -> None:
        # two draws from one distribution: the mean over many small pairs is 0, on both sides of which they fall
        values = torch.tensor(
            [float(kernel_distance(noise(2 * i, 10, 4), noise(2 * i + 1, 10, 4))) for i in range(400)]
        )
        assert abs(float(values.mean())) < 3 * float(values.std()) / 20
        assert (values < 0).float().mean() > 0.2

    def test_the_mean_over_subsets_estimates_the_value_of_the_whole_and_their_spread_is_told(self) -> None:
        real, fake = noise(3, 300, 4), noise(4, 300, 4) + 0.7
        whole = float(kernel_distance(real, fake))
        mean, spread = kernel(real, fake, subsets=200, subset_size=50)
        assert 0 < spread < whole
        assert mean == pytest.approx(whole, abs=4 * spread / math.sqrt(200))

    def test_it_tells_nearer_from_farther(self) -> None:
        real = noise(5, 200, 8)
        near, far = (kernel(real, noise(6, 200, 8) + shift)[0] for shift in (0.2, 0.6))
        assert 0 < near < far

    @pytest.mark.parametrize("sizes", [[90], [1, 89], [40, 13, 37]])
    def test_the_value_does_not_depend_on_the_batches(self, sizes: list[int]) -> None:
        real, fake = noise(7, 90, 5), noise(8, 90, 5) + 1
        options: dict[str, Any] = {"subsets": 3, "subset_size": 10, "capacity": 40}
        metric = KernelDistance(5, **options)
        for part_real, part_fake in zip(real.split(sizes), fake.split(sizes), strict=True):
            metric.update(part_real, real=True)
            metric.update(part_fake, real=False)
        assert float(metric.compute()[0]) == kernel(real, fake, **options)[0]

    def test_the_seed_decides_the_value(self) -> None:
        real, fake = noise(9, 90, 5), noise(10, 90, 5) + 1
        options: dict[str, Any] = {"subsets": 3, "subset_size": 10}
        torch.manual_seed(1)
        first = kernel(real, fake, **options)
        torch.manual_seed(2)
        assert kernel(real, fake, **options) == first
        assert kernel(real, fake, seed=1, **options) != first

    def test_no_more_than_the_capacity_is_kept_and_evenly(self) -> None:
        metric = KernelDistance(1, subset_size=2, capacity=100)
        for start in range(0, 10_000, 250):
            metric.update(torch.arange(start, start + 250.0).unsqueeze(1), real=True)
        assert metric.real_rows.shape == (100, 1)
        kept = metric.real_rows.flatten()
        assert len(kept.unique()) == 100
        # 100 of 0 to 9999, evenly: the mean has the deviation 289
        assert float(kept.mean()) == pytest.approx(5000, abs=4 * 289)
        assert 10 < int((kept < 2500).sum()) < 40

    def test_two_ranks_pool_their_pictures_even_if_one_has_none(self) -> None:
        real, fake = noise(11, 40, 3).float(), noise(12, 40, 3).float() + 1
        whole = float(kernel_distance(real, fake))
        for cut in (40, 13):
            ranks = [KernelDistance(3, subsets=1, subset_size=50, capacity=50) for _ in range(2)]
            for rank, part in zip(ranks, (slice(0, cut), slice(cut, 40)), strict=True):
                rank.update(real[part], real=True)
                rank.update(fake[part], real=False)
            ranks[0].sync(dist_sync_fn=gathered(*ranks), distributed_available=lambda: True)
            assert (int(ranks[0].real_count), int(ranks[0].fake_count)) == (40, 40)
            ranks[0]._to_sync = False  # compute() below is that of the states gathered above
            assert float(ranks[0].compute()[0]) == pytest.approx(whole, rel=1e-5)
            assert int(ranks[0].real_count) == cut  # torchmetrics has given the rank its own states back

    @pytest.mark.parametrize("options", [{"subsets": 0}, {"subset_size": 1}, {"subset_size": 20, "capacity": 10}])
    def test_impossible_subsets_are_refused(self, options: dict[str, int]) -> None:
        name, value = next(iter(options.items()))
        with pytest.raises(InputError, match=f"{name}={value} "):
            KernelDistance(3, **options)


@pytest.mark.parametrize("metric", [FrechetDistance(3), KernelDistance(3, subset_size=2, capacity=5)])
class TestBadInput:
    def test_another_number_of_features_is_refused(self, metric: Metric) -> None:
        with pytest.raises(InputError, match=r"shape \(2, 4\); expected \(pictures, 3\)"):
            metric.update(torch.zeros(2, 4), real=True)

    def test_features_that_are_not_finite_are_refused(self, metric: Metric) -> None:
        with pytest.raises(InputError, match="not finite"):
            metric.update(torch.tensor([[0.0, math.nan, 0.0]]), real=False)

    def test_a_single_picture_has_no_spread(self, metric: Metric) -> None:
        metric.reset()
        metric.update(torch.rand(5, 3), real=True)
        metric.update(torch.rand(1, 3), real=False)
        with pytest.raises(InputError, match="at least 2 real and 2 generated pictures; there are 5 and 1"):
            metric.compute()
