"""Draws -> summary numbers."""

import pytest

from lit_gans.metrics.summary import summary


def test_summary_by_hand() -> None:
    found = summary([0.5, 0.9, 0.7])
    # deviations -0.2, 0.2, 0: squares sum to 0.08, over n - 1 = 2: 0.04
    assert found == {
        "mean": pytest.approx(0.7),
        "std": pytest.approx(0.2),
        "min": 0.5,
        "max": 0.9,
        "draws": [0.5, 0.9, 0.7],
    }


def test_a_single_draw_has_no_spread() -> None:
    assert summary([0.25]) == {"mean": 0.25, "std": 0.0, "min": 0.25, "max": 0.25, "draws": [0.25]}
