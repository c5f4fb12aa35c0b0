"""Convolutions by matrix products are torch's convolutions."""

from collections.abc import Callable

import pytest
import torch
from rounding import rounding
from torch import Tensor
from torch.nn import functional

from lit_gans.kernels import im2col
from lit_gans.kernels.im2col import Pixels, Rows, transposed_convolution

SHAPES = [(4, 2, 1), (4, 2, 0), (3, 2, 1), (5, 3, 2)]  # kernel, stride, padding


def convolution(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    return im2col.convolution(x, weight, torch.zeros(len(weight), dtype=x.dtype), stride, padding)


def torchs_convolution(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    return functional.conv2d(x, weight, None, stride, padding)


def torchs_transposed(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    return functional.conv_transpose2d(x, weight, None, stride, padding)


BOTH = [(convolution, torchs_convolution, 3), (transposed_convolution, torchs_transposed, 5)]


@pytest.mark.parametrize(("mine", "torchs", "channels"), BOTH, ids=["convolution", "transposed"])
@pytest.mark.parametrize(("kernel", "stride", "padding"), SHAPES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_values_gradients_and_gradients_of_gradients_are_torchs(
    mine: Callable[..., Tensor],
    torchs: Callable[..., Tensor],
    channels: int,
    kernel: int,
    stride: int,
    padding: int,
    layout: torch.memory_format,
) -> None:
    torch.manual_seed(0)
    results = []
    x, weight = torch.randn(2, channels, 8, 9).double(), torch.randn(5, 3, kernel, kernel).double()
    for function in (mine, torchs):
        inputs = [part.to(memory_format=layout, copy=True).requires_grad_() for part in (x, weight)]
        y = function(*inputs, stride, padding)
        first = torch.autograd.grad(y.pow(3).sum(), inputs, create_graph=True)
        second = torch.autograd.grad(first[0].square().sum() + first[1].square().sum(), inputs)
        results.append([y, *first, *second])
    torch.testing.assert_close(results[0], results[1])


def test_the_result_is_in_channels_last_for_the_layers_behind() -> None:
    x, weight = torch.randn(2, 3, 8, 8), torch.randn(5, 3, 4, 4)
    y = im2col.convolution(x, weight, torch.zeros(5), stride=2, padding=1)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert transposed_convolution(y, weight, stride=2, padding=1).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("kernel", "stride", "padding"), SHAPES)
def test_rows_and_pixels_are_each_others_transpose(kernel: int, stride: int, padding: int) -> None:
    torch.manual_seed(0)
    pixels = torch.randn(2, 8, 9, 3).double()
    rows = Rows.apply(pixels, kernel, stride, padding)
    other = torch.randn_like(rows)
    back = Pixels.apply(other, 8, 9, kernel, stride, padding)
    torch.testing.assert_close((rows * other).sum(), (pixels * back).sum())


@pytest.mark.parametrize(
    ("amx", "channels", "stride", "autocast", "product"),
    [
        (True, 128, 2, True, True),
        (False, 128, 2, True, False),
        (True, 64, 2, True, False),
        (True, 128, 1, True, False),
        (True, 128, 2, False, False),
    ],
)
def test_only_wide_layers_of_stride_2_in_bf16_with_amx_are_products(
    monkeypatch: pytest.MonkeyPatch, amx: bool, channels: int, stride: int, autocast: bool, product: bool
) -> None:
    monkeypatch.setattr(im2col, "AMX", amx)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        assert im2col.pays(torch.randn(1, channels, 8, 8), torch.randn(4, channels, 4, 4), stride) is product


def test_under_autocast_both_give_bf16_close_to_the_exact_result() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(2, 128, 8, 8), torch.randn(16, 128, 4, 4) / 45
    exact = functional.conv2d(x, weight, None, 2, 1)
    with torch.autocast("cpu", torch.bfloat16):
        y = im2col.convolution(x, weight, torch.zeros(16), stride=2, padding=1)
        back = transposed_convolution(y, weight, stride=2, padding=1)
    assert y.dtype == back.dtype == torch.bfloat16
    torch.testing.assert_close(
        y.float(), exact, rtol=0, atol=rounding(scale=exact.abs().max().item(), dtype=torch.bfloat16)
    )
