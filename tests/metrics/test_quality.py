"""The report beside the score: one pass for every metric, and no value without its extractor."""

import pytest
import torch
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.metrics.diversity import Diversity
from lit_gans.metrics.extractors import random_conv
from lit_gans.metrics.frechet import FrechetDistance, KernelDistance
from lit_gans.metrics.precision_recall import PrecisionRecall
from lit_gans.metrics.quality import PictureQuality, quality_lines


def pictures(seed: int, count: int = 12) -> Tensor:
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def quality(real: Tensor, fake: Tensor) -> PictureQuality:
    found = PictureQuality(random_conv())
    found.update(real, real=True)
    found.update(fake, real=False)
    return found


def test_values_are_those_of_the_metrics_and_come_with_what_they_depend_on() -> None:
    real, fake = pictures(0), pictures(1, 10) / 2
    extractor = random_conv()
    frechet, kernel, diversity = FrechetDistance(512), KernelDistance(512), Diversity(512)
    shares = PrecisionRecall(512)
    for metric in (frechet, kernel, diversity, shares):
        metric.update(extractor(real), real=True)
        metric.update(extractor(fake), real=False)
    facts = quality(real, fake).compute()
    assert facts == {
        "extractor": "random-conv-v1",
        "resizer": "no resizing",
        "image_size": "16x16",
        "num_features": 512,
        "real": 12,
        "fake": 10,
        "frechet_distance": pytest.approx(float(frechet.compute())),
        "kernel_distance": {
            "mean": pytest.approx(float(kernel.compute()[0])),
            "std": pytest.approx(float(kernel.compute()[1]), abs=1e-9),
        },
        "precision_recall": shares.compute(),
        "diversity": pytest.approx({name: float(value) for name, value in diversity.compute().items()}),
    }


def test_the_first_line_names_extractor_resizer_and_numbers() -> None:
    line = quality_lines(quality(pictures(0), pictures(1)).compute())[0]
    assert line.endswith("(extractor random-conv-v1, no resizing, 16x16 px, 12 real and 12 generated pictures)")
    assert line.startswith("Frechet distance ") and ", kernel distance " in line


def test_a_collapse_is_called_one() -> None:
    real = pictures(0)
    assert "COLLAPSED" not in quality_lines(quality(real, pictures(1)).compute())[1]
    assert quality_lines(quality(real, pictures(1, 2).repeat(6, 1, 1, 1)).compute())[1].endswith("; COLLAPSED")


def test_fewer_pictures_than_features_are_warned_of() -> None:
    facts = quality(pictures(0), pictures(1)).compute()
    assert "fewer pictures than the extractor's 512 features" in quality_lines(facts)[-1]
    assert len(quality_lines({**facts, "real": 513, "fake": 513})) == 3
    assert "precision" not in " ".join(quality_lines(quality(pictures(0), pictures(1, 3)).compute()))


def test_sizes_are_not_mixed() -> None:
    found = quality(pictures(0), pictures(1))
    with pytest.raises(InputError, match="pictures of 16x24 after pictures of 16x16"):
        found.update(torch.zeros(2, 3, 16, 24), real=False)
