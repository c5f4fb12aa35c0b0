"""Optimizer state from a checkpoint of another memory layout."""

import copy

import torch
from torch import nn
from torch.optim import Adam

from lit_gans.training.optimizers import align_state


def test_a_fused_step_after_loading_contiguous_state_equals_the_plain_step() -> None:
    torch.manual_seed(0)
    saved = nn.Conv2d(3, 4, 4)
    adam = Adam(saved.parameters(), 0.1)
    image = torch.randn(2, 3, 8, 8)
    saved(image).square().sum().backward()
    adam.step()  # leaves contiguous exp_avg and exp_avg_sq

    loaded = nn.Conv2d(3, 4, 4)
    loaded.load_state_dict(saved.state_dict())
    loaded.to(memory_format=torch.channels_last)
    fused = Adam(loaded.parameters(), 0.1, fused=True)
    fused.load_state_dict({**copy.deepcopy(adam.state_dict()), "param_groups": fused.state_dict()["param_groups"]})
    assert fused.state[loaded.weight]["exp_avg"].stride() != loaded.weight.stride()
    align_state(fused)
    assert fused.state[loaded.weight]["exp_avg"].stride() == loaded.weight.stride()
    torch.testing.assert_close(fused.state[loaded.weight]["exp_avg"], adam.state[saved.weight]["exp_avg"])

    for network, optimizer in ((saved, adam), (loaded, fused)):
        optimizer.zero_grad()
        network(image.contiguous(memory_format=torch.channels_last)).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(loaded.weight, saved.weight, rtol=1e-4, atol=1e-5)
