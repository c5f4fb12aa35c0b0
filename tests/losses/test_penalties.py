"""Gradient penalties: closed forms, invariance, and derivatives that are right."""

import pytest
import torch
from torch import Tensor, nn

from lit_gans.losses.penalties import gradient_penalty, sample_points

SHAPE = (3, 4, 5)


class Linear(nn.Module):
    """A discriminator whose gradient is the same vector of this norm at every image."""

    def __init__(self, norm: float, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        weight = torch.randn(SHAPE, dtype=dtype)
        self.weight = nn.Parameter(weight / weight.norm() * norm)

    def forward(self, image: Tensor) -> Tensor:
        return (image * self.weight).flatten(1).sum(1)


@pytest.mark.parametrize("where", ["real", "fake", "line"])
@pytest.mark.parametrize(
    ("norm", "one", "zero", "lp"),
    [(1.0, 0.0, 1.0, 0.0), (3.0, 4.0, 9.0, 4.0), (0.5, 0.25, 0.25, 0.0)],
)
def test_a_linear_discriminator_of_norm_g_gives_the_closed_form(
    where: str, norm: float, one: float, zero: float, lp: float
) -> None:
    real, fake = torch.randn(64, *SHAPE), torch.randn(64, *SHAPE)
    points = sample_points(where, real, fake)  # type: ignore[arg-type]
    for target, expected in (("one", one), ("zero", zero), ("lp", lp)):
        value = gradient_penalty(Linear(norm), points, target)  # type: ignore[arg-type]
        torch.testing.assert_close(value.item(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("target", ["one", "zero", "lp"])
class TestNonlinear:
    @pytest.fixture
    def network(self) -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(nn.Conv2d(3, 6, 3), nn.Tanh(), nn.Flatten(), nn.Linear(36, 1), nn.Flatten(0)).double()

    @pytest.fixture
    def points(self) -> Tensor:
        return 3 * torch.randn(8, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    def test_it_is_the_mean_over_images_each_looked_at_alone(
        self, target: str, network: nn.Module, points: Tensor
    ) -> None:
        whole = gradient_penalty(network, points, target)  # type: ignore[arg-type]
        alone = [gradient_penalty(network, image[None], target) for image in points]  # type: ignore[arg-type]
        torch.testing.assert_close(whole, torch.stack(alone).mean())
        order = torch.randperm(8)
        torch.testing.assert_close(gradient_penalty(network, points[order], target), whole)  # type: ignore[arg-type]
        twice = torch.cat([points, points])
        torch.testing.assert_close(gradient_penalty(network, twice, target), whole)  # type: ignore[arg-type]

    def test_its_derivative_is_that_of_finite_differences(
        self, target: str, network: nn.Module, points: Tensor
    ) -> None:
        weight = network[0].weight.detach()

        def penalty(weight: Tensor) -> Tensor:
            def discriminator(image: Tensor) -> Tensor:
                hidden = torch.tanh(nn.functional.conv2d(image, weight, network[0].bias))
                return 20 * network[3](hidden.flatten(1)).flatten()

            return gradient_penalty(discriminator, points, target)  # type: ignore[arg-type]

        assert penalty(weight) > 0  # lp is flat below a norm of 1: the factor 20 goes beyond it
        assert torch.autograd.gradcheck(penalty, weight.requires_grad_())


def test_a_discriminator_that_ignores_the_image_has_a_finite_derivative() -> None:
    network = Linear(1.0)
    with torch.no_grad():
        network.weight.zero_()
    for target, expected in (("one", 1.0), ("lp", 0.0)):
        value = gradient_penalty(network, torch.randn(4, *SHAPE), target)  # type: ignore[arg-type]
        torch.testing.assert_close(value.item(), expected, rtol=1e-5, atol=1e-6)
        (gradient,) = torch.autograd.grad(value, network.weight)
        assert gradient.isfinite().all()


def test_it_is_in_float32_under_autocast_and_without_gradients_around_it() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(12, 1), nn.Flatten(0))
    points = torch.randn(4, *SHAPE)
    expected = gradient_penalty(network, points, "one")
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        value = gradient_penalty(network, points.bfloat16().float(), "one")
        same_points = gradient_penalty(network, points, "one")
    assert value.dtype == torch.float32 and value.requires_grad
    torch.testing.assert_close(same_points, expected, rtol=0, atol=0)


def test_points_on_the_line_lie_between_their_own_pair_each_at_a_place_of_its_own() -> None:
    real, fake = torch.zeros(1000, *SHAPE), torch.ones(1000, *SHAPE) * torch.arange(1, 1001).view(-1, 1, 1, 1)
    points = sample_points("line", real, fake)
    share = points / fake
    assert ((share >= 0) & (share <= 1)).all()
    torch.testing.assert_close(share.flatten(1).std(1), torch.zeros(1000), rtol=0, atol=1e-6)  # one share an image
    share = share[:, 0, 0, 0]
    torch.testing.assert_close(share.mean().item(), 0.5, rtol=0, atol=0.04)
    torch.testing.assert_close(share.std().item(), 12**-0.5, rtol=0, atol=0.02)
    assert sample_points("real", real, fake) is real and sample_points("fake", real, fake) is fake
