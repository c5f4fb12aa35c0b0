"""Training tips: what each changes, by hand or by an independent route, and which combinations are refused."""

import math

import pytest
import torch
from torch import nn

from lit_gans.errors import InputError
from lit_gans.training.optimizers import optimizer_of
from lit_gans.training.tips import (
    check_batches,
    checked_pixel_range,
    draw_latents,
    from_range,
    to_range,
)


class WithOutput(nn.Module):
    def __init__(self, output: nn.Module) -> None:
        super().__init__()
        self.output = output


class TestPixelRange:
    @pytest.mark.parametrize(("ends", "expected"), [((0, 1), [0, 0.5, 1]), ((0, 255), [0, 127.5, 255])])
    def test_minus_1_and_1_become_its_ends_and_come_back(
        self, ends: tuple[float, float], expected: list[float]
    ) -> None:
        image = torch.tensor([-1.0, 0.0, 1.0])
        found = to_range(image, ends)
        torch.testing.assert_close(found, torch.tensor(expected))
        torch.testing.assert_close(from_range(found, ends), image)

    def test_what_lies_outside_is_clipped_on_the_way_back(self) -> None:
        found = from_range(torch.tensor([-0.5, 1.5]), (0.0, 1.0))
        torch.testing.assert_close(found, torch.tensor([-1.0, 1.0]))

    def test_with_the_tip_images_are_left_as_they_are(self) -> None:
        image = torch.tensor([-1.0, 0.3])
        assert to_range(image, (-1.0, 1.0)) is image and from_range(image, (-1.0, 1.0)) is image

    def test_a_range_that_tanh_does_not_reach_needs_a_linear_output(self) -> None:
        assert checked_pixel_range([0, 1], WithOutput(nn.Tanh())) == (0, 1)
        assert checked_pixel_range([0, 255], WithOutput(nn.Identity())) == (0, 255)
        for generator in (WithOutput(nn.Tanh()), nn.Linear(1, 1)):
            with pytest.raises(InputError, match=r"pixel_range is \[0, 255\], and the generator ends in Tanh"):
                checked_pixel_range([0, 255], generator)

    @pytest.mark.parametrize("ends", [[1, -1], [0], [0, 0]])
    def test_anything_but_two_rising_numbers_is_refused(self, ends: list[float]) -> None:
        with pytest.raises(InputError, match="expected the lowest and the highest value"):
            checked_pixel_range(ends, nn.Linear(1, 1))


class TestLatents:
    def test_uniform_ones_fill_the_cube_evenly(self) -> None:
        z = draw_latents("uniform", (1000, 100), torch.Generator().manual_seed(0))
        # a uniform variable on [-1, 1] has the standard deviation 1 / sqrt(3)
        assert z.shape == (1000, 100) and -1 <= z.min() < -0.999 and 0.999 < z.max() <= 1
        assert abs(z.std().item() - 1 / math.sqrt(3)) < 0.005 and abs(z.mean().item()) < 0.01

    def test_gaussian_ones_are_torchs(self) -> None:
        z = draw_latents("gaussian", (3, 4), torch.Generator().manual_seed(5))
        assert torch.equal(z, torch.randn(3, 4, generator=torch.Generator().manual_seed(5)))


class TestOptimizers:
    @pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop"])
    def test_one_step_is_the_textbooks(self, name: str) -> None:
        weight = nn.Parameter(torch.tensor([1.0, -2.0]))
        weight.grad = torch.tensor([0.5, -4.0])
        optimizer_of(name, [weight], 0.1, (0.5, 0.999)).step()  # type: ignore[arg-type]
        start, gradient = torch.tensor([1.0, -2.0]), torch.tensor([0.5, -4.0])
        step = {"adam": gradient.sign(), "sgd": gradient, "rmsprop": gradient.sign() / 0.01**0.5}[name]
        torch.testing.assert_close(weight.data, start - 0.1 * step, rtol=1e-5, atol=1e-5)

    def test_an_unknown_name_is_refused(self) -> None:
        with pytest.raises(InputError, match=r"optimizer is 'adamw'; expected one of adam, .*sgd"):
            optimizer_of("adamw", [], 0.1, (0.5, 0.999))  # type: ignore[arg-type]


def test_mixed_batches_need_a_batch_norm_to_mix_them() -> None:
    check_batches(False, nn.Sequential(nn.BatchNorm2d(3)))
    check_batches(True, nn.Linear(1, 1))
    with pytest.raises(InputError, match="separate_batches: false makes no difference"):
        check_batches(False, nn.Sequential(nn.InstanceNorm2d(3)))
