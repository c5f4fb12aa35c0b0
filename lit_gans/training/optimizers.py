"""Optimizers by name, and optimizer state that fits the weights it belongs to."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import nn
from torch.optim import SGD, Adam, Optimizer, RMSprop

from lit_gans.errors import InputError

OptimizerName = Literal["adam", "sgd", "rmsprop"]


def optimizer_of(
    name: OptimizerName, weights: Iterable[nn.Parameter], lr: float, betas: tuple[float, float]
) -> Optimizer:
    """The optimizer of this name; `betas` are Adam's, the others have their defaults (SGD without momentum).

    Raises:
        InputError: an unknown name.
    """
    if name == "adam":
        return Adam(weights, lr, betas, fused=True)
    if name == "sgd":
        return SGD(weights, lr, fused=True)
    if name == "rmsprop":
        return RMSprop(weights, lr)
    raise InputError(f"optimizer is {name!r}; expected one of adam, sgd, rmsprop")


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
