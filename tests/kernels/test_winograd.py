"""3x3 convolutions by Winograd's products are torch's convolutions, and are taken only where they pay."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, l1_loss

from lit_gans.kernels import winograd
from lit_gans.kernels.cpu import has_bf16
from lit_gans.kernels.winograd import Conv3x3
from lit_gans.networks.cyclegan import ResnetGenerator

LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken by every layer, whatever the machine."""
    monkeypatch.setattr(Conv3x3, "pays", lambda *_: True)


def result_and_gradients(layer: Conv3x3, x: Tensor, of_result: Tensor) -> list[Tensor]:
    y = layer(x)
    return [y, *torch.autograd.grad(y, [x, *layer.parameters()], of_result.to(y.dtype))]


def torchs_in_float64(layer: Conv3x3, x: Tensor, of_result: Tensor) -> list[Tensor]:
    inputs = [part.detach().double().requires_grad_() for part in (x, layer.weight, layer.bias)]
    y = conv2d(*inputs)
    return [y, *torch.autograd.grad(y, inputs, of_result.double())]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize(("batch", "height", "width"), [(1, 4, 4), (2, 6, 10), (3, 12, 4)])
def test_the_result_and_all_gradients_are_torchs(
    layout: torch.memory_format, batch: int, height: int, width: int
) -> None:
    torch.manual_seed(0)
    layer = Conv3x3(5, 7).double().to(memory_format=layout)
    x = torch.randn(batch, 5, height, width).double().to(memory_format=layout).requires_grad_()
    of_result = torch.randn(batch, 7, height - 2, width - 2)
    expected = torchs_in_float64(layer, x, of_result)
    torch.testing.assert_close(result_and_gradients(layer, x, of_result), expected)


@pytest.mark.usefixtures("always")
@pytest.mark.skipif(not has_bf16(), reason="emulated, bf16 is rounded in more places")
def test_in_bf16_the_errors_are_a_few_times_those_of_torchs_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    """2.5 to 3 times as large: at most 3.5."""
    torch.manual_seed(0)
    layer = Conv3x3(64, 64).to(memory_format=torch.channels_last)
    x = torch.randn(2, 64, 18, 18).relu().bfloat16().to(memory_format=torch.channels_last).requires_grad_()
    of_result = torch.randn(2, 64, 16, 16).bfloat16()
    exact = torchs_in_float64(layer, x, of_result)

    def errors() -> list[float]:
        with torch.autocast("cpu", torch.bfloat16):
            found = result_and_gradients(layer, x, of_result)
        return [((a - b).norm() / b.norm()).item() for a, b in zip(found, exact, strict=True)]

    mine = errors()
    monkeypatch.setattr(Conv3x3, "pays", lambda *_: False)
    torchs = errors()
    assert all(0 < theirs < 0.004 for theirs in torchs), "bf16 has 8 bits: 2^-8"
    assert all(error < 3.5 * theirs for error, theirs in zip(mine, torchs, strict=True)), (mine, torchs)
    assert mine != torchs


@pytest.mark.usefixtures("always")
def test_the_layout_stays_channels_last() -> None:
    layer = Conv3x3(4, 4).to(memory_format=torch.channels_last)
    x = torch.randn(2, 4, 6, 6).to(memory_format=torch.channels_last).requires_grad_()
    for tensor in result_and_gradients(layer, x, torch.randn(2, 4, 4, 4))[:3]:
        assert tensor.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.usefixtures("always")
def test_frozen_weights_get_no_gradient() -> None:
    layer, x = Conv3x3(2, 2).requires_grad_(False), torch.randn(1, 2, 4, 4, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    assert layer.weight.grad is layer.bias.grad is None


@pytest.mark.usefixtures("always")
def test_in_float32_the_errors_are_no_larger_than_rounding_allows() -> None:
    """A sum of 9 x 64 products, each rounded once, and the sums of four tiles' values before and after it."""
    torch.manual_seed(0)
    layer = Conv3x3(64, 64)
    x = torch.randn(2, 64, 18, 18, requires_grad=True)
    of_result = torch.randn(2, 64, 16, 16)
    exact = torchs_in_float64(layer, x, of_result)
    for found, expected in zip(result_and_gradients(layer, x, of_result), exact, strict=True):
        error = (found - expected).norm() / expected.norm()
        assert 0 < error < (9 * 64) ** 0.5 * torch.finfo(torch.float32).eps


@pytest.mark.parametrize(
    ("why_not", "dtype", "shape", "channels"),
    [
        (None, torch.bfloat16, (1, 256, 8, 8), (256, 256)),
        (None, torch.float32, (1, 128, 8, 8), (128, 128)),
        ("narrow", torch.bfloat16, (1, 256, 8, 8), (256, 255)),
        ("narrow", torch.bfloat16, (1, 255, 8, 8), (255, 256)),
        ("narrow", torch.float32, (1, 128, 8, 8), (128, 127)),
        ("an odd height", torch.bfloat16, (1, 256, 7, 8), (256, 256)),
        ("an odd width", torch.float32, (1, 128, 8, 7), (128, 128)),
        ("not measured", torch.float64, (1, 256, 8, 8), (256, 256)),
    ],
)
def test_wide_layers_take_it_on_a_cpu_where_it_is_the_faster_one(
    why_not: str | None,
    dtype: torch.dtype,
    shape: tuple[int, ...],
    channels: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In bf16 without AMX, in float32 with AVX2 and nothing newer."""
    layer, images = Conv3x3(*channels), torch.zeros(shape, dtype=dtype)
    for amx, avx2_alone in ((False, False), (True, False), (False, True)):
        monkeypatch.setattr(winograd, "AMX", amx)
        monkeypatch.setattr(winograd, "AVX2_ALONE", avx2_alone)
        faster = avx2_alone if dtype == torch.float32 else not amx
        assert layer.pays(images) == (why_not is None and faster)
        assert not layer.pays(images.to("meta")), "on a GPU"


def test_an_older_or_newer_processor_takes_torchs_convolution_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "AVX2_ALONE", False)
    layer, x = Conv3x3(256, 256), torch.randn(1, 256, 4, 4)
    assert torch.equal(layer(x), conv2d(x, layer.weight, layer.bias))


def test_a_compiler_gets_torchs_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "AMX", False)
    seen = []
    monkeypatch.setattr(winograd.Winograd, "apply", lambda *inputs: seen.append(inputs))
    layer = torch.compile(Conv3x3(256, 256), backend="eager")
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.zeros(1, 256, 4, 4)).shape == (1, 256, 2, 2)
    assert not seen


@pytest.mark.usefixtures("always")
def test_a_generators_gradient_is_as_near_float32s_as_with_torchs_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rounding of a whole network in bf16 hides that of these convolutions: at most a third more."""
    torch.manual_seed(0)
    network = ResnetGenerator(16, blocks=3).to(memory_format=torch.channels_last)
    images = torch.rand(2, 3, 32, 32) * 2 - 1

    def gradient(bf16: bool, taken: bool) -> Tensor:
        monkeypatch.setattr(Conv3x3, "pays", lambda *_: taken)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            drawn = network(images)
        loss = l1_loss(drawn.float(), images)
        return torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(network.parameters()))])

    exact = gradient(False, False)
    torchs, mine = ((gradient(True, taken) - exact).norm() for taken in (False, True))
    assert 0 < torchs < 0.3 * exact.norm()
    assert mine != torchs
    assert mine < 1.33 * torchs
