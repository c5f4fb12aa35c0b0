"""Extractors: what goes into the network, what comes out, and under which name."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rounding import assert_same_but_for_rounding
from torch import Tensor, nn
from torchvision.transforms.functional import gaussian_blur

from data_modules.loader import to_float
from data_modules.rendered.faces import render_faces
from lit_gans.errors import InputError
from lit_gans.metrics.extractors import Extractor, evaluator_extractor, random_conv
from lit_gans.metrics.frechet import FrechetDistance, kernel_distance
from lit_gans.networks.evaluator import EvaluatorNetwork
from lit_gans.scoring.extractors import load_extractor


class Recorder(nn.Module):
    """Keeps what it was given; its features are the picture's mean colour."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.seen: list[Tensor] = []

    def forward(self, image: Tensor) -> Tensor:
        self.seen.append(image)
        return image.float().mean(dim=(2, 3)) * self.weight


def recorder(takes_bytes: bool = False) -> Extractor:
    return Extractor("mean colour", "no resizing", 3, Recorder(), min_size=4, takes_bytes=takes_bytes)


def seen(extractor: Extractor) -> list[Tensor]:
    assert isinstance(extractor.network, Recorder)
    return extractor.network.seen


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    return to_float(torch.from_numpy(render_faces(600, size=32).images).permute(0, 3, 1, 2))


@pytest.fixture(scope="module")
def features(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Of the first and of the second half of the pictures."""
    first, second = random_conv()(pictures).chunk(2)
    return first, second


class TestExtractor:
    def test_pictures_are_rounded_to_the_8_bits_of_a_file(self) -> None:
        extractor = recorder()
        extractor(torch.full((1, 3, 4, 4), 0.3001))
        # 0.3001 * 127.5 + 127.5 = 165.76 -> 166 -> 0.30196
        torch.testing.assert_close(seen(extractor)[0], torch.full((1, 3, 4, 4), 166 / 127.5 - 1))
        files = torch.arange(256).expand(1, 3, 4, 256) / 127.5 - 1
        extractor(files)
        torch.testing.assert_close(seen(extractor)[1], files)

    def test_a_network_that_takes_bytes_gets_bytes(self) -> None:
        extractor = recorder(takes_bytes=True)
        extractor(torch.tensor([-1.0, 0.0, 1.5]).view(1, 3, 1, 1).expand(1, 3, 4, 4))
        assert seen(extractor)[0].dtype == torch.uint8
        assert seen(extractor)[0][0, :, 0, 0].tolist() == [0, 128, 255]

    def test_grey_pictures_become_three_equal_channels(self) -> None:
        features = recorder()(torch.full((2, 1, 4, 4), 0.2))
        assert features.shape == (2, 3)
        assert (features == features[0, 0]).all()

    def test_batches_are_split_and_nothing_else_changes(self) -> None:
        images = torch.rand(7, 3, 4, 4) * 2 - 1
        extractor = recorder()
        parts = extractor(images, batch_size=3)
        assert [len(part) for part in seen(extractor)] == [3, 3, 1]
        torch.testing.assert_close(parts, recorder()(images))

    def test_no_gradient_flows_and_the_mode_is_left_alone(self) -> None:
        extractor = recorder()
        extractor.network.train()
        features = extractor(torch.zeros(2, 3, 4, 4, requires_grad=True))
        assert not features.requires_grad and features.dtype == torch.float32
        assert extractor.network.training

    @pytest.mark.parametrize("shape", [(3, 8, 8), (2, 4, 8, 8), (2, 3, 3, 8)])
    def test_another_shape_is_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(InputError, match=r"extractor mean colour: pictures of shape .* at least 4x4"):
            recorder()(torch.zeros(shape))

    def test_pictures_that_are_not_finite_are_refused(self) -> None:
        # rounding to 8 bits would turn them into black
        with pytest.raises(InputError, match="NaN or infinity"):
            recorder()(torch.full((1, 3, 4, 4), torch.nan))


def blur(images: Tensor, strength: float) -> Tensor:
    return gaussian_blur(images, 9, [strength, strength])


def grain(images: Tensor, strength: float) -> Tensor:
    return images + strength * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))


def tint(images: Tensor, strength: float) -> Tensor:
    return images + strength * torch.tensor([1.0, 0, -1]).view(1, 3, 1, 1)


def average(images: Tensor, strength: float) -> Tensor:
    return (1 - strength) * images + strength * images.roll(1, 0)


def jumble(images: Tensor, strength: float) -> Tensor:
    """Square tiles of the picture change places; the more, the smaller they are."""
    tile = int(32 / strength)
    order = torch.randperm((32 // tile) ** 2, generator=torch.Generator().manual_seed(0))
    tiles = nn.functional.unfold(images, tile, stride=tile)[:, :, order]
    return nn.functional.fold(tiles, (32, 32), tile, stride=tile)


class TestRandomConv:
    def test_its_name_says_which_and_that_nothing_is_resized(self) -> None:
        extractor = random_conv()
        assert (extractor.name, extractor.resizer, extractor.num_features) == ("random-conv-v1", "no resizing", 512)

    @pytest.mark.parametrize(
        ("damage", "strengths"),
        [
            (blur, [0.5, 0.8, 1.5]),
            (grain, [0.05, 0.1, 0.3]),
            (tint, [0.05, 0.1, 0.2]),
            (average, [0.1, 0.2, 0.4]),
            (jumble, [2, 4, 8]),
        ],
    )
    def test_the_more_pictures_are_damaged_the_farther_they_are(
        self,
        pictures: Tensor,
        features: tuple[Tensor, Tensor],
        damage: Callable[[Tensor, float], Tensor],
        strengths: list[float],
    ) -> None:
        real, clean = features
        damaged = [random_conv()(damage(pictures[300:], strength)) for strength in strengths]
        kernel = [float(kernel_distance(real, found)) for found in (clean, *damaged)]
        assert kernel == sorted(kernel) and kernel[-1] > 10 * abs(kernel[0])
        frechet = []
        for found in (clean, *damaged):
            metric = FrechetDistance(512)
            metric.update(real, real=True)
            metric.update(found, real=False)
            frechet.append(float(metric.compute()))
        assert frechet == sorted(frechet)

    @pytest.mark.real_data
    @pytest.mark.skipif("LIT_GANS_DATA" not in os.environ, reason="LIT_GANS_DATA is not set")
    @pytest.mark.parametrize("folder", ["anime/faces", "celeba/img_align_celeba", "iclevr/images"])
    @pytest.mark.parametrize("name", ["random-conv-v1", "efficientnet_lite0"])
    @pytest.mark.parametrize(("damage", "strengths"), [(blur, [0.6, 0.8, 1.2]), (grain, [0.05, 0.1, 0.2])])
    def test_real_pictures_are_the_farther_the_more_they_are_damaged(
        self, folder: str, name: str, damage: Callable[[Tensor, float], Tensor], strengths: list[float]
    ) -> None:
        files = sorted((Path(os.environ["LIT_GANS_DATA"]) / folder).iterdir())[:600]
        pixels = [np.asarray(Image.open(file).convert("RGB").resize((64, 64))) for file in files]
        pictures = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2) / 127.5 - 1
        real, fake = pictures[::2], pictures[1::2]
        extractor = load_extractor(name)
        found = [extractor(images) for images in (real, fake, *(damage(fake, s) for s in strengths))]
        kernel = [float(kernel_distance(found[0], other)) for other in found[1:]]
        assert kernel == sorted(kernel) and kernel[-1] > 10 * abs(kernel[0])

    def test_fewer_different_pictures_are_farther(self, features: tuple[Tensor, Tensor]) -> None:
        real, fake = features
        distances = [float(kernel_distance(real, fake[torch.arange(300) % count])) for count in (300, 40, 4)]
        assert distances == sorted(distances)


class TestEvaluator:
    def test_its_features_are_what_the_head_is_applied_to(self) -> None:
        network = EvaluatorNetwork(5).eval()
        extractor = evaluator_extractor("some.pth", network)
        assert (extractor.name, extractor.num_features) == ("some.pth", 512)
        images = (torch.rand(2, 3, 32, 32) * 255).round() / 127.5 - 1
        features = extractor(images)
        assert features.shape == (2, 512)
        with torch.no_grad():
            assert_same_but_for_rounding(network.fc(features), network(images), [network])
