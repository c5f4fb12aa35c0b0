"""Images, the unit cube and bits."""

import math

import pytest
import torch

from lit_gans.networks.flow.quantization import bits_per_dim, dequantize, from_cube, to_cube

VALUES = torch.arange(256)
IMAGES = VALUES / 127.5 - 1


def test_an_image_value_is_the_middle_of_its_cell() -> None:
    torch.testing.assert_close(to_cube(IMAGES.double()), (VALUES.double() + 0.5) / 256 - 0.5, rtol=0, atol=1e-7)
    torch.testing.assert_close(from_cube(to_cube(IMAGES)), IMAGES)


@pytest.mark.parametrize("bits", [8, 5, 1])
def test_dequantization_fills_the_cell_of_each_value_and_no_other(bits: int) -> None:
    width = 2 ** (8 - bits)
    lower = (VALUES // width).double() / 2**bits - 0.5
    for share in (0.0, 0.25, 1 - 2**-10):
        x = dequantize(IMAGES, torch.full((256,), share), bits)
        torch.testing.assert_close(x.double(), lower + share / 2**bits, rtol=0, atol=1e-6)
    middle = dequantize(IMAGES, torch.full((256,), 0.5), bits)
    assert ((from_cube(middle) - IMAGES).abs() <= width / 255 + 1e-5).all()  # by half a cell at most


def test_noise_is_uniform_over_the_cell() -> None:
    x = dequantize(torch.full((100_000,), IMAGES[100].item()), torch.rand(100_000)).double()
    within = (x + 0.5) * 256 - 100
    assert within.min() >= 0 and within.max() <= 1
    assert within.mean().item() == pytest.approx(0.5, abs=5 * (1 / 12) ** 0.5 / 100_000**0.5)
    assert within.var().item() == pytest.approx(1 / 12, rel=0.02)


@pytest.mark.parametrize("bits", [8, 5])
def test_a_uniform_density_costs_all_bits_and_twice_the_density_one_less(bits: int) -> None:
    assert bits_per_dim(torch.zeros(2), 12, bits).tolist() == [bits, bits]
    assert bits_per_dim(torch.full((1,), 12 * math.log(2)), 12, bits).item() == pytest.approx(bits - 1)
