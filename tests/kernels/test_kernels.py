"""Each kernel is a module of torch's: parameters, results and gradients; and the switch takes it away."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lit_gans.errors import InputError
from lit_gans.kernels import im2col
from lit_gans.kernels.base import Kernel, switched_on
from lit_gans.kernels.convolutions import ConvTranspose2d, FromVector, HalvingConv2d, ToPixel
from lit_gans.kernels.instance_norm import InstanceNorm2d
from lit_gans.kernels.upsampling import UpsampledConv2d, UpsampledConvTranspose2d
from lit_gans.kernels.winograd import Conv3x3

HALVES = {"kernel_size": 4, "stride": 2, "padding": 1}


def as_picture(x: Tensor) -> Tensor:
    return x[..., None, None]


def doubled(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2)


def cropped(y: Tensor, x: Tensor) -> Tensor:
    return y[..., : 2 * x.shape[-2], : 2 * x.shape[-1]]


# kernel, torch's module, shape of the input, what comes before torch's module and what after it
Case = tuple[Kernel, nn.Module, tuple[int, ...], Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]


def same(x: Tensor, *_: Tensor) -> Tensor:
    return x


CASES: dict[str, Callable[[], Case]] = {
    "HalvingConv2d": lambda: (HalvingConv2d(5, 7), nn.Conv2d(5, 7, **HALVES), (3, 5, 8, 6), same, same),
    "ConvTranspose2d": lambda: (
        *(kind(5, 7, **HALVES) for kind in (ConvTranspose2d, nn.ConvTranspose2d)),
        (3, 5, 4, 6),
        same,
        same,
    ),
    "ToPixel": lambda: (ToPixel(5, 7, 4), nn.Conv2d(5, 7, 4), (3, 5, 4, 4), same, same),
    "FromVector": lambda: (FromVector(5, 7, 4), nn.ConvTranspose2d(5, 7, 4, stride=2), (3, 5), as_picture, same),
    "UpsampledConv2d": lambda: (
        *(UpsampledConv2d(3, 5, 4), nn.Conv2d(3, 5, 4, padding="same"), (2, 3, 4, 6)),
        *(doubled, same),
    ),
    "UpsampledConv2d, kernel 3": lambda: (
        *(UpsampledConv2d(3, 5, 3), nn.Conv2d(3, 5, 3, padding=1), (2, 3, 4, 6)),
        *(doubled, same),
    ),
    "UpsampledConvTranspose2d": lambda: (
        *(UpsampledConvTranspose2d(3, 5, 4), nn.ConvTranspose2d(3, 5, 4, padding=1), (2, 3, 4, 6)),
        *(doubled, cropped),
    ),
    "UpsampledConvTranspose2d, kernel 3": lambda: (
        *(UpsampledConvTranspose2d(3, 5, 3), nn.ConvTranspose2d(3, 5, 3, padding=1), (2, 3, 4, 6)),
        *(doubled, cropped),
    ),
    "InstanceNorm2d": lambda: (InstanceNorm2d(5), nn.InstanceNorm2d(5), (3, 5, 6, 7), same, same),
    "Conv3x3": lambda: (Conv3x3(5, 7), nn.Conv2d(5, 7, 3), (2, 5, 6, 8), same, same),
}


def kernels(kind: type[Kernel] = Kernel) -> set[type[Kernel]]:
    found = {k for k in kind.__subclasses__() if k.__module__.startswith("lit_gans.kernels")}
    return found.union(*(kernels(k) for k in found))


def test_every_kernel_is_compared_with_a_module_of_torchs() -> None:
    assert {type(case()[0]) for case in CASES.values()} == kernels()


def results(module: Callable[[Tensor], Tensor], parameters: list[nn.Parameter], x: Tensor) -> list[Tensor]:
    """The output, and the gradients of the input and of all parameters."""
    x = x.clone().requires_grad_()
    y = module(x)
    weight = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    return [y, *torch.autograd.grad((y * weight).sum(), [x, *parameters])]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("products", [False, True], ids=["", "by products"])
@pytest.mark.parametrize("name", CASES)
def test_parameters_results_and_gradients_are_torchs_in_both_ways(
    name: str, products: bool, layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float64. With AMX some kernels are products; here on any machine."""
    if products:
        monkeypatch.setattr(im2col, "pays", lambda *_: True)
    kernel, torchs, shape, before, after = CASES[name]()
    torchs.load_state_dict(kernel.state_dict())
    kernel.load_state_dict(torchs.state_dict())
    for module in (kernel, torchs):
        module.to(torch.float64, memory_format=layout)
    x = torch.randn(shape, dtype=torch.float64)
    if len(shape) == 4:
        x = x.to(memory_format=layout)
    expected = results(lambda x: after(torchs(before(x)), x), list(torchs.parameters()), x)
    monkeypatch.setattr(Kernel, "enabled", False)
    torch.testing.assert_close(results(kernel, list(kernel.parameters()), x), expected)
    monkeypatch.setattr(Kernel, "enabled", True)
    monkeypatch.setattr(type(kernel), "pays", lambda *_: True)
    torch.testing.assert_close(results(kernel, list(kernel.parameters()), x), expected)


def test_switched_off_no_fast_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    monkeypatch.setattr(ToPixel, "fast", lambda self, x: taken.append(x) or self.plain(x))
    layer, x = ToPixel(1, 1, 4), torch.zeros(1, 1, 4, 4)
    monkeypatch.setattr(Kernel, "enabled", False)
    layer(x)
    assert not taken
    monkeypatch.setattr(Kernel, "enabled", True)
    layer(x)
    assert len(taken) == 1


def test_the_switch_is_an_environment_variable_that_says_on_or_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIT_GANS_KERNELS", raising=False)
    assert switched_on()
    for value, expected in (("on", True), ("off", False)):
        monkeypatch.setenv("LIT_GANS_KERNELS", value)
        assert switched_on() == expected
    monkeypatch.setenv("LIT_GANS_KERNELS", "no")
    with pytest.raises(InputError, match="LIT_GANS_KERNELS is 'no'; expected 'on' or 'off'"):
        switched_on()


def test_a_picture_of_another_size_than_the_kernel_is_refused_in_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    for enabled in (True, False):
        monkeypatch.setattr(Kernel, "enabled", enabled)
        with pytest.raises(InputError, match=r"kernel 4 but got features of 8x8 pixels: .* image_size"):
            ToPixel(5, 7, 4)(torch.randn(1, 5, 8, 8))


def test_pictures_from_vectors_are_channels_last_where_the_weights_are() -> None:
    layer = FromVector(5, 8, 4).to(memory_format=torch.channels_last)
    assert layer(torch.randn(3, 5)).is_contiguous(memory_format=torch.channels_last)
