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
from torchmetrics import Metric

from lit_gans.errors import InputError
from lit_gans.metrics.diversity import COLLAPSED, Diversity
from lit_gans.metrics.extractors import Extractor
from lit_gans.metrics.frechet import FrechetDistance, KernelDistance
from lit_gans.metrics.precision_recall import PrecisionRecall


class PictureQuality:
    """Frechet and kernel distance, precision, recall, diversity in an extractor's features, from one pass through it.

    Not a module: neither the extractor nor the sums get into a model's parameters or checkpoint.

    Args:
        extractor: see `metrics/extractors.py`.
        reset_real: whether `reset` forgets the real pictures too; False scores several draws against one real set.
        seed: of the samples behind all but the Frechet distance.
    """

    def __init__(self, extractor: Extractor, reset_real: bool = True, seed: int = 0) -> None:
        self.extractor = extractor
        self.reset_real = reset_real
        features = extractor.num_features
        self.frechet = FrechetDistance(features, reset_real=reset_real)
        self.kernel = KernelDistance(features, seed=seed, reset_real=reset_real)
        self.diversity = Diversity(features, seed=seed, reset_real=reset_real)
        self.precision_recall = PrecisionRecall(features, seed=seed, reset_real=reset_real)
        self.size: tuple[int, ...] | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return self.frechet, self.kernel, self.diversity, self.precision_recall

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
        features = self.extractor(images)
        if features.device.type == "mps":
            features = features.cpu()  # which has float64
        for metric in self.metrics:
            metric.to(features.device).update(features, real=real)

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

    def reset(self) -> None:
        """Forgets the generated pictures, and the real ones unless `reset_real` is False."""
        for metric in self.metrics:
            metric.reset()
        if self.reset_real:
            self.size = None


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
