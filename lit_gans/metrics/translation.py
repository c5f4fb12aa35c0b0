"""What a test says about one direction of an image-to-image translation."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lit_gans.metrics.extractors import Extractor
from lit_gans.metrics.quality import PictureQuality
from lit_gans.pictures import grid

# Of the source domain: as they are, translated, and translated back.
KINDS = ("original", "translated", "cycled")
# Of a side: the frame of a picture, where its ground is rather than its animal.
FRAME = 8


class TranslationReport:
    """Distances of the translated pictures to the target domain and of the untranslated ones, the error of the way
    there and back, the change of the ground, what judges call the pictures, and some of them.

    Args:
        extractor: see `metrics/extractors.py`.
        names: of the judges, classifiers of the two domains.
        classes: what the domains are called.
        pictures: shown in the grid, the first of the source domain.
    """

    def __init__(
        self, extractor: Extractor, names: Sequence[str] = (), classes: Sequence[str] = ("a", "b"), pictures: int = 8
    ) -> None:
        self.quality, self.untranslated = PictureQuality(extractor), PictureQuality(extractor)
        self.classes, self.pictures = list(classes), pictures
        self.shown: list[tuple[Tensor, Tensor, Tensor]] = []
        self.count = 0
        self.cycle_error = self.ground_change = 0.0
        self.called = {name: {kind: torch.zeros(len(classes)) for kind in KINDS} for name in names}

    def update_source(self, images: Tensor, translated: Tensor, cycled: Tensor) -> None:
        """Pictures of the source domain, what became of them, and those translated back; each (B, 3, H, W)."""
        if (missing := self.pictures - self.count) > 0:
            self.shown += list(zip(images[:missing], translated[:missing], cycled[:missing], strict=True))
        self.count += len(images)
        self.cycle_error += (cycled - images).abs().mean(dim=(1, 2, 3)).double().sum().item()
        self.ground_change += framed((translated - images).abs()).double().sum().item()
        self.quality.update(translated, real=False)
        self.untranslated.update(images, real=False)

    def update_called(self, name: str, kind: str, seen: Tensor) -> None:
        """What a judge sees, (B, 2), in "original", "translated" or "cycled" pictures of the source domain."""
        self.called[name][kind] += torch.bincount(seen.argmax(dim=1).cpu(), minlength=len(self.classes))

    def update_target(self, images: Tensor) -> None:
        """Real pictures of the target domain, (B, 3, H, W)."""
        for quality in (self.quality, self.untranslated):
            quality.update(images, real=True)

    def compute(self) -> dict[str, Any]:
        """What `PictureQuality.compute` gives; `untranslated`: its two distances of the source domain's pictures as
        they are; `cycle_l1`: the mean absolute difference between pictures in [-1, 1] and those translated there and
        back; `ground_change`: that between pictures and translated ones, in a frame of an eighth of each side; and
        `called`: by judge and kind of picture, the share called each class."""
        called = {
            name: {
                kind: dict(zip(self.classes, (counts / counts.sum()).tolist(), strict=True))
                for kind, counts in kinds.items()
            }
            for name, kinds in self.called.items()
        }
        means = {"cycle_l1": self.cycle_error / self.count, "ground_change": self.ground_change / self.count}
        before = self.untranslated.compute()
        distances = {"untranslated": {key: before[key] for key in ("frechet_distance", "kernel_distance")}}
        return {**self.quality.compute(), **distances, **means, **({"called": called} if called else {})}

    def picture(self) -> Tensor:
        """uint8 (3, H', W'): a row of real pictures, a row of translated ones, a row of those translated back."""
        rows = [torch.stack(row) for row in zip(*self.shown, strict=True)]
        return grid(torch.cat(rows), per_row=len(self.shown))


def framed(values: Tensor) -> Tensor:
    """The mean of each image's frame, an eighth of a side wide: (B, C, H, W) -> (B,)."""
    height, width = (max(1, side // FRAME) for side in values.shape[-2:])
    inside = torch.zeros(values.shape[-2:], dtype=torch.bool, device=values.device)
    inside[height:-height, width:-width] = True
    return values[..., ~inside].mean(dim=(1, 2))
