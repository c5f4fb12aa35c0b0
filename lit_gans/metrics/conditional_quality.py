"""The guard beside an object score: a model must not buy it with worse or fewer different pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lit_gans.metrics.diversity import ConditionDiversity
from lit_gans.metrics.extractors import Extractor
from lit_gans.metrics.quality import PictureQuality, quality_lines


class ConditionalQuality:
    """`PictureQuality` of pictures for held-out conditions, and the diversity of those of one condition.

    Args:
        extractor: see `metrics/extractors.py`; not the scoring evaluator.
        drawn: the features of the draws, by condition list, each with the conditions in the same order; several sets of
            real pictures share them, and they may come later.
    """

    def __init__(self, extractor: Extractor, drawn: Mapping[str, Sequence[Tensor]]) -> None:
        self.extractor = extractor
        self.quality = PictureQuality(extractor)
        self.real: list[Tensor] = []
        self.drawn = drawn

    def compare(self, real: Tensor, fake: Tensor) -> None:
        """Real pictures and as many generated ones for the same conditions, (B, 3, H, W) in [-1, 1]."""
        self.quality.update(real, real=True)
        self.quality.update(fake, real=False)
        self.real.append(self.extractor(real).cpu())

    def compute(self) -> dict[str, Any] | None:
        """Plain values for scores.json: those of `PictureQuality`, and `condition_diversity` (None after a single
        draw). None where there were fewer than two real pictures to compare with."""
        if sum(map(len, self.real)) < 2:
            return None
        return {**self.quality.compute(), "condition_diversity": self.condition_diversity()}

    def condition_diversity(self) -> float | None:
        """Root mean square distance between pictures of one condition, 1 being that between any two real ones."""
        if max(map(len, self.drawn.values()), default=0) < 2:
            return None
        metric = ConditionDiversity(self.extractor.num_features, sum(len(draws[0]) for draws in self.drawn.values()))
        metric.update(torch.cat(self.real), real=True)
        first = 0
        for draws in self.drawn.values():
            rows = torch.arange(first, first + len(draws[0]))
            for features in draws:
                metric.update(features, real=False, condition=rows)
            first += len(rows)
        return metric.compute().item()


def conditional_quality_lines(facts: dict[str, Any] | None) -> list[str]:
    """The lines to print for what `ConditionalQuality.compute` gave."""
    if facts is None:
        return ["no real pictures beside the condition lists: distances to them are not measured"]
    lines = quality_lines(facts)
    if facts["condition_diversity"] is not None:
        lines.append(f"diversity within a condition, any two real pictures = 1: {facts['condition_diversity']:.3f}")
    return lines
