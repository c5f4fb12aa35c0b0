"""Random numbers that depend on (seed, batch) and not on what was drawn before: so a resumed run draws the same."""

import torch
from torch import Tensor

from lit_gans import checks


def batch_seed(seed: int, batch: int, stream: int = 0) -> int:
    """A seed for one of up to 4099 streams of random numbers of this batch: 0 for what all processes share, 1 + rank
    for what is a process's own. Distinct for distinct arguments in any practical range."""
    return (seed * 1_000_000_007 + batch * 4099 + stream) % 2**63


def own_part(union: Tensor, rank: int, count: int) -> Tensor:
    """The `count` rows of one process in what is drawn for the union batch: so several processes train on the random
    numbers that one would."""
    return union[rank * count :][:count]


def generator_of(seed: int | None) -> torch.Generator:
    """A generator on the CPU for what a user draws: of this seed, or of another one in each call for None.

    Raises:
        InputError: no seed that torch takes.
    """
    rng = torch.Generator()
    if seed is None:
        rng.seed()
    else:
        rng.manual_seed(checks.seed("seed", seed))
    return rng


def generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator on this device in a state given by the seed alone."""
    return torch.Generator(device).manual_seed(seed)
