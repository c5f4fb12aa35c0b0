"""How near a model's images are to real ones, and how diverse: in a frozen extractor's features."""

from typing import Any

from torch import Tensor

from lit_gans.metrics.conditional_quality import ConditionalQuality, conditional_quality_lines
from lit_gans.metrics.extractors import Extractor
from lit_gans.metrics.face_count import SIDE, FaceReport


class DistanceReport:
    """Distances to each named set of real images, and the faces in the images that are compared with the first one.

    Args:
        extractor: see metrics/extractors.py; not the scoring classifier.
        face_cascade: file of the face detector; None: no faces are counted.
    """

    def __init__(self, extractor: Extractor, face_cascade: str | None) -> None:
        self.extractor = extractor
        self.faces = None if face_cascade is None else FaceReport(face_cascade)
        self.drawn: dict[str, list[Tensor]] = {}
        self.references: dict[str, ConditionalQuality] = {}

    def compare(self, reference: str, real: Tensor, fake: Tensor) -> None:
        """Real images of this set and as many generated ones, for the same conditions where there are any."""
        if reference not in self.references:
            self.references[reference] = ConditionalQuality(self.extractor, self.drawn)
        self.references[reference].compare(real, fake)
        if self.faces is not None and reference == next(iter(self.references)):
            self.faces.update(fake)

    def draw(self, name: str, images: Tensor) -> None:
        """One draw for a condition list."""
        self.drawn.setdefault(name, []).append(self.extractor(images).cpu())

    def compute(self) -> tuple[dict[str, Any], list[str]]:
        """Values for scores.json, by reference set, and the lines that say so."""
        quality = {name: metric.compute() for name, metric in self.references.items()}
        lines = [f"{name}: {line}" for name, values in quality.items() for line in conditional_quality_lines(values)]
        facts: dict[str, Any] = {"quality": {name: values for name, values in quality.items() if values is not None}}
        if self.faces is not None:
            full = int(self.faces.count.grids) > 0
            none = f"faces: not measured, a count needs at least {SIDE**2} images"
            facts["face_count"], line = self.faces.compute() if full else (None, none)
            lines.append(line)
        return facts, lines
