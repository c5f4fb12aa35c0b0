"""ConditionalFlowMatching: how it is trained and what it does for its user."""

import math
from collections.abc import Callable
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from lit_gans.errors import InputError
from lit_gans.models.flow_matching import ConditionalFlowMatching

NAMES = ["gray cube", "red cube", "red sphere", "blue cylinder"]
LABELS = torch.tensor([[1.0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]])
MakeTrainer = Callable[..., L.Trainer]


def make(**options: Any) -> ConditionalFlowMatching:
    """A model of 8x8 px whose weights all do something; the averaged ones differ from the trained ones."""
    tiny: dict[str, Any] = {"num_classes": 4, "class_names": NAMES, "image_size": 8, "width": 16, "levels": 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = ConditionalFlowMatching(**(tiny | {"blocks": 1, "steps": 8, "warmup": 2} | options))
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.03 * torch.randn(weight.shape))
    return model


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_network_that_knows_the_velocity_has_no_loss_and_draws_the_image(images: Tensor) -> None:
    """For one image the velocity at x and time t is (image - x) / (1 - t): with it the loss is 0, and wherever one
    starts, one arrives at the image."""
    model = make(solver="euler")

    class Known(torch.nn.Module):
        def forward(self, x: Tensor, time: Tensor, condition: Tensor, kept: Tensor | None = None) -> Tensor:
            return (images[:1] - x) / (1 - time).view(-1, 1, 1, 1)

    batch = {"image": images[:1].expand(4, -1, -1, -1), "condition": LABELS[:1].expand(4, -1)}
    noise, time = torch.randn(4, 3, 8, 8), torch.tensor([0.0, 0.3, 0.6, 0.9])
    assert model.loss_at(Known(), batch, noise, time) < 1e-9
    model.unet_ema = Known()
    model.unet_ema.register_parameter("none", torch.nn.Parameter(torch.zeros(())))
    torch.testing.assert_close(model.sample(LABELS[:1], n=2, seed=0), images[:1].expand(2, -1, -1, -1))


def test_training_brings_the_loss_down_and_the_label_into_the_network(trainer: MakeTrainer) -> None:
    """Two classes, one black and one white: after a few dozen steps each is drawn as asked."""
    rows = [{"image": torch.full((3, 8, 8), 2.0 * (i % 2) - 1), "condition": torch.eye(4)[i % 2]} for i in range(32)]
    model = make(lr=3e-3, ema_decay=0.9, condition_drop=0.1)
    trainer(max_epochs=30).fit(model, DataLoader(rows, batch_size=16))
    black, white = model.sample(torch.eye(4)[:2], seed=0)
    assert black.mean() < -0.5 and white.mean() > 0.5


def test_samples_are_those_of_the_seed_and_differ_by_condition_temperature_guidance_and_steps() -> None:
    model = make()
    plain = model.sample(LABELS, seed=1)
    assert torch.equal(model.sample([["gray cube"], ["red cube", "red sphere"], ["blue cylinder"]], seed=1), plain)
    for other in (
        model.sample(LABELS.roll(1, 0), seed=1),
        model.sample(LABELS, seed=1, temperature=0.5),
        model.sample(LABELS, seed=1, guidance=2.0),
        model.sample(LABELS, seed=1, steps=2),
        model.sample(LABELS, seed=1, use_ema=False),
    ):
        assert (other - plain).abs().max() > 1e-3


def test_guidance_adds_the_difference_to_the_velocity_without_the_condition(images: Tensor) -> None:
    model = make()
    unet = model.unet
    with torch.no_grad():
        told, without = model.velocity(unet, images, 0.3, LABELS, 0.0), model.velocity(unet, images, 0.3, None, 0.0)
        guided = model.velocity(unet, images, 0.3, LABELS, 1.5)
    torch.testing.assert_close(guided, told + 1.5 * (told - without))
    assert (told - without).abs().max() > 1e-3


def test_encoding_and_decoding_come_back_to_the_image_as_the_steps_grow(images: Tensor) -> None:
    """Heun's error falls with the square of the steps: at most a third of it with twice as many."""
    errors = []
    for steps in (8, 16):
        model = make(steps=steps).double()
        errors.append((model.decode(model.encode(images.double(), LABELS), LABELS) - images).abs().max().item())
    assert errors[1] < max(errors[0] / 3, 1e-6) and errors[0] < 0.05


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_density_is_known_where_the_images_are_gaussian(images: Tensor, noise: float) -> None:
    """Images of independent values with mean m and deviation s: the velocity of the path is known, and so is the
    density of the images, with and without noise."""
    mean, deviation = 0.3, 0.4

    class Known(torch.nn.Module):
        def forward(self, x: Tensor, time: Tensor, condition: Tensor, kept: Tensor | None = None) -> Tensor:
            t = time.view(-1, 1, 1, 1)
            slope = (t * deviation**2 - (1 - t)) / (t**2 * deviation**2 + (1 - t) ** 2)
            return mean + slope * (x - t * mean)

    model = make().double()
    model.unet_ema = Known()
    model.unet_ema.register_parameter("none", torch.nn.Parameter(torch.zeros(())))
    expected = torch.distributions.Normal(mean, math.hypot(deviation, noise)).log_prob(images.double())
    found = model.log_prob(images.double(), LABELS, noise=noise, steps=128)
    torch.testing.assert_close(found, expected.flatten(1).sum(dim=1), rtol=1e-3, atol=0)


def test_a_density_depends_on_the_condition_and_on_the_seed_of_its_estimate(images: Tensor) -> None:
    model = make()
    density = model.log_prob(images, LABELS)
    assert density.shape == (3,) and not density.requires_grad
    assert torch.equal(model.log_prob(images, LABELS), density)
    for other in (
        model.log_prob(images),
        model.log_prob(images, LABELS, seed=1),
        model.log_prob(images, LABELS, noise=0.1),
    ):
        assert (other - density).abs().max() > 1e-3
    with pytest.raises(InputError, match="noise is -1"):
        model.log_prob(images, noise=-1)


def test_an_interpolation_begins_and_ends_with_the_images(images: Tensor) -> None:
    model = make(steps=32)
    way = model.interpolate(images[:1], images[1:2], steps=3)
    assert way.shape == (1, 3, 3, 8, 8)
    torch.testing.assert_close(way[:, [0, -1]], images[None, :2], rtol=0, atol=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"condition_drop": 1.0}, "condition_drop is 1.0"),
        ({"steps": 0}, "steps is 0"),
        ({"solver": "rk4"}, "solver is 'rk4'"),
        ({"guidance": float("nan")}, "guidance is nan"),
        ({"guidance": 1.0, "condition_drop": 0.0}, "train with condition_drop 0.1"),
    ],
)
def test_options_that_are_not_possible_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(**options)


def test_a_model_that_always_has_a_condition_needs_one(images: Tensor) -> None:
    with pytest.raises(InputError, match="condition_drop 0"):
        make(condition_drop=0.0).encode(images)
    with pytest.raises(InputError, match="2 conditions for 3 images"):
        make().encode(images, LABELS[:2])
    with pytest.raises(InputError, match="guidance strengthens"):
        make().decode(images.flatten(1), guidance=1.0)
