"""Seconds until `lit-gans` answers, and until it trains.

    python benchmarks/startup.py --device cpu --system cdcgan --data DIR --out startup.json

help        `lit-gans --help`, the whole process
bare        `lit-gans` without arguments, the whole process
config help `lit-gans fit --config dcgan --help`, the whole process
torch       `python -c "import torch"`, beside which the others are to be seen
first step  `lit-gans fit` from the start of its process to the end of its first training batch: imports, the config,
            data set and networks included; validation, and what follows the batch, are not. The moment is written down
            by a Lightning callback (FirstBatch), before the run ends by itself with --trainer.max_steps 1

Each is run once untimed first, so that files lie in the page cache, bytecode is compiled and the image cache is built:
the figures are those of a second start. The rounds take turns. Threads are left to the environment (OMP_NUM_THREADS).
Beside the seconds stand those of the processor (user and system, of the process and what it starts): on a machine that
others use they are what to look at.
Without --data, pictures are rendered at the size that is trained on.
"""

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from fitting import command_line, fit, fit_options, run
from lightning.pytorch import Callback, LightningModule, Trainer

# The process under measurement imports this file too, for its callback: what only the measuring needs is imported by
# the functions that measure.
if TYPE_CHECKING:
    from throughput_systems import Job

# seconds; the third is for a CPU or one GPU, with the image cache built
GOALS = {"help": 0.3, "bare": 0.3, "config help": 3.0, "first step": 10.0}


class FirstBatch(Callback):
    """Writes the time at the end of a run's first batch into a file: seconds since the epoch."""

    def __init__(self, out: str) -> None:
        self.out = Path(out)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == 0 and trainer.is_global_zero:
            if pl_module.device.type == "cuda":
                torch.cuda.synchronize()
            self.out.write_text(repr(time.time()))


def seconds_of(command: Sequence[str | Path]) -> float:
    start = time.perf_counter()
    run(command)
    return time.perf_counter() - start


def seconds_to_first_batch(job: "Job") -> float:
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "first_batch"
        options = fit_options(job, Path(temporary)) | {
            "trainer.max_steps": 1,
            "trainer.callbacks+": "startup.FirstBatch",
            "trainer.callbacks.out": out,
        }
        start = time.time()  # two processes share no other clock on every system
        fit(list(options.items()))
        return float(out.read_text()) - start


def processor_seconds() -> float:
    """Of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(measures: Mapping[str, Callable[[], float]], rounds: int) -> tuple[list[dict[str, float]], ...]:
    """Two rows for each round, of seconds and of the processor's; before them, everything once untimed."""
    for work in measures.values():
        work()
    seconds: list[dict[str, float]] = []
    processor: list[dict[str, float]] = []
    for _ in range(rounds):
        seconds.append({})
        processor.append({})
        for name, work in measures.items():
            before = processor_seconds()
            seconds[-1][name] = work()
            processor[-1][name] = processor_seconds() - before
    return seconds, processor


def medians_of(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.median(row[name] for row in rounds) for name in rounds[0]}


def print_table(
    seconds: Mapping[str, float], rounds: Sequence[Mapping[str, float]], processor: Mapping[str, float], title: str
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE)
    for column in ("seconds", "median", "range", "processor", "goal", "reached"):
        table.add_column(column, justify="left" if column == "seconds" else "right")
    for name, median in seconds.items():
        values = [row[name] for row in rounds]
        goal = GOALS.get(name)
        told = ["", ""] if goal is None else [f"< {goal:g}", "yes" if median < goal else "no"]
        table.add_row(name, f"{median:.2f}", f"{min(values):.2f}-{max(values):.2f}", f"{processor[name]:.2f}", *told)
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def main(args: Sequence[str] | None = None) -> None:
    from throughput import SYSTEMS, Job, Setup, data_folder, hyperparameter, machine

    from lit_gans.files import replacing

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--system", choices=tuple(SYSTEMS), default="cdcgan")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data set of the system; rendered if not given")
    parser.add_argument("--images", type=int, default=4096, help="rendered, where there is no --data")
    parser.add_argument("--out", type=Path, metavar="FILE.json", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, help="instead of the config's")
    parser.add_argument("--image-size", type=int, help="instead of the config's")
    model = "hyperparameters instead of the config's"
    parser.add_argument("--model", nargs="+", type=hyperparameter, default=[], metavar="NAME=VALUE", help=model)
    given = parser.parse_args(args)
    if given.rounds < 1 or given.images < 1:
        parser.error("--rounds and --images must be at least 1")
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch finds no GPU; give --device cpu")
    if not given.out.resolve().parent.is_dir():
        parser.error(f"--out {given.out}: its folder does not exist")
    program = Path(sys.executable).with_name("lit-gans")
    if not program.is_file():
        parser.error(f"no `lit-gans` beside {Path(sys.executable).name}; install the package into this environment")

    setup = Setup(given.device, 1, 0, 0, given.batch_size, given.image_size, model=dict(given.model))
    system, facts = SYSTEMS[given.system], machine(setup)
    with tempfile.TemporaryDirectory() as temporary:
        job = Job(system, setup, data_folder(system, given.data) if given.data else Path(temporary) / given.system)
        if given.data is None:
            system.source.render(job.folder, given.images, job.image_size)
        measures = {
            "help": lambda: seconds_of([program, "--help"]),
            "bare": lambda: seconds_of([program]),
            "config help": lambda: seconds_of([program, "fit", "--config", "dcgan", "--help"]),
            "torch": lambda: seconds_of([sys.executable, "-c", "import torch"]),
            "first step": lambda: seconds_to_first_batch(job),
        }
        rounds, processor = measure(measures, given.rounds)
        data = f"{job.folder.resolve().name}, {len(job.dataset()):,} items"
    medians, of_processor = medians_of(rounds), medians_of(processor)
    content = {
        "command": command_line("startup.py", vars(given)),
        "machine": facts,
        "system": given.system,
        "data": data,
        "batch_size": job.batch_size,
        "image_size": job.image_size,
        "rounds": rounds,
        "processor_rounds": processor,
        "seconds": medians,
        "processor_seconds": of_processor,
        "goals": GOALS,
    }
    with replacing(given.out) as file:
        file.write_text(json.dumps(content, indent=2) + "\n")
    print_table(
        medians, rounds, of_processor, f"Start, {facts['gpu'] or facts['cpu']}, {facts['cores']} cores, {given.system}"
    )


if __name__ == "__main__":
    main()
