"""Optimizer state that fits the weights it belongs to."""

import torch
from torch.optim import Optimizer


@torch.no_grad()
def align_state(optimizer: Optimizer) -> None:
    """Gives every state tensor the memory layout of its weight.

    torch's fused Adam on a CPU pairs weights and state by memory position: state that was saved in another layout
    (an older checkpoint, say) would silently be applied to the wrong elements.
    """
    for weight, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.shape == weight.shape and value.stride() != weight.stride():
                state[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)
