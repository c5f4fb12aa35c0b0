"""What is said beside an object score."""

from typing import Any

import pytest
import torch

from lit_gans.metrics.conditional_quality import ConditionalQuality, conditional_quality_lines
from lit_gans.metrics.extractors import Extractor


@pytest.fixture
def guard() -> ConditionalQuality:
    """Features are the two pixels of a grey picture, but for rounding to 8 bits."""
    return ConditionalQuality(Extractor("pixels", "no resizing", 2, Pixels()), {})


def draw(guard: ConditionalQuality, name: str, *rows: tuple[float, float]) -> None:
    drawn: Any = guard.drawn
    drawn.setdefault(name, []).append(guard.extractor(pictures(*rows)))


class Pixels(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(1.0))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean(dim=1).flatten(1) * self.scale


def pictures(*rows: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(rows).view(-1, 1, 1, 2)


def test_nothing_is_measured_without_real_pictures(guard: ConditionalQuality) -> None:
    draw(guard, "test", (0, 0))
    assert guard.compute() is None
    (line,) = conditional_quality_lines(None)
    assert "not measured" in line


def test_diversity_within_a_condition_is_relative_to_that_among_real_pictures(guard: ConditionalQuality) -> None:
    # real: all pairs 2 apart; two conditions a list, pictures of one condition 0.5 and 1 apart in each list
    guard.compare(pictures((-1, 0), (1, 0)), pictures((-1, 0), (1, 0)))
    for name in ("test", "new_test"):
        draw(guard, name, (0, 0), (0, 0))
        draw(guard, name, (0.5, 0), (0, 1))
    facts = guard.compute()
    assert facts is not None
    assert facts["condition_diversity"] == pytest.approx(((0.25 + 1) / 2) ** 0.5 / 2, abs=0.01)
    assert (facts["real"], facts["fake"], facts["extractor"]) == (2, 2, "pixels")
    assert facts["frechet_distance"] == pytest.approx(0, abs=1e-4)
    assert f"{facts['condition_diversity']:.3f}" in conditional_quality_lines(facts)[-1]


def test_one_draw_says_nothing_about_diversity_within_a_condition(guard: ConditionalQuality) -> None:
    guard.compare(pictures((-1, 0), (1, 0)), pictures((-1, 0), (1, 0)))
    draw(guard, "test", (0, 0))
    facts = guard.compute()
    assert facts is not None and facts["condition_diversity"] is None
    assert not any("within" in line for line in conditional_quality_lines(facts))
