"""What the layers' predictions do to the picture, and its gradient by hand."""

import pytest
import torch
from torch import Tensor

from lit_gans.networks.flow.affine import Whiten, within


def tensors(layout: torch.memory_format = torch.contiguous_format) -> tuple[Tensor, Tensor]:
    """x (3, 5, 4, 2) and a prediction for it, with log-scales far into the bound."""
    random = torch.Generator().manual_seed(1)
    x, prediction = (torch.randn(3, n, 4, 2, generator=random, dtype=torch.float64) for n in (5, 10))
    return tuple(t.to(memory_format=layout).requires_grad_() for t in (x, 2 * prediction))  # type: ignore[return-value]


@pytest.mark.parametrize("bound", [1.0, 3.0])
def test_log_scales_are_bounded_by_a_tanh(bound: float) -> None:
    x = torch.linspace(-20, 20, 1001, dtype=torch.float64)
    torch.testing.assert_close(within(x, bound), bound * torch.tanh(x / bound), rtol=0, atol=1e-14)
    assert within(torch.zeros(1), bound).item() == 0  # a new layer is the identity, exactly


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bound", [1.0, 3.0])
def test_whitening_and_its_gradient_are_those_of_the_formula(bound: float, layout: torch.memory_format) -> None:
    x, prediction = tensors(layout)
    mean, unbounded = prediction.chunk(2, dim=1)
    log_scale = bound * torch.tanh(unbounded / bound)
    expected = (x - mean) * torch.exp(log_scale), log_scale.sum((1, 2, 3))
    found = Whiten.apply(x, prediction, bound)
    torch.testing.assert_close(found, expected)

    weights = torch.randn_like(x), torch.randn(3, dtype=x.dtype)
    by_hand, by_autograd = (torch.autograd.grad(pair, (x, prediction), weights) for pair in (found, expected))
    torch.testing.assert_close(by_hand, by_autograd)


def test_a_prediction_in_bf16_gets_its_gradient_in_bf16_and_the_picture_in_its_own_precision() -> None:
    x, prediction = (t.detach() for t in tensors())
    x, prediction = x.float().requires_grad_(), prediction.bfloat16().requires_grad_()
    z, logdet = Whiten.apply(x, prediction, 1.0)
    of_x, of_prediction = torch.autograd.grad(z.square().sum() - logdet.sum(), (x, prediction))
    assert [t.dtype for t in (z, logdet, of_x, of_prediction)] == [torch.float32] * 3 + [torch.bfloat16]


def test_a_second_derivative_is_refused_instead_of_wrong() -> None:
    x, prediction = tensors()
    z, _ = Whiten.apply(x, prediction, 1.0)
    (gradient,) = torch.autograd.grad(z.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
