"""What metrics of real against generated pictures have in common: they take features of a frozen extractor.

`SampledMetric` keeps a bounded, even sample of either side, for what must look at pictures in pairs. Every row draws a
random number, and the rows with the smallest numbers are kept. So nobody needs to know how many rows will come, and the
samples of several ranks pool to a sample of all. The numbers follow from the seed, the rank and the rows' order, and
not from batches.
"""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor
from torchmetrics import Metric

from lit_gans.errors import InputError

Side = Literal["real", "fake"]
SIDES: tuple[Side, Side] = ("real", "fake")


class TwoSidedMetric(Metric):
    """States are called `real_...` and `fake_...`; `update(features, real)` adds features (B, num_features), of any
    float type, to one side.

    Args:
        num_features: of the extractor.
    """

    full_state_update = False
    real_count: Tensor
    fake_count: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def add_sum(self, name: str, *shape: int, dtype: torch.dtype = torch.float64) -> None:
        """Adds the states `real_<name>` and `fake_<name>`, 0 of this shape, summed across processes."""
        for side in SIDES:
            self.add_state(f"{side}_{name}", torch.zeros(shape, dtype=dtype), dist_reduce_fx="sum")

    def add(self, real: bool, **amounts: Tensor | int) -> None:
        """Adds to sums of one side, by their names without it."""
        for name, amount in amounts.items():
            state = getattr(self, f"{'real' if real else 'fake'}_{name}")
            state += amount


class SampledMetric(TwoSidedMetric):
    """One with a sample of either side.

    Args:
        num_features: see TwoSidedMetric.
        capacity: pictures of either side that are kept.
        seed: of the samples.
    """

    real_rows: Tensor
    real_keys: Tensor
    fake_rows: Tensor
    fake_keys: Tensor

    def __init__(self, num_features: int, capacity: int, seed: int = 0) -> None:
        super().__init__(num_features)
        self.capacity, self.seed = capacity, seed
        self.add_sum("count", dtype=torch.int64)
        for side in SIDES:
            # Allocated whole, since torchmetrics gathers states of one shape only; an unused row has the key infinity.
            self.add_state(f"{side}_rows", torch.zeros(capacity, num_features), dist_reduce_fx=rows_of_all_ranks)
            self.add_state(f"{side}_keys", torch.full((capacity,), torch.inf), dist_reduce_fx=rows_of_all_ranks)

    def update(self, features: Tensor, real: bool) -> None:
        """
        Args:
            features: (B, num_features), of any float type; kept as float32.
            real: whether they are of real pictures.

        Raises:
            InputError: another shape, or a feature that is not finite.
        """
        rows = checked(features, self.num_features)
        side = "real" if real else "fake"
        count, kept, keys = (getattr(self, f"{side}_{name}") for name in ("count", "rows", "keys"))
        first = int(count)
        rng = torch.Generator().manual_seed(self.seed * 4099 + process_rank())
        drawn = torch.rand(first + len(rows), generator=rng)[first:].to(keys.device)
        keys = torch.cat([keys, drawn])
        order = keys.argsort(stable=True)[: len(kept)]
        setattr(self, f"{side}_rows", torch.cat([kept, rows.float()])[order])
        setattr(self, f"{side}_keys", keys[order])
        count += len(rows)

    def sample(self, side: Side, limit: int) -> Tensor:
        """At most `limit` rows of this side's sample, in random order; after a sync, of the pooled sample."""
        count, kept, keys = (getattr(self, f"{side}_{name}") for name in ("count", "rows", "keys"))
        rows: Tensor = kept[keys.argsort(stable=True)[: min(limit, int(count))]]
        return rows


def update_all(metrics: Iterable[TwoSidedMetric], features: Tensor, real: bool) -> None:
    """Adds features (B, num_features) to one side of each metric, where they were computed."""
    if features.device.type == "mps":
        features = features.cpu()  # which has float64
    for metric in metrics:
        metric.to(features.device).update(features, real=real)


def checked(features: Tensor, num_features: int) -> Tensor:
    """The features, detached.

    Raises:
        InputError: not (B, num_features), or not finite.
    """
    if features.ndim != 2 or features.shape[1] != num_features:
        raise InputError(f"features of shape {tuple(features.shape)}; expected (pictures, {num_features})")
    if not torch.isfinite(features).all():
        raise InputError("features are not finite: the pictures hold NaN, or the extractor is broken")
    return features.detach()


def enough(real: int, fake: int) -> None:
    """Raises InputError: fewer than two pictures on either side."""
    if min(real, fake) < 2:
        raise InputError(f"a distance needs at least 2 real and 2 generated pictures; there are {real} and {fake}")


def rows_of_all_ranks(stacked: Tensor) -> Tensor:
    """(ranks, N, ...) -> (ranks * N, ...)."""
    return stacked.flatten(0, 1)


def process_rank() -> int:
    """Rank of this process; 0 outside of distributed runs."""
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_rank() if distributed else 0
