"""A bounded, even sample of rows among a metric's states: for what must look at pictures in pairs.

Every row draws a random number, and the rows with the smallest numbers are kept. So nobody needs to know how many rows
will come, and the samples of several ranks pool to a sample of all. The numbers follow from the seed, the rank and the
rows' order, and not from batches.
"""

from typing import Literal

import torch
from torch import Tensor
from torchmetrics import Metric

Side = Literal["real", "fake"]


def add_reservoir(metric: Metric, side: Side, capacity: int, num_features: int) -> None:
    """Adds the states `<side>_count` (rows seen), `<side>_rows` (capacity, num_features) and `<side>_keys`."""
    # Allocated whole, since torchmetrics gathers states of one shape only; an unused row has the key infinity.
    metric.add_state(f"{side}_count", torch.tensor(0), dist_reduce_fx="sum")
    metric.add_state(f"{side}_rows", torch.zeros(capacity, num_features), dist_reduce_fx=rows_of_all_ranks)
    metric.add_state(f"{side}_keys", torch.full((capacity,), torch.inf), dist_reduce_fx=rows_of_all_ranks)


def add_rows(metric: Metric, side: Side, rows: Tensor, seed: int) -> None:
    """Offers rows (B, num_features) to this side's sample; kept as float32."""
    count, kept, keys = (getattr(metric, f"{side}_{name}") for name in ("count", "rows", "keys"))
    first = int(count)
    noise = torch.Generator().manual_seed(seed * 4099 + process_rank())
    drawn = torch.rand(first + len(rows), generator=noise)[first:].to(keys.device)
    keys = torch.cat([keys, drawn])
    order = keys.argsort(stable=True)[: len(kept)]
    setattr(metric, f"{side}_rows", torch.cat([kept, rows.float()])[order])
    setattr(metric, f"{side}_keys", keys[order])
    count += len(rows)


def kept_rows(metric: Metric, side: Side, limit: int) -> Tensor:
    """At most `limit` rows of this side's sample, in random order; after a sync, of the pooled sample."""
    count, kept, keys = (getattr(metric, f"{side}_{name}") for name in ("count", "rows", "keys"))
    return kept[keys.argsort(stable=True)[: min(limit, int(count))]]


def rows_of_all_ranks(stacked: Tensor) -> Tensor:
    """(ranks, N, ...) -> (ranks * N, ...)."""
    return stacked.flatten(0, 1)


def process_rank() -> int:
    """Rank of this process; 0 outside of distributed runs."""
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_rank() if distributed else 0
