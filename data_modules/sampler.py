"""An order of the samples that is a function of (seed, epoch): the same on every machine, shardable and resumable."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class EpochOrder:
    """Which sample comes when, for one process of `world_size`.

    A global batch holds `batch_size * world_size` samples of one permutation and rank r takes the r-th part of it, so
    that several processes together see exactly what one process with the union batch sees.

    Args:
        length: number of samples.
        batch_size: samples in a batch of one process.
        seed: together with the epoch, determines the permutation and the flips.
        shuffle: permute anew in each epoch, and drop the last incomplete batch. Otherwise samples come in file order,
            each exactly once, rank r taking every `world_size`-th.
        weights: (length,) how often each sample comes in relation to the others, when shuffled; None: all alike. Of
            `length` places in an epoch a sample gets its share, rounded up or down by chance (systematic sampling).
    """

    length: int
    batch_size: int
    seed: int = 0
    shuffle: bool = True
    rank: int = 0
    world_size: int = 1
    weights: Tensor | None = None

    def __len__(self) -> int:
        """Batches in an epoch of this process."""
        if self.shuffle:
            return self.length // (self.batch_size * self.world_size)
        return -(-len(range(self.rank, self.length, self.world_size)) // self.batch_size)

    def generator(self, epoch: int) -> torch.Generator:
        """A fresh generator whose state depends on (seed, epoch) alone."""
        return torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)

    def batches(self, epoch: int) -> list[Tensor]:
        """Index tensors, one a batch, of this process in this epoch."""
        if not self.shuffle:
            mine = torch.arange(self.rank, max(self.length, self.rank), self.world_size)
            return list(mine.split(self.batch_size)) if len(mine) else []
        generator = self.generator(epoch)
        order = torch.randperm(self.length, generator=generator)
        if self.weights is not None:
            order = systematic_sample(order, self.weights[order], generator)
        parts = order[: len(self) * self.batch_size * self.world_size].view(len(self), self.world_size, self.batch_size)
        return list(parts[:, self.rank])

    def flips(self, epoch: int) -> Tensor:
        """One fair coin a sample, (length,) bool: depends on (seed, epoch, index), not on the batch it falls into."""
        generator = self.generator(epoch)
        torch.randperm(self.length, generator=generator)  # the coins come after the permutation in the stream
        return torch.rand(self.length, generator=generator) < 0.5


def systematic_sample(items: Tensor, weights: Tensor, generator: torch.Generator) -> Tensor:
    """As many items as there are, in a random order; how often each one comes is its share by weight, up to 1."""
    count = len(items)
    ends = weights.double().cumsum(0)
    ticks = (torch.arange(count) + torch.rand(1, dtype=torch.float64, generator=generator)) * (ends[-1] / count)
    places = torch.searchsorted(ends, ticks, right=True).clamp(max=count - 1)
    return items[places][torch.randperm(count, generator=generator)]
