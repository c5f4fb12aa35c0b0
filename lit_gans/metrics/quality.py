"""What a test says about generated pictures beside their score: how near they are to the real ones, and how diverse.

quality = PictureQuality(extractor)
quality.update(real_images, real=True)  # batch by batch, (B, 3, H, W) in [-1, 1]
quality.update(fake_images, real=False)
facts = quality.compute()  # plain values for scores.json
for line in quality_lines(facts):
    print(line)
"""

from typing import Any

from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.metrics.diversity import COLLAPSED, Diversity
from lit_gans.metrics.extractors import Extractor
from lit_gans.metrics.frechet import FrechetDistance, KernelDistance
from lit_gans.metrics.precision_recall import PrecisionRecall
from lit_gans.metrics.two_sided import TwoSidedMetric, update_all


class PictureQuality:
    """Frechet and kernel distance, precision, recall, diversity in an extractor's features, from one pass through it.

    Not a module: neither the extractor nor the sums get into a model's parameters or checkpoint.

    Args:
        extractor: see `metrics/extractors.py`.
    """

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        features = extractor.num_features
        self.frechet, self.kernel = FrechetDistance(features), KernelDistance(features)
        self.diversity, self.precision_recall = Diversity(features), PrecisionRecall(features)
        self.size: tuple[int, ...] | None = None

    def update(self, images: Tensor, real: bool) -> None:
        """
        Args:
            images: (B, 3, H, W) or (B, 1, H, W) in [-1, 1].
            real: whether they are real.

        Raises:
            InputError: pictures of another size than those before, or what the extractor refuses.
        """
        size = tuple(images.shape[2:])
        if self.size not in (None, size):
            raise InputError(
                f"pictures of {size_text(size)} after pictures of {size_text(self.size)}: give all the same size"
            )
        self.size = size
        metrics: list[TwoSidedMetric] = [self.frechet, self.kernel, self.diversity, self.precision_recall]
        update_all(metrics, self.extractor(images), real)

    def compute(self) -> dict[str, Any]:
        """Plain values: `extractor`, `resizer`, `image_size`, `num_features`, `real` and `fake` (numbers of pictures),
        `frechet_distance`, `kernel_distance` {mean, std}, `precision_recall` {precision, recall} (None with fewer than
        four pictures on either side) and `diversity` {spread, nearest}.

        Raises:
            InputError: fewer than two real or two generated pictures.
        """
        mean, std = self.kernel.compute()
        return {
            "extractor": self.extractor.name,
            "resizer": self.extractor.resizer,
            "image_size": size_text(self.size),
            "num_features": self.extractor.num_features,
            "real": int(self.frechet.real_count),
            "fake": int(self.frechet.fake_count),
            "frechet_distance": float(self.frechet.compute()),
            "kernel_distance": {"mean": float(mean), "std": float(std)},
            "precision_recall": self.precision_recall.compute(),
            "diversity": {name: float(value) for name, value in self.diversity.compute().items()},
        }


def quality_lines(facts: dict[str, Any]) -> list[str]:
    """The lines to print for what `PictureQuality.compute` gave; the first names extractor, resizer and numbers."""
    kernel, diversity = facts["kernel_distance"], facts["diversity"]
    lines = [
        f"Frechet distance {facts['frechet_distance']:.4f}, "
        f"kernel distance {kernel['mean']:.6f} +- {kernel['std']:.6f} (extractor "
        f"{facts['extractor']}, {facts['resizer']}, {facts['image_size']} px, {facts['real']:,} real and "
        f"{facts['fake']:,} generated pictures)",
        f"diversity, real pictures = 1: all pairs {diversity['spread']:.3f}, nearest neighbours "
        f"{diversity['nearest']:.3f}" + ("; COLLAPSED" if min(diversity.values()) < COLLAPSED else ""),
    ]
    if (shares := facts.get("precision_recall")) is not None:
        lines.append(f"precision {shares['precision']:.3f}, recall {shares['recall']:.3f}")
    if min(facts["real"], facts["fake"]) <= facts["num_features"]:
        lines.append(
            f"fewer pictures than the extractor's {facts['num_features']} features: the Frechet distance is far too "
            "high; trust the kernel distance"
        )
    return lines


def size_text(size: tuple[int, ...] | None) -> str:
    return "x".join(map(str, size or ()))
