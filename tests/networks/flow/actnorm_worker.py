"""Started by test_bijections.py: initialises a chain of ActNorms in two processes, and in one with both batches.

python actnorm_worker.py OUT
"""

import sys
from pathlib import Path

import torch
from torch import distributed, multiprocessing

from lit_gans.networks.flow.bijections import ActNorm, Chain


def initialised(x: torch.Tensor) -> dict[str, torch.Tensor]:
    chain = Chain([ActNorm(4), ActNorm(4)])
    chain.initialize(x, x)
    return chain.state_dict()


def batch(rank: int) -> torch.Tensor:
    return torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(rank)) * (1 + rank) + rank


def work(rank: int, out: Path) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{out}/store", rank=rank, world_size=2)
    torch.save(initialised(batch(rank)), out / f"{rank}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    torch.save(initialised(torch.cat([batch(0), batch(1)])), folder / "both.pt")
    # forked, so that nobody imports torch again
    multiprocessing.start_processes(work, (folder,), nprocs=2, start_method="fork")
