"""Precision and recall of generated pictures: how many are like real ones, and how many real ones like some of them.

A picture lies in a set of pictures if, for any of them, it is no farther away than its k-th nearest neighbour in the
set: Kynkaanniemi et al. 2019, arXiv 1904.06991. Precision falls where pictures are bad, recall where kinds are missing.
"""

import torch
from torch import Tensor
from torchmetrics import Metric

from lit_gans.metrics.frechet import checked
from lit_gans.metrics.reservoir import add_reservoir, add_rows, kept_rows

NEIGHBOURS = 3
PART = 512


class PrecisionRecall(Metric):
    """`{"precision", "recall"}` of even samples from both sides; None with fewer than four pictures on either.

    Args:
        num_features: of the extractor.
        capacity: pictures of either side that are kept.
        seed: of the samples.
        reset_real: whether `reset` forgets the real pictures too.
    """

    full_state_update = False
    real_count: Tensor
    real_rows: Tensor
    real_keys: Tensor
    fake_count: Tensor
    fake_rows: Tensor
    fake_keys: Tensor

    def __init__(self, num_features: int, capacity: int = 3000, seed: int = 0, reset_real: bool = True) -> None:
        super().__init__()
        self.num_features, self.capacity, self.seed, self.reset_real = num_features, capacity, seed, reset_real
        for side in ("real", "fake"):
            add_reservoir(self, side, capacity, num_features)

    def update(self, features: Tensor, real: bool) -> None:
        """
        Args:
            features: (B, num_features), of any float type.
            real: whether they are of real pictures.

        Raises:
            InputError: another shape, or a feature that is not finite.
        """
        add_rows(self, "real" if real else "fake", checked(features, self.num_features), self.seed)

    def compute(self) -> dict[str, float] | None:
        size = min(self.capacity, int(self.real_count), int(self.fake_count))
        if size <= NEIGHBOURS:
            return None
        real, fake = (kept_rows(self, side, size).double() for side in ("real", "fake"))
        return {"precision": share_inside(fake, real), "recall": share_inside(real, fake)}

    def reset(self) -> None:
        kept = {name: getattr(self, name) for name in self._defaults if name.startswith("real_")}
        super().reset()
        if not self.reset_real:
            for name, state in kept.items():
                setattr(self, name, state)


def share_inside(rows: Tensor, others: Tensor) -> float:
    """Share of rows (N, D) that lie no farther from one of the others (M, D) than its k-th nearest neighbour there."""
    # among their own the nearest one is the row itself
    radius = torch.cat([torch.cdist(part, others).kthvalue(NEIGHBOURS + 1).values for part in others.split(PART)])
    inside = [(torch.cdist(part, others) <= radius).any(dim=1) for part in rows.split(PART)]
    return torch.cat(inside).double().mean().item()
