"""Whether a generator has collapsed: how far apart its pictures lie in a frozen extractor's features.

Like the distances in `metrics/frechet.py`, these take features:

    diversity = Diversity(extractor.num_features)
    diversity.update(extractor(real_images), real=True)
    diversity.update(extractor(fake_images), real=False)
    diversity.compute()  # {"spread": 0.97, "nearest": 0.91}; 1 is as diverse as the real pictures

    by_condition = ConditionDiversity(extractor.num_features, num_conditions=32)
    by_condition.update(extractor(real_images), real=True)
    by_condition.update(extractor(fake_images), real=False, condition=rows)  # which condition each was drawn for
    by_condition.compute()
"""

import torch
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.metrics.two_sided import SampledMetric, TwoSidedMetric, checked, enough

COLLAPSED = 0.5
"""A set with either ratio of `Diversity` below this is called collapsed in reports."""


class Diversity(SampledMetric):
    """Distances among the generated pictures, divided by the same distances among the real ones. 1 is ideal.

    `spread` is the root mean square distance over all pairs, exact for any number of pictures. A generator with a
    dozen pictures that differ still has a spread near 1; what gives it away is `nearest`, the mean distance of a
    picture to the nearest other one, in even samples of one size from both sides: repeated pictures pull it to 0.

    Memory is constant. Sums and samples are pooled across processes.

    Args:
        num_features: of the extractor.
        sample_size: pictures of either side that `nearest` looks at; all of the smaller side when it has fewer.
        seed: of the samples.

    Raises:
        InputError: sample_size < 2.
    """

    higher_is_better = True
    real_sum: Tensor
    real_square: Tensor
    fake_sum: Tensor
    fake_square: Tensor

    def __init__(self, num_features: int, sample_size: int = 1000, seed: int = 0) -> None:
        if sample_size < 2:
            raise InputError(f"diversity: sample_size is {sample_size}; expected at least 2 pictures")
        super().__init__(num_features, sample_size, seed)
        self.add_sum("sum", num_features)
        self.add_sum("square")

    def update(self, features: Tensor, real: bool) -> None:
        """
        Args:
            features: (B, num_features), of any float type.
            real: whether they are of real pictures.

        Raises:
            InputError: another shape, or a feature that is not finite.
        """
        super().update(values := checked(features, self.num_features).double(), real)
        self.add(real, sum=values.sum(dim=0), square=values.square().sum())

    def compute(self) -> dict[str, Tensor]:
        """`{"spread", "nearest"}`, both float64 and 0 or more.

        Raises:
            InputError: fewer than two real or two generated pictures, or real pictures that are all alike.
        """
        enough(int(self.real_count), int(self.fake_count))
        real_spread = mean_square_of_pairs(self.real_count, self.real_sum, self.real_square)
        fake_spread = mean_square_of_pairs(self.fake_count, self.fake_sum, self.fake_square)
        size = min(self.capacity, int(self.real_count), int(self.fake_count))
        real_nearest = nearest_distance(self.sample("real", size))
        fake_nearest = nearest_distance(self.sample("fake", size))
        if real_spread <= 0 or real_nearest <= 0:
            raise InputError("diversity: the real pictures are all alike; there is nothing to compare with")
        return {"spread": (fake_spread / real_spread).sqrt(), "nearest": fake_nearest / real_nearest}


class ConditionDiversity(TwoSidedMetric):
    """Root mean square distance between pictures of one condition, divided by that between any two real pictures.

    0 if the noise is ignored and every condition has one picture. Where it lies for a good generator depends on how
    much the condition leaves open; compare generators, or give held-out real pictures with their conditions as if
    they were generated. Conditions with fewer than two pictures do not count; the others weigh by their numbers of
    pairs' degrees of freedom (pictures - 1). Memory is constant; sums are pooled across processes.

    Args:
        num_features: of the extractor.
        num_conditions: how many different conditions there are.
    """

    higher_is_better = True
    real_sum: Tensor
    real_square: Tensor
    fake_sum: Tensor
    fake_square: Tensor

    def __init__(self, num_features: int, num_conditions: int) -> None:
        super().__init__(num_features)
        self.num_conditions = num_conditions
        for side, groups in (("real", 1), ("fake", num_conditions)):
            self.add_state(f"{side}_count", torch.zeros(groups, dtype=torch.float64), dist_reduce_fx="sum")
            self.add_state(f"{side}_sum", torch.zeros(groups, num_features, dtype=torch.float64), dist_reduce_fx="sum")
            self.add_state(f"{side}_square", torch.zeros(groups, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, features: Tensor, real: bool, condition: Tensor | None = None) -> None:
        """
        Args:
            features: (B, num_features), of any float type.
            real: whether they are of real pictures, whose conditions do not matter.
            condition: (B,) whole numbers in 0 .. num_conditions - 1, needed for generated pictures.

        Raises:
            InputError: another shape, a feature that is not finite, or no or wrong conditions.
        """
        values = checked(features, self.num_features).double()
        if real:
            self.add(real, count=len(values), sum=values.sum(dim=0), square=values.square().sum())
            return
        if condition is None or condition.shape != (len(values),):
            given = "none" if condition is None else f"shape {tuple(condition.shape)}"
            raise InputError(f"condition diversity: expected one condition for each of {len(values)} pictures: {given}")
        if len(condition) and not (int(condition.min()) >= 0 and int(condition.max()) < self.num_conditions):
            raise InputError(
                f"condition diversity: conditions {int(condition.min())} to {int(condition.max())}; "
                f"expected 0 to {self.num_conditions - 1}"
            )
        rows = condition.long().to(values.device)
        self.fake_count.index_add_(0, rows, torch.ones_like(values[:, 0]))
        self.fake_sum.index_add_(0, rows, values)
        self.fake_square.index_add_(0, rows, values.square().sum(dim=1))

    def compute(self) -> Tensor:
        """The ratio, float64.

        Raises:
            InputError: fewer than two real pictures, real pictures that are all alike, or no condition with two.
        """
        several = self.fake_count > 1
        enough(int(self.real_count), int(self.fake_count.max()))
        count = self.fake_count[several]
        within = mean_square_of_pairs(count, self.fake_sum[several], self.fake_square[several])
        real = mean_square_of_pairs(self.real_count, self.real_sum, self.real_square)[0]
        if real <= 0:
            raise InputError("condition diversity: the real pictures are all alike; there is nothing to compare with")
        return ((within * (count - 1)).sum() / (count - 1).sum() / real).sqrt()


def mean_square_of_pairs(count: Tensor, total: Tensor, square: Tensor) -> Tensor:
    """Mean squared distance over all pairs of rows: twice the trace of their sample covariance.

    Args:
        count: (...) numbers of rows.
        total: (..., D) sums of the rows.
        square: (...) sums of their squared lengths.
    """
    return (2 * (square - total.square().sum(dim=-1) / count) / (count - 1)).clamp(min=0)


def nearest_distance(rows: Tensor) -> Tensor:
    """Mean distance of a row to the nearest other one; rows (N, D) with N > 1, float64."""
    # not through the matrix product, whose rounding makes copies look apart
    distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").double()
    return distances.fill_diagonal_(torch.inf).amin(dim=1).mean()
