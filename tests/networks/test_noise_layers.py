"""Layers that draw random numbers: when they do, and how much."""

import pytest
import torch
from torch import nn

from lit_gans.errors import InputError
from lit_gans.networks.noise_layers import SteadyDropout, TrainingNoise, is_stochastic
from lit_gans.networks.norms import norm_layer


@pytest.mark.parametrize("training", [True, False])
def test_steady_dropout_drops_its_share_and_keeps_the_mean_in_training_and_testing(training: bool) -> None:
    out = SteadyDropout(0.25).train(training)(torch.ones(100_000))
    assert out.unique().tolist() == pytest.approx([0, 4 / 3])
    # standard deviation of the share: sqrt(0.25 * 0.75 / 100000) = 0.0014
    assert abs((out == 0).float().mean().item() - 0.25) < 0.008


def test_noise_has_its_deviation_in_training_and_none_in_testing() -> None:
    noise, zeros = TrainingNoise(0.5), torch.zeros(100_000)
    assert abs(noise(zeros).std().item() - 0.5) < 0.01 and abs(noise(zeros).mean().item()) < 0.01
    assert noise.eval()(zeros) is zeros


def test_at_zero_both_give_back_their_input() -> None:
    x = torch.randn(3)
    assert SteadyDropout(0.0)(x) is x and TrainingNoise(0.0)(x) is x


def test_only_dropout_that_stays_on_makes_a_network_stochastic_in_eval_mode() -> None:
    assert is_stochastic(nn.Sequential(nn.Linear(1, 1), SteadyDropout(0.5)))
    assert not is_stochastic(nn.Sequential(nn.Dropout(0.5), SteadyDropout(0.0), TrainingNoise(1.0)))


@pytest.mark.parametrize("value", [-0.1, 1.0])
def test_a_share_without_meaning_is_refused(value: float) -> None:
    with pytest.raises(InputError, match=f"generator_dropout is {value}"):
        SteadyDropout(value)


def test_negative_noise_is_refused() -> None:
    with pytest.raises(InputError, match=r"generator_noise is -0\.1"):
        TrainingNoise(-0.1)


@pytest.mark.parametrize(("name", "axes"), [("batch", (0, 2, 3)), ("instance", (2, 3)), ("layer", (1, 2, 3))])
def test_each_norm_takes_its_statistics_over_its_own_axes(name: str, axes: tuple[int, ...]) -> None:
    x = 3 * torch.randn(5, 4, 6, 6).double() + torch.randn(5, 4, 1, 1).double()
    norm = norm_layer(name, 4, eps=0.1).double()  # type: ignore[arg-type]
    expected = (x - x.mean(axes, keepdim=True)) / (x.var(axes, correction=0, keepdim=True) + 0.1).sqrt()
    torch.testing.assert_close(norm(x), expected)
    assert sum(p.numel() for p in norm.parameters()) == 8  # a gain and a bias for each channel


def test_no_norm_is_the_identity_and_an_unknown_one_is_refused() -> None:
    x = torch.randn(1, 2, 3, 3)
    assert norm_layer("none", 2)(x) is x
    with pytest.raises(InputError, match="norm is 'spectral'; expected one of batch, instance, layer, none"):
        norm_layer("spectral", 2)  # type: ignore[arg-type]


def test_momentum_is_the_weight_of_the_newest_batch() -> None:
    norm = norm_layer("batch", 1, momentum=0.2)
    norm(torch.full((2, 1, 1, 1), 5.0))
    torch.testing.assert_close(norm.get_buffer("running_mean"), torch.tensor([1.0]))
