"""What each kernel of lit_gans/kernels is worth in a whole training step: CPU time without it, divided by that with it.

    python benchmarks/kernels.py --systems cdcgan,dcgan,cyclegan --out kernels.json

One step with all kernels, one without the kernel in question, in turns, in one process, in the precision that `lit-gans
fit` takes on this CPU; the ratio of each pair, then the median of the pairs. CPU time of this process on one thread, so
that other work on the machine counts little; a kernel stays in the room if it is worth more than 1.10 on some CPU.
Pictures are rendered. Other instruction sets: ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from throughput import bare_step, machine, our_precision, system_names
from throughput_systems import SYSTEMS, Job, Setup

from lit_gans.files import replacing
from lit_gans.kernels.base import Kernel
from lit_gans.training.memory import keep_freed_memory

ALL = "all"


def kernels_of(model: torch.nn.Module) -> dict[str, type[Kernel]]:
    """The kernels that the model's networks are built of, by the names of their classes, and all of them."""
    found: dict[str, type[Kernel]] = {}
    for layer in model.modules():
        if isinstance(layer, Kernel):
            # the class that says how: a network's own subclass of a kernel goes with it
            kind = next(kind for kind in type(layer).mro() if "fast" in vars(kind))
            found[kind.__name__] = kind
    return {ALL: Kernel, **dict(sorted(found.items()))}


@contextmanager
def without(kernel: type[Kernel]) -> Iterator[None]:
    before = vars(kernel).get("enabled")
    kernel.enabled = False
    try:
        yield
    finally:
        if before is None:
            del kernel.enabled
        else:
            kernel.enabled = before


def seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(job: Job, rounds: int, console: Console) -> dict[str, Any]:
    model = job.model()
    step, batch = bare_step(job, model=model)

    def period() -> None:
        for _ in range(job.system.period):
            step(batch)

    results = {}
    with our_precision(job.setup):
        for name, kernel in kernels_of(model).items():
            pairs = []
            for number in range(rounds + 1):  # the first one warms up
                fast = seconds(period)
                with without(kernel):
                    plain = seconds(period)
                if number:
                    pairs.append((fast, plain))
            ratios = [plain / fast for fast, plain in pairs]
            results[name] = {"ratio": statistics.median(ratios), "ratios": ratios, "seconds": pairs}
            console.print(f"{name}: {results[name]['ratio']:.3f}")
    return results


def print_table(results: dict[str, dict[str, Any]], facts: dict[str, Any], console: Console) -> None:
    title = f"CPU time without / with, {facts['cpu']}, {facts['instruction_set']}, {facts['precision']}"
    table = Table("system", "kernel", "median", "of", title=title, box=box.SIMPLE)
    for system, kernels in results.items():
        for name, found in kernels.items():
            spread = f"{min(found['ratios']):.2f} to {max(found['ratios']):.2f}"
            table.add_row(system, name, f"{found['ratio']:.3f}", spread)
    console.print(table)


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=system_names, default=list(SYSTEMS), help=f"of {', '.join(SYSTEMS)}")
    parser.add_argument("--out", type=Path, metavar="FILE.json", required=True)
    parser.add_argument("--rounds", type=int, default=9, help="pairs of steps for each kernel")
    parser.add_argument("--batch-size", type=int, help="instead of the configs'")
    parser.add_argument("--image-size", type=int, help="instead of the configs'")
    given = parser.parse_args(args)
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    keep_freed_memory()  # as `lit-gans fit` does
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    setup = Setup("cpu", 1, 1, workers=0, batch_size=given.batch_size, image_size=given.image_size)
    console, results, facts = Console(width=None if sys.stdout.isatty() else 120), {}, machine(setup)
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.systems:
            job = Job(SYSTEMS[name], setup, Path(temporary) / name)
            job.system.source.render(job.folder, job.batch_size, job.image_size)
            console.print(name)
            results[name] = measure(job, given.rounds, console)
            with replacing(given.out) as file:
                file.write_text(json.dumps({"machine": facts, "systems": results}, indent=2) + "\n")
    torch.set_num_threads(threads)
    print_table(results, facts, console)


if __name__ == "__main__":
    main()
