"""The range of images."""

import torch

from lit_gans.networks.bounds import bounded


def test_it_is_clamp() -> None:
    x = torch.tensor([-3.0, -1.0, 0.5, 1.0, 2.0])
    expected = torch.tensor([-1.0, -1.0, 0.5, 1.0, 1.0])
    assert torch.equal(bounded(x), expected) and torch.equal(bounded(x.requires_grad_()), expected)


def test_beyond_the_range_only_the_gradient_that_leads_back_counts() -> None:
    """Descent goes against the gradient: 1 makes darker, -1 brighter."""
    x = torch.tensor([-2.0, 0.0, 2.0], requires_grad=True)
    for gradient, expected in ((1.0, [0.0, 1.0, 1.0]), (-1.0, [-1.0, -1.0, 0.0])):
        (found,) = torch.autograd.grad(bounded(x), x, torch.full((3,), gradient))
        assert found.tolist() == expected


def test_a_pixel_beyond_white_finds_back_to_what_is_asked() -> None:
    x = torch.tensor([1.5, -1.5], requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=0.2)
    for _ in range(50):
        optimizer.zero_grad()
        (bounded(x) - 0.25).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(x.detach(), torch.full((2,), 0.25))
