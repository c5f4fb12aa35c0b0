"""Small flows whose every parameter does something."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lit_gans.networks.flow.flow import Flow


@pytest.fixture(autouse=True)
def no_denormals() -> Iterator[None]:
    """One run without it was ten times slower."""
    torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def perturb() -> Callable[..., Any]:
    """Moves every parameter of a network: what starts at zero would hide mistakes."""

    def move(network: nn.Module, by: float = 0.1, seed: int = 3) -> nn.Module:
        random = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(by * torch.randn(parameter.shape, generator=random).to(parameter))
        return network

    return move


@pytest.fixture
def flow(perturb: Callable[..., Any]) -> Callable[..., Flow]:
    """Makes a perturbed flow of 16x16 px, 2 levels of 2 steps and 4 classes, always with the same weights."""

    def make(by: float = 0.05, **options: Any) -> Flow:
        tiny = {"num_classes": 4, "image_size": 16, "levels": 2, "steps": 2, "hidden": 6, "embedding": 5}
        tiny |= {"features": 5, "growth": 3, "blocks": 1}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            made: Flow = perturb(Flow(**(tiny | options)), by)
        return made

    return make


@pytest.fixture
def batch() -> Callable[..., tuple[Tensor, Tensor]]:
    """Points of the unit cube and labels."""

    def make(count: int = 3, size: int = 16, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
        random = torch.Generator().manual_seed(5)
        x = torch.rand(count, 3, size, size, generator=random, dtype=torch.float64) - 0.5
        label = (torch.rand(count, 4, generator=random) < 0.5).to(dtype)
        return x.to(dtype), label

    return make
