"""What a test says about one direction of an image-to-image translation."""

from typing import Any

import torch
from torch import Tensor

from lit_gans.metrics.extractors import Extractor
from lit_gans.metrics.quality import PictureQuality
from lit_gans.pictures import grid


class TranslationReport:
    """Distances of the translated pictures to the target domain, the error of the way there and back, and pictures.

    Args:
        extractor: see `metrics/extractors.py`.
        pictures: shown in the grid, the first of the source domain.
    """

    def __init__(self, extractor: Extractor, pictures: int = 8) -> None:
        self.quality = PictureQuality(extractor)
        self.pictures = pictures
        self.shown: list[tuple[Tensor, Tensor, Tensor]] = []
        self.count = 0
        self.cycle_error = 0.0

    def update_source(self, images: Tensor, translated: Tensor, cycled: Tensor) -> None:
        """Pictures of the source domain, what became of them, and those translated back; each (B, 3, H, W)."""
        if (missing := self.pictures - self.count) > 0:
            self.shown += list(zip(images[:missing], translated[:missing], cycled[:missing], strict=True))
        self.count += len(images)
        self.cycle_error += (cycled - images).abs().mean(dim=(1, 2, 3)).double().sum().item()
        self.quality.update(translated, real=False)

    def update_target(self, images: Tensor) -> None:
        """Real pictures of the target domain, (B, 3, H, W)."""
        self.quality.update(images, real=True)

    def compute(self) -> dict[str, Any]:
        """What `PictureQuality.compute` gives, and `cycle_l1`: the mean absolute difference between pictures in
        [-1, 1] and those translated there and back."""
        return {**self.quality.compute(), "cycle_l1": self.cycle_error / self.count}

    def picture(self) -> Tensor:
        """uint8 (3, H', W'): a row of real pictures, a row of translated ones, a row of those translated back."""
        rows = [torch.stack(row) for row in zip(*self.shown, strict=True)]
        return grid(torch.cat(rows), per_row=len(self.shown))
