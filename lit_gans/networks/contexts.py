"""Switching networks to evaluation, or their gradients off, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def inference(network: nn.Module) -> Iterator[nn.Module]:
    """The network in eval mode, without gradients and without autocast; its mode is restored afterwards.

    Pictures and scores are made in the weights' own precision, so they do not depend on the trainer's.
    """
    was_training = network.training
    device = next(network.parameters()).device.type
    network.eval()
    try:
        with torch.no_grad(), torch.autocast(device, enabled=False):
            yield network
    finally:
        network.train(was_training)


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """What is computed in here has no gradient for the weights of these networks, while one goes through them.
    Afterwards those weights get one again that did before."""
    weights = [weight for network in networks for weight in network.parameters() if weight.requires_grad]
    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)
