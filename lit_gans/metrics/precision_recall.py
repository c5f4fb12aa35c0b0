"""Precision and recall of generated pictures: how many are like real ones, and how many real ones like some of them.

A picture lies in a set of pictures if, for any of them, it is no farther away than its k-th nearest neighbour in the
set: Kynkaanniemi et al. 2019, arXiv 1904.06991. Precision falls where pictures are bad, recall where kinds are missing.
"""

import torch
from torch import Tensor

from lit_gans.metrics.two_sided import SIDES, SampledMetric

NEIGHBOURS = 3
PART = 512


class PrecisionRecall(SampledMetric):
    """`{"precision", "recall"}` of even samples from both sides; None with fewer than four pictures on either.

    Args:
        num_features, capacity, seed: see SampledMetric.
    """

    def __init__(self, num_features: int, capacity: int = 3000, seed: int = 0) -> None:
        super().__init__(num_features, capacity, seed)

    def compute(self) -> dict[str, float] | None:
        size = min(self.capacity, int(self.real_count), int(self.fake_count))
        if size <= NEIGHBOURS:
            return None
        real, fake = (self.sample(side, size).double() for side in SIDES)
        return {"precision": share_inside(fake, real), "recall": share_inside(real, fake)}


def share_inside(rows: Tensor, others: Tensor) -> float:
    """Share of rows (N, D) that lie no farther from one of the others (M, D) than its k-th nearest neighbour there."""
    # among their own the nearest one is the row itself
    radius = torch.cat([torch.cdist(part, others).kthvalue(NEIGHBOURS + 1).values for part in others.split(PART)])
    inside = [(torch.cdist(part, others) <= radius).any(dim=1) for part in rows.split(PART)]
    return torch.cat(inside).double().mean().item()
