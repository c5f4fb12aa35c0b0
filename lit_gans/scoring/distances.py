"""Distances of generated to real images, and diversity, in the features of a frozen extractor."""

from contextlib import suppress
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn

from lit_gans.errors import InputError
from lit_gans.metrics.conditional_quality import ConditionalQuality, conditional_quality_lines
from lit_gans.metrics.diversity import COLLAPSED, Diversity
from lit_gans.metrics.extractors import Extractor
from lit_gans.metrics.face_count import SIDE, FaceReport
from lit_gans.metrics.frechet import KernelDistance
from lit_gans.metrics.two_sided import update_all


class ValidationDistance:
    """How near the pictures of a validation are to the held-out ones, and how much they differ from each other.

    Args:
        extractor: see metrics/extractors.py.
    """

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        self.kernel, self.diversity = KernelDistance(extractor.num_features), Diversity(extractor.num_features)

    def update(self, real: Tensor, fake: Tensor) -> None:
        """Real images and as many generated ones; nothing is measured of those too small for the extractor."""
        if min(real.shape[2:]) < self.extractor.min_size:
            return
        for images, is_real in ((real, True), (fake, False)):
            update_all((self.kernel, self.diversity), self.extractor(images), is_real)

    def compute(self) -> dict[str, Tensor]:
        """`val/kernel_distance`, and `val/diversity`: the smaller ratio of Diversity, 1 for held-out pictures. What
        fewer than two held-out pictures, or such as are all alike, cannot tell is left out."""
        found = {}
        with suppress(InputError):
            found["val/kernel_distance"] = self.kernel.compute()[0].float()
            found["val/diversity"] = torch.stack(list(self.diversity.compute().values())).min().float()
        return found


class CollapseWatch:
    """Warns once of mode collapse: where the pictures were diverse before, or after a quarter of the run."""

    def __init__(self) -> None:
        self.was_diverse = self.warned = False

    def see(self, diversity: float, model: Any) -> None:
        if diversity >= COLLAPSED:
            self.was_diverse = True
        elif not self.warned and (self.was_diverse or model.progress > SURE):
            self.warned = True
            rank_zero_warn(
                f"val/diversity is {diversity:.2f}, 1 being that of held-out pictures: the generator draws much the "
                f"same again and again. What helps: {', '.join(remedies(model))}"
            )


# Share of a run after which pictures that were never diverse are no longer a start.
SURE = 0.25


def remedies(model: Any) -> list[str]:
    """Options of this model against mode collapse."""
    told = ["--model.augment '[translation]'", "a lower --model.lr_generator", "a larger --data.batch_size"]
    if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in model.discriminator.modules()):
        return told  # which no gradient penalty goes with
    penalty = "--model.penalties '[{where: real, target: zero, weight: 0.5, every: 8}]'"
    return [f"--model.objective rpgan with {penalty}", *told]


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
        """One draw for a condition list, (conditions, 3, H, W), these always in the same order."""
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
