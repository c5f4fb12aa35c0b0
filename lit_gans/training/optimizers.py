"""Optimizers by name, and optimizer state that fits the weights it belongs to."""

from collections.abc import Iterable
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Adamax, Optimizer, RMSprop

from lit_gans import checks

OptimizerName = Literal["adam", "adamax", "sgd", "rmsprop"]


def optimizer_of(
    name: OptimizerName, weights: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], **more: Any
) -> Optimizer:
    """The optimizer of this name. `betas` are Adam's and Adamax's; the others have their defaults (SGD no momentum),
    but for what `more` says.

    Raises:
        InputError: an unknown name.
    """
    checks.choice("optimizer", name, get_args(OptimizerName))
    if name == "adam":
        return Adam(weights, lr, betas, fused=True, **more)
    if name == "adamax":
        return Adamax(weights, lr, betas, foreach=True, **more)
    return SGD(weights, lr, fused=True, **more) if name == "sgd" else RMSprop(weights, lr, **more)


@torch.no_grad()
def clamp_weights(network: nn.Module, limit: float) -> None:
    """All weights into [-limit, limit], in place."""
    weights: list[Tensor] = list(network.parameters())
    torch._foreach_clamp_min_(weights, -limit)
    torch._foreach_clamp_max_(weights, limit)


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
