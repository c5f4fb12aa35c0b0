"""The contrastive loss of patches."""

import math

import pytest
import torch

from lit_gans.losses.contrastive import patch_loss


def test_places_that_are_told_apart_cost_nothing_and_equal_ones_the_logarithm_of_their_number() -> None:
    different = torch.eye(4).expand(2, 4, 4)
    assert patch_loss(different, different).item() == pytest.approx(0, abs=1e-5)
    equal = torch.ones(2, 4, 4) / 2
    assert patch_loss(equal, equal).item() == pytest.approx(math.log(4))


def test_only_places_of_the_same_picture_are_compared() -> None:
    """A second picture with the same content costs the first one nothing."""
    one = torch.eye(4)[None]
    assert patch_loss(one.repeat(2, 1, 1), one.repeat(2, 1, 1)).item() == pytest.approx(patch_loss(one, one).item())
    assert patch_loss(one, one.roll(1, 1)) > 10


def test_the_source_is_what_stays_as_it_is() -> None:
    translated, source = (torch.eye(3)[None].clone().requires_grad_() for _ in range(2))
    patch_loss(translated, source).backward()
    assert translated.grad is not None and source.grad is None
