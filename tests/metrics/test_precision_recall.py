"""Precision and recall against their definition, written as loops."""

import pytest
import torch
from torch import Tensor

from lit_gans.metrics.precision_recall import PrecisionRecall, share_inside


def metric(real: Tensor, fake: Tensor, parts: int = 1, capacity: int = 3000) -> PrecisionRecall:
    found = PrecisionRecall(real.shape[1], capacity=capacity)
    for rows, is_real in ((real, True), (fake, False)):
        for part in rows.chunk(parts):
            found.update(part, real=is_real)
    return found


def by_definition(rows: Tensor, others: Tensor) -> float:
    """Each row, against the ball around each other one that just holds its three nearest neighbours."""
    hits = 0
    for row in rows:
        inside = False
        for i, other in enumerate(others):
            distances = sorted(float((other - one).norm()) for j, one in enumerate(others) if j != i)
            inside = inside or float((row - other).norm()) <= distances[2]
        hits += inside
    return hits / len(rows)


def test_both_are_the_shares_of_their_definition() -> None:
    random = torch.Generator().manual_seed(0)
    real = torch.randn(40, 5, generator=random, dtype=torch.float64).float()
    fake = (1.5 * torch.randn(40, 5, generator=random, dtype=torch.float64) + 0.5).float()
    expected = {"precision": by_definition(fake, real), "recall": by_definition(real, fake)}
    assert 0 < expected["precision"] < 1 and 0 < expected["recall"] < 1
    assert metric(real, fake).compute() == metric(real, fake, parts=7).compute() == pytest.approx(expected, abs=1e-12)
    assert share_inside(fake.double(), real.double()) == pytest.approx(expected["precision"], abs=1e-12)


def test_the_same_pictures_have_all_of_both_far_ones_nothing_and_one_kind_of_two_half_of_recall() -> None:
    random = torch.Generator().manual_seed(0)
    one, other = torch.randn(20, 3, generator=random), torch.randn(20, 3, generator=random) + 100
    both = torch.cat([one, other])
    assert metric(both, both).compute() == {"precision": 1, "recall": 1}
    assert metric(one, other).compute() == {"precision": 0, "recall": 0}
    assert metric(both, torch.cat([one, one])).compute() == {"precision": 1, "recall": 0.5}


def test_few_pictures_tell_nothing_and_many_are_sampled() -> None:
    rows = torch.arange(30.0)[:, None]
    assert metric(rows[:3], rows).compute() is None and metric(rows, rows[:4]).compute() is not None
    assert metric(rows, rows + 1000, capacity=8).compute() == {"precision": 0, "recall": 0}
