"""How far generated pictures are from real ones in a frozen extractor's features: Frechet distance and kernel distance.

Both take features, not pictures, so that one pass through the extractor (`metrics/extractors.py`) serves every metric:

    frechet, kernel = FrechetDistance(extractor.num_features), KernelDistance(extractor.num_features)
    features = extractor(images)  # (B, 3, H, W) in [-1, 1]
    frechet.update(features, real=True)
    kernel.update(features, real=True)
    ... the generated pictures with real=False ...
    frechet.compute(), kernel.compute()

A value means something only beside its extractor, resizer and numbers of pictures: `metrics/quality.py` keeps them
together. With Inception features these are the FID and the KID of the literature; with any other extractor they are
not, and must not be called so.
"""

import torch
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.metrics.two_sided import SIDES, SampledMetric, TwoSidedMetric, checked, enough


class FrechetDistance(TwoSidedMetric):
    """Frechet distance between Gaussians fitted to the real and to the generated pictures' features.

    `|mu_r - mu_f|^2 + tr(S_r + S_f - 2 (S_r S_f)^(1/2))` with sample covariances (n - 1). Non-negative; 0 for equal
    moments. Sums and outer products are kept in float64 and summed across processes, so memory does not grow with the
    number of pictures and the value does not depend on how they are spread over batches or ranks. With no more
    pictures than features a covariance has no full rank and the distance comes out far too large; compare only values
    with equal numbers of pictures. Source: Heusel et al. 2017, arXiv 1706.08500.

    Args:
        num_features: of the extractor.
    """

    higher_is_better = False
    real_sum: Tensor
    real_outer: Tensor
    fake_sum: Tensor
    fake_outer: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features)
        self.add_sum("count", dtype=torch.int64)
        self.add_sum("sum", num_features)
        self.add_sum("outer", num_features, num_features)

    def update(self, features: Tensor, real: bool) -> None:
        """
        Args:
            features: (B, num_features), of any float type.
            real: whether they are of real pictures.

        Raises:
            InputError: another shape, or a feature that is not finite.
        """
        values = checked(features, self.num_features).double()
        self.add(real, count=len(values), sum=values.sum(dim=0), outer=values.T @ values)

    def compute(self) -> Tensor:
        """The distance, float64.

        Raises:
            InputError: fewer than two real or two generated pictures.
        """
        enough(int(self.real_count), int(self.fake_count))
        real = moments(self.real_count, self.real_sum, self.real_outer)
        fake = moments(self.fake_count, self.fake_sum, self.fake_outer)
        return gaussian_distance(*real, *fake)


class KernelDistance(SampledMetric):
    """Kernel distance (of Inception features: KID) between the real and the generated pictures' features.

    Squared maximum mean discrepancy with the kernel `(x.y / num_features + 1)^3`: unbiased, unlike the Frechet
    distance, and so the one to trust with few pictures; it can come out slightly below 0. At most `capacity` pictures
    of either side are kept, drawn evenly from all of them, so memory is bounded. The draw and the subsets follow from
    `seed`, the order of the pictures and the ranks they came to, and not from how they are batched.
    Source: Binkowski et al. 2018, arXiv 1801.01401.

    Args:
        num_features: of the extractor.
        subsets: number of random subsets that are averaged.
        subset_size: pictures of either side in a subset; all of the smaller side when there are fewer.
        capacity: pictures of either side that are kept.
        seed: of the draw and the subsets.

    Raises:
        InputError: subsets < 1, subset_size < 2 or capacity < subset_size.
    """

    higher_is_better = False

    def __init__(
        self, num_features: int, subsets: int = 50, subset_size: int = 1000, capacity: int = 5000, seed: int = 0
    ) -> None:
        if subsets < 1 or subset_size < 2 or capacity < subset_size:
            raise InputError(
                f"kernel distance: subsets={subsets} must be at least 1, subset_size={subset_size} at least 2 and "
                f"capacity={capacity} at least subset_size"
            )
        super().__init__(num_features, capacity, seed)
        self.subsets, self.subset_size = subsets, subset_size

    def compute(self) -> tuple[Tensor, Tensor]:
        """Mean over the subsets and their standard deviation (0 for a single one), float64.

        Raises:
            InputError: fewer than two real or two generated pictures.
        """
        enough(int(self.real_count), int(self.fake_count))
        real, fake = (self.sample(side, self.capacity) for side in SIDES)
        size = min(self.subset_size, len(real), len(fake))
        rng = torch.Generator().manual_seed(self.seed)

        def subset(rows: Tensor) -> Tensor:
            return rows[torch.randperm(len(rows), generator=rng)[:size].to(rows.device)]

        values = torch.stack([kernel_distance(subset(real), subset(fake)) for _ in range(self.subsets)])
        return values.mean(), values.std(correction=0)


def gaussian_distance(mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor) -> Tensor:
    """Squared Frechet (2-Wasserstein) distance between two Gaussians with means (D,) and covariances (D, D).

    The trace of (A B)^(1/2) is taken from the eigenvalues of A^(1/2) B A^(1/2), which is symmetric: no complex
    numbers come up, and rank-deficient covariances need no regularisation.
    """
    values, vectors = torch.linalg.eigh(covariance_a)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    product = root @ covariance_b @ root
    cross = torch.linalg.eigvalsh((product + product.T) / 2).clamp(min=0).sqrt().sum()
    distance = (mean_a - mean_b).square().sum() + covariance_a.trace() + covariance_b.trace() - 2 * cross
    return distance.clamp(min=0)


def moments(count: Tensor, total: Tensor, outer: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (D,) and sample covariance (D, D) from the sum (D,) and the sum of outer products (D, D)."""
    mean = total / count
    return mean, (outer - count * torch.outer(mean, mean)) / (count - 1)


def kernel_distance(a: Tensor, b: Tensor) -> Tensor:
    """Unbiased squared maximum mean discrepancy of features (N, D) and (M, D), kernel `(x.y / D + 1)^3`; float64."""

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1).double().pow(3)

    def mean_of_pairs(x: Tensor) -> Tensor:
        values = kernel(x, x)
        return (values.sum() - values.diagonal().sum()) / (len(x) * (len(x) - 1))

    return mean_of_pairs(a) + mean_of_pairs(b) - 2 * kernel(a, b).mean()
