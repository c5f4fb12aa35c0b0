"""From the values of several draws to what is told of them."""

import statistics
from typing import Any


def summary(draws: list[float]) -> dict[str, Any]:
    """mean, std (of the draws, n - 1), min, max and the draws themselves."""
    return {
        "mean": statistics.fmean(draws),
        "std": statistics.stdev(draws) if len(draws) > 1 else 0.0,
        "min": min(draws),
        "max": max(draws),
        "draws": draws,
    }
