"""Exponential moving average of a network's weights."""

import copy

import torch
from torch import nn


def averaged_copy(network: nn.Module) -> nn.Module:
    """A frozen copy in eval mode that `update_average` moves; its state belongs into the checkpoint."""
    return copy.deepcopy(network).eval().requires_grad_(False)


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """average <- d * average + (1 - d) * network, for weights and floating-point buffers; other buffers are copied.

    BatchNorm statistics are averaged with the weights: those of the live network belong to other weights.

    Args:
        decay: d after the start, in [0, 1).
        step: updates done so far; the first ones use the smaller (1 + step) / (10 + step), so that the untrained
            weights are forgotten soon.
    """
    weight = 1 - min(decay, (1 + step) / (10 + step))
    floats, sources = [], []
    for mine, other in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mine.is_floating_point():
            floats.append(mine)
            sources.append(other)
        else:
            mine.copy_(other)
    torch._foreach_lerp_(floats, sources, weight)
