"""The moving average of a network: its closed form, and what is not averaged."""

import math

import pytest
import torch
from torch import nn

from lit_gans.training.ema import averaged_copy, update_average

DECAY = 0.22


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))


def fill(network: nn.Module, value: float) -> None:
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.fill_(value)


def test_the_copy_starts_with_the_networks_values_and_its_own_memory(network: nn.Module) -> None:
    average = averaged_copy(network)
    torch.testing.assert_close(average.state_dict(), network.state_dict(), rtol=0, atol=0)
    fill(average, 9)
    assert not any((tensor == 9).any() for tensor in network.state_dict().values())


def test_the_copy_is_in_eval_mode_without_gradients_and_the_network_is_not(network: nn.Module) -> None:
    average = averaged_copy(network)
    assert not any(module.training for module in average.modules())
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_several_updates_follow_the_closed_form_with_the_warm_up(network: nn.Module) -> None:
    fill(network, 3)
    average = averaged_copy(network)
    values = [5.0, -2.0, 7.0, 1.0]
    for step, value in enumerate(values):
        fill(network, value)
        update_average(average, network, DECAY, step)
    decays = [1 / 10, 2 / 11, 0.22, 0.22]  # then 3/12 and 4/13 are above the decay asked for
    expected = 3 * math.prod(decays)
    expected += sum((1 - decays[t]) * values[t] * math.prod(decays[t + 1 :]) for t in range(4))
    for name, tensor in average.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, torch.full_like(tensor, expected), rtol=1e-5, atol=0, msg=name)


def test_floating_point_buffers_are_averaged_and_whole_numbers_copied(network: nn.Module) -> None:
    average = averaged_copy(network)
    norm, averaged = network[1], average[1]  # type: ignore[index]
    norm.running_mean.fill_(10)
    norm.num_batches_tracked.fill_(7)
    update_average(average, network, decay=0.9, step=10_000)
    torch.testing.assert_close(averaged.running_mean, torch.full((2,), 1.0))
    torch.testing.assert_close(averaged.running_var, torch.full((2,), 1.0))
    assert averaged.num_batches_tracked.dtype == torch.int64 and averaged.num_batches_tracked == 7


def test_late_updates_use_the_decay_asked_for(network: nn.Module) -> None:
    fill(network, 0)
    average = averaged_copy(network)
    fill(network, 1)
    update_average(average, network, decay=0.999, step=10_000)
    torch.testing.assert_close(average[0].weight, torch.full((2, 1, 1, 1), 0.001), rtol=1e-4, atol=0)  # type: ignore[index]


def test_a_decay_of_0_is_the_network_itself(network: nn.Module) -> None:
    average = averaged_copy(network)
    fill(network, 4)
    update_average(average, network, decay=0.0, step=3)
    torch.testing.assert_close(average.state_dict(), network.state_dict(), rtol=0, atol=0)


def test_updating_leaves_the_source_and_its_gradients_alone(network: nn.Module) -> None:
    network(torch.randn(4, 1, 2, 2)).square().sum().backward()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    gradients = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
    average = averaged_copy(network)
    fill(average, 2)
    update_average(average, network, 0.5, 5)
    torch.testing.assert_close(dict(network.state_dict()), before, rtol=0, atol=0)
    torch.testing.assert_close([p.grad for p in network.parameters()], gradients, rtol=0, atol=0)
    assert len(gradients) == 4


def test_the_average_stays_without_gradients(network: nn.Module) -> None:
    average = averaged_copy(network)
    update_average(average, network, 0.5, 0)
    assert not average(torch.randn(1, 1, 2, 2)).requires_grad


def test_memory_layout_of_the_average_does_not_matter(network: nn.Module) -> None:
    one = averaged_copy(network)
    other = averaged_copy(network).to(memory_format=torch.channels_last)
    network(torch.randn(4, 1, 2, 2))
    fill(network[0], 0.5)  # type: ignore[index]
    for average in (one, other):
        update_average(average, network, 0.5, 5)
    torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=0, atol=0)
