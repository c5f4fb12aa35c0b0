"""Processes of their own for tests, forked: without the seconds that each would need to import torch."""

import os
import socket
from collections.abc import Callable
from typing import Any

import torch.multiprocessing

TIMEOUT = 300
FORK = torch.multiprocessing.get_context("fork")


def exit_code(work: Callable[..., Any], *args: Any) -> int:
    """Of a forked process that calls `work(*args)` and ends with what it returns; a signal's is negative."""

    def ending() -> None:
        raise SystemExit(work(*args))

    process = FORK.Process(target=ending)
    process.start()
    process.join(TIMEOUT)
    assert process.exitcode is not None, f"still running after {TIMEOUT} s"
    return int(process.exitcode)


def run_ranks(count: int, work: Callable[..., None], *args: Any) -> None:
    """Calls `work(rank, *args)` in so many forked processes, which Lightning takes for the ranks of one run.

    Raises:
        ProcessRaisedException: with the traceback of the first rank that failed; the others are ended.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = torch.multiprocessing.start_processes(
        _rank, (count, port, work, args), nprocs=count, join=False, start_method="fork"
    )
    assert context is not None
    while not context.join(timeout=TIMEOUT):
        pass


def _rank(rank: int, count: int, port: int, work: Callable[..., None], args: tuple[Any, ...]) -> None:
    os.environ.update({"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "CUDA_VISIBLE_DEVICES": ""})
    os.environ.update({"LOCAL_RANK": str(rank), "NODE_RANK": "0", "WORLD_SIZE": str(count), "OMP_NUM_THREADS": "1"})
    work(rank, *args)
