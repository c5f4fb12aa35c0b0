"""The share of extra objects, by hand."""

import pytest
import torch

from lit_gans.metrics.extra_objects import ExtraObjects

# Seen above 0.5: {0, 1}, {2}, {}, {0, 1, 3}; asked: {0}, {2}, {1}, {0, 2}. Extra: {1}, {}, {}, {1, 3}.
PROBABILITIES = torch.tensor([[0.9, 0.6, 0.1, 0.5], [0.0, 0.2, 0.51, 0.4], [0.1, 0.4, 0.3, 0.2], [0.8, 0.9, 0.1, 0.7]])
TARGET = torch.tensor([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 1, 0]])


def extra(*rows: slice, threshold: float = 0.5) -> float:
    metric = ExtraObjects(threshold)
    for part in rows:
        metric.update(PROBABILITIES[part], TARGET[part])
    return float(metric.compute())


def test_hand_computed_example() -> None:
    # six objects seen, three of them not asked for
    assert extra(slice(None)) == pytest.approx(3 / 6)


def test_it_does_not_depend_on_the_batches() -> None:
    assert extra(slice(0, 1), slice(1, 4)) == pytest.approx(3 / 6)


def test_the_threshold_is_exclusive_and_can_be_set() -> None:
    # above 0.4: {0, 1, 3}, {2}, {}, {0, 1, 3}: the 0.4s do not count, and four of seven are extra
    assert extra(slice(None), threshold=0.4) == pytest.approx(4 / 7)


def test_objects_that_are_missing_are_not_its_concern() -> None:
    assert extra(slice(1, 3)) == 0


def test_an_evaluator_that_sees_nothing_sees_nothing_extra() -> None:
    assert extra(slice(2, 3)) == 0
