"""inference(): eval mode, no gradients, no autocast, and everything as before afterwards."""

import pytest
import torch
from torch import nn

from lit_gans.networks.contexts import inference


@pytest.fixture
def network() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.BatchNorm1d(4))


@pytest.mark.parametrize("training", [True, False])
def test_eval_inside_and_the_mode_of_before_afterwards(network: nn.Module, training: bool) -> None:
    network.train(training)
    with inference(network) as inside:
        assert inside is network
        assert not any(module.training for module in network.modules())
    assert all(module.training is training for module in network.modules())


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_before_is_back_after_an_exception(network: nn.Module, training: bool) -> None:
    network.train(training)
    with pytest.raises(ZeroDivisionError), inference(network):
        raise ZeroDivisionError
    assert all(module.training is training for module in network.modules())


def test_gradients_are_off_inside_and_on_again_afterwards(network: nn.Module) -> None:
    x = torch.randn(3, 4)
    with inference(network):
        assert not network(x).requires_grad
    assert network(x).requires_grad
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_running_statistics_do_not_move(network: nn.Module) -> None:
    norm = network[2]  # type: ignore[index]
    with inference(network):
        network(torch.randn(8, 4) + 5)
    assert norm.num_batches_tracked == 0 and norm.running_mean.count_nonzero() == 0


def test_autocast_is_off_inside_and_on_again_afterwards(network: nn.Module) -> None:
    x = torch.randn(3, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with inference(network):
            inside = network[0](x)  # type: ignore[index]
        after = network[0](x)  # type: ignore[index]
    assert inside.dtype == torch.float32
    assert after.dtype == torch.bfloat16
