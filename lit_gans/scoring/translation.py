"""The scores of a translation between two domains, in both directions."""

from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from lit_gans.metrics.extractors import Extractor
from lit_gans.metrics.quality import quality_lines
from lit_gans.metrics.translation import TranslationReport
from lit_gans.pictures import save_picture

BACK: dict[str, Literal["a2b", "b2a"]] = {"a2b": "b2a", "b2a": "a2b"}


class TranslationScores:
    """Distances of the translated images of either domain to the other's, and the error of the way there and back.

    Args:
        extractor: see metrics/extractors.py.
    """

    def __init__(self, extractor: Extractor) -> None:
        self.reports = {direction: TranslationReport(extractor) for direction in BACK}

    def see(self, model: Any, images: Tensor, domain: int) -> None:
        """Translates images of domain A (0) or B (1) there and back with `model.translate`."""
        direction = "b2a" if domain else "a2b"
        translated = model.translate(images, direction)
        self.reports[direction].update_source(images, translated, model.translate(translated, BACK[direction]))
        self.reports[BACK[direction]].update_target(images)

    def compute(self) -> tuple[dict[str, Any], list[str]]:
        """Values for scores.json, by direction, and the lines that say so."""
        facts = {direction: report.compute() for direction, report in self.reports.items()}
        lines = []
        for direction, values in facts.items():
            lines.append(f"{direction}: cycle L1 {values['cycle_l1']:.4f} (images in [-1, 1])")
            lines += quality_lines(values)
        return {"translation": facts}, lines

    def save_grids(self, folder: Path) -> None:
        """`a2b.png` and `b2a.png`: rows of real images, translated ones, and those translated back."""
        for direction, report in self.reports.items():
            save_picture(report.picture(), folder / f"{direction}.png")
