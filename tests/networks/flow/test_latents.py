"""Latents as parts and as rows, and the ways between them."""

import math

import pytest
import torch

from lit_gans.errors import InputError
from lit_gans.networks.flow.latents import Latents, between

SHAPES = [(2, 4, 4), (3, 2, 2)]


def test_unflatten_undoes_flatten() -> None:
    latents = Latents(tuple(torch.randn(5, *shape) for shape in SHAPES))
    flat = latents.flatten()
    assert flat.shape == (5, 2 * 16 + 3 * 4)
    assert torch.equal(flat[2, :32], latents.parts[0][2].flatten())
    back = Latents.unflatten(flat, SHAPES)
    assert all(torch.equal(one, other) for one, other in zip(back.parts, latents.parts, strict=True))


@pytest.mark.parametrize("shape", [(5, 43), (44,), (5, 44, 1)])
def test_rows_of_another_length_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"expected \(B, 44\)"):
        Latents.unflatten(torch.zeros(shape), SHAPES)


@pytest.mark.parametrize("mode", ["lerp", "slerp"])
def test_both_ends_are_the_given_ones(mode: str) -> None:
    first, second = torch.randn(2, 3, 20, dtype=torch.float64)
    torch.testing.assert_close(between(first, second, 0.0, mode), first)
    torch.testing.assert_close(between(first, second, 1.0, mode), second)


def test_lerp_goes_straight_and_slerp_round_the_circle() -> None:
    first, second = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    torch.testing.assert_close(between(first, second, 0.25), torch.tensor([[1.5, 0.5]]))
    third = between(first, second, 1 / 3, "slerp")
    torch.testing.assert_close(third, 2 * torch.tensor([[math.cos(math.pi / 6), math.sin(math.pi / 6)]]))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_slerp_between_latents_of_one_direction_is_finite(sign: float) -> None:
    first = torch.randn(3, 20)
    torch.testing.assert_close(between(first, sign * first, 0.25, "slerp"), (0.75 + 0.25 * sign) * first)


def test_another_mode_is_refused() -> None:
    with pytest.raises(InputError, match="'lerp' or 'slerp'"):
        between(torch.zeros(1, 2), torch.ones(1, 2), 0.5, "cubic")
