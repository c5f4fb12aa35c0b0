"""Layers that draw random numbers in every pass: dropout, and training tips 13 and 17 (ganhacks; report 000, section
A6)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lit_gans import checks


class SteadyDropout(nn.Dropout):
    """Dropout that is on in training and in testing alike (tip 17).

    Args:
        probability: share of the values set to 0, in [0, 1); the others are scaled up to keep the mean.
    """

    def __init__(self, probability: float) -> None:
        checks.number("generator_dropout", probability, at_least=0, below=1, hint="a share, such as 0.5")
        super().__init__(probability)

    def train(self, mode: bool = True) -> "SteadyDropout":
        return super().train()


class TrainingNoise(nn.Module):
    """Adds Gaussian noise in training (tip 13).

    Args:
        deviation: standard deviation of the noise.
    """

    def __init__(self, deviation: float) -> None:
        super().__init__()
        checks.number("generator_noise", deviation, at_least=0, hint="a standard deviation, such as 0.05; 0 for none")
        self.deviation = deviation

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or not self.deviation:
            return input
        return input + self.deviation * torch.randn_like(input)

    def extra_repr(self) -> str:
        return f"{self.deviation}"


def is_stochastic(network: nn.Module) -> bool:
    """Whether the network's output in eval mode is random for the same input."""
    return any(isinstance(layer, SteadyDropout) and layer.p for layer in network.modules())


@contextmanager
def seeded_if_stochastic(network: nn.Module, rng: torch.Generator) -> Iterator[None]:
    """Lets a network that is random in eval mode draw from the state of `rng`, and leaves torch's own generators as
    they were."""
    if not is_stochastic(network):
        yield
        return
    device = next(network.parameters()).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(int(torch.randint(2**62, (), generator=rng)))
        yield
