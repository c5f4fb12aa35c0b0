"""What a validation says of pictures that become alike."""

import warnings
from types import SimpleNamespace

import pytest
import torch

from lit_gans.metrics.extractors import random_conv
from lit_gans.models.conditional_gan import ConditionalGAN
from lit_gans.models.dcgan import DCGAN
from lit_gans.scoring.distances import CollapseWatch, ValidationDistance, remedies


@pytest.fixture
def real() -> torch.Tensor:
    return torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_the_pictures_themselves_are_as_diverse_as_they_are_and_copies_of_one_are_not(real: torch.Tensor) -> None:
    found = {}
    for name, fake in (("same", real), ("one", real[:1].expand(12, -1, -1, -1))):
        distance = ValidationDistance(random_conv())
        for part in (slice(0, 5), slice(5, 12)):
            distance.update(real[part], fake[part])
        found[name] = distance.compute()
    assert found["same"]["val/diversity"] == pytest.approx(1, abs=1e-6)
    assert found["one"]["val/diversity"] == 0
    assert found["one"]["val/kernel_distance"] > found["same"]["val/kernel_distance"]


def test_too_few_or_equal_held_out_pictures_tell_nothing_and_stop_nothing(real: torch.Tensor) -> None:
    single, equal = ValidationDistance(random_conv()), ValidationDistance(random_conv())
    single.update(real[:1], real[:1])
    equal.update(real[:1].expand(3, -1, -1, -1), real[:3])
    assert single.compute() == {} and list(equal.compute()) == ["val/kernel_distance"]


def warned(values: list[float], progress: float) -> list[str]:
    watch, model = CollapseWatch(), DCGAN(image_size=16, width=4)
    model.progress = progress
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for value in values:
            watch.see(value, model)
    return [str(warning.message) for warning in caught]


def test_one_warning_when_diversity_collapses_and_none_at_a_start_that_is_not_diverse_yet() -> None:
    assert warned([0.1, 0.3, 0.9, 0.6], progress=0.1) == []
    assert warned([0.1, 0.2], progress=0.3) != []
    (told,) = warned([0.1, 0.9, 0.4, 0.2, 0.9, 0.1], progress=0.1)
    assert told.startswith("val/diversity is 0.40, 1 being that of held-out pictures") and "--model.augment" in told


def test_the_advice_goes_with_the_model() -> None:
    assert not any("penalties" in option for option in remedies(DCGAN(image_size=16, width=4)))
    advised = remedies(
        ConditionalGAN(num_classes=2, image_size=16, width=16, architecture="modulated", discriminator_width=4)
    )
    assert any("penalties" in option for option in advised)
    assert remedies(SimpleNamespace(discriminator=torch.nn.BatchNorm2d(3)))[0].startswith("--model.augment")
