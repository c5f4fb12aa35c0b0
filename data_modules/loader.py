"""Batches straight from arrays: no worker processes, no per-sample Python, exact resume in the middle of an epoch."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from data_modules.sampler import EpochOrder

Batch = dict[str, Tensor]
Column = Tensor | np.ndarray
A = TypeVar("A")
B = TypeVar("B")


class Resumable:
    """A loader that goes on where a checkpoint found it. Lightning calls `set_epoch` of its sampler before each epoch,
    and keeps its `state_dict` in the checkpoint."""

    epoch = 0
    position = 0  # batches handed out of this epoch
    resume_at = 0  # where the next iteration starts, once
    resumed_epoch: int | None = None  # of the checkpoint; None where there is none, or it does not say

    @property
    def sampler(self) -> Self:
        return self

    batch_sampler = sampler  # Lightning looks at both before it calls set_epoch

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        if self.resumed_epoch not in (None, epoch):  # that one had ended, if early: trainer.limit_train_batches
            self.position = self.resume_at = 0
        self.resumed_epoch = None

    def state_dict(self) -> dict[str, int]:
        return {"position": self.position, "epoch": self.epoch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.position = self.resume_at = state["position"]
        self.resumed_epoch = state.get("epoch")


class ArrayLoader(Resumable):
    """Yields `{column: rows}` for the index batches of an EpochOrder.

    A column is a tensor (on any device: the gather happens there) or a NumPy memory map.

    Args:
        columns: name -> array of shape (N, ...), all of the same N.
        rows: (M,) indices of the rows that belong to this split.
        order: which of the M come when.
        flip: also yield a column "flip", (B,) bool, that says which images of the batch are to be mirrored.
        pin: put rows gathered on the CPU into pinned memory, so that their copy to a GPU overlaps with work there.
        ahead: batches that a thread gathers before they are asked for.
    """

    def __init__(
        self,
        columns: Mapping[str, Column],
        rows: Tensor,
        order: EpochOrder,
        *,
        flip: bool = False,
        pin: bool = False,
        ahead: int = 0,
    ) -> None:
        self.columns = dict(columns)
        self.rows = rows
        self.order = order
        self.flip = flip
        self.pin = pin
        self.ahead = ahead

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[Batch]:
        batches = self.order.batches(self.epoch)
        flips = self.order.flips(self.epoch) if self.flip else None
        start, self.resume_at = self.resume_at, 0

        def gather(picks: Tensor) -> Batch:
            batch = take(self.columns, self.rows[picks], pin=self.pin)
            return batch if flips is None else {**batch, "flip": flips[picks]}

        for position, batch in enumerate(made_ahead(gather, batches[start:], self.ahead), start=start + 1):
            self.position = position % len(batches)  # after an epoch that was handed out whole: the start of the next
            yield batch


class Named:
    """A loader whose batches say what they are for: `{..., "name": name}`."""

    def __init__(self, name: str, batches: ArrayLoader | list[dict[str, Any]]) -> None:
        self.name = name
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.batches:
            yield {**batch, "name": self.name}


def to_float(image: Tensor) -> Tensor:
    """uint8 in 0..255 -> float in [-1, 1]: `x / 127.5 - 1`."""
    return image.to(torch.float32).div_(127.5).sub_(1)


def take(columns: Mapping[str, Column], rows: Tensor, *, pin: bool = False) -> Batch:
    """These rows of every column, gathered where the column lies."""
    return {name: _rows(column, rows, pin) for name, column in columns.items()}


def _rows(column: Column, rows: Tensor, pin: bool) -> Tensor:
    if isinstance(column, Tensor) and column.device.type != "cpu":
        return column[rows.to(column.device)]
    gathered = column[rows] if isinstance(column, Tensor) else torch.from_numpy(column[rows.numpy()])
    return gathered.pin_memory() if pin else gathered


def made_ahead(make: Callable[[A], B], items: Iterable[A], count: int) -> Iterator[B]:
    """`make` of each item in order, up to `count` of them in a thread before they are asked for."""
    if count == 0:
        yield from map(make, items)
        return
    with ThreadPoolExecutor(1) as thread:
        pending: deque[Future[B]] = deque()
        for item in items:
            pending.append(thread.submit(make, item))
            if len(pending) > count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
