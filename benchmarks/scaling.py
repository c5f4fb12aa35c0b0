"""Images a second of one system in several processes, and the bytes that they exchange for each training batch.

    python benchmarks/scaling.py --device cpu --system cdcgan --processes 1,2 --data DIR --out scaling.json

Weak scaling: the batch of a process and its threads stay the same, so N processes train on N times the images. Each
figure comes from a `lit-gans fit` of its own: images_per_second of its metrics.csv, over all processes. The efficiency
is that rate over N times the rate of one process in the same round. On a CPU the processes talk through gloo on one
machine, so the network of a cluster is not in these figures.

Two ways of exchanging gradients are compared:

overlay  what configs/trainer/ddp.yaml does; `strategy` in the JSON names it. Under find_unused_parameters every
         backward pass exchanges the gradients of all networks, those of the networks that are not updated as zeros
updated  plain DDP, whose own exchange is held back: after each backward pass one all-reduce of the gradients of the
         network that is updated, which is the least that this update schedule needs

Bytes are counted, not computed: a dispatch mode sees every collective operation (c10d) of one period of the update
schedule on rank 0, in the untimed batches. They are those handed to the operation; a ring all-reduce over N processes
sends 2 (N - 1) / N times as many from each. `least` is computed, for comparison: 4 bytes for each weight of each
network that is updated. The losses of the last batch stand in the JSON too: both ways train the same model.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from fitting import command_line, fit, fit_options, logged, mean_rate
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import ParallelStrategy
from torch import Tensor, distributed
from torch.utils._python_dispatch import TorchDispatchMode

# as in startup.py: the measured process imports this file for its callbacks
if TYPE_CHECKING:
    from throughput_systems import Job

# options of fit, in their order
WAYS = {
    "overlay": [("config", "trainer/ddp")],
    "updated": [
        ("config", "trainer/ddp"),
        ("trainer.strategy", "ddp"),
        ("trainer.callbacks+", "scaling.UpdatedOnly"),
    ],
}


class CollectiveCounter(TorchDispatchMode):
    """Bytes and calls of each collective operation by its name, such as `allreduce_`."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace == "c10d":
            name = func.overloadpacket.__name__
            self.calls[name] += 1
            self.bytes[name] += sum(tensor.nbytes for tensor in tensors_in(args))
        return func(*args, **(kwargs or {}))


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors in an operation's arguments."""
    if isinstance(value, Tensor):
        return [value]
    return [tensor for part in value for tensor in tensors_in(part)] if isinstance(value, list | tuple) else []


class Traffic(Callback):
    """Counts what the batches 1 to `batches` exchange, the first being 0, and writes it into a JSON file.

    Batch 0 is left out: DDP has work to do once in it.
    """

    def __init__(self, out: str, batches: int) -> None:
        self.out, self.batches = Path(out), batches
        self.counter = CollectiveCounter()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if 1 <= trainer.global_step <= self.batches:
            self.counter.__enter__()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # the batch has raised global_step by one
        if 2 <= trainer.global_step <= self.batches + 1:
            self.counter.__exit__(None, None, None)
        if trainer.global_step == self.batches + 1 and trainer.is_global_zero:
            counts = {"bytes": self.counter.bytes, "calls": self.counter.calls}
            self.out.write_text(json.dumps(counts))


class UpdatedOnly(Callback):
    """After each backward pass, averages the gradients of the weights that are being updated over the processes, in
    one all-reduce; DDP's own exchange is held back."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        backward, strategy = pl_module.manual_backward, trainer.strategy
        assert isinstance(strategy, ParallelStrategy)

        def backward_and_average(loss: Tensor, *args: Any, **kwargs: Any) -> None:
            # of the network that is updated; the other's are still there
            updated = [p for p in pl_module.parameters() if p.grad is None]
            with strategy.block_backward_sync():
                backward(loss, *args, **kwargs)
            average([p.grad for p in updated if p.grad is not None])

        pl_module.manual_backward = backward_and_average  # type: ignore[method-assign]


def average(gradients: list[Tensor]) -> None:
    """Over all processes, in place."""
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def train(job: "Job", processes: int, way: str, threads: int) -> dict[str, Any]:
    """Images a second of all processes, the last losses of rank 0, and what was exchanged if there are several."""
    setup = job.setup
    with tempfile.TemporaryDirectory() as temporary:
        folder, traffic = Path(temporary), Path(temporary) / "traffic.json"
        options = list(
            (
                fit_options(job, folder)
                | {
                    "trainer.devices": processes,
                    "trainer.max_steps": setup.warmup + setup.batches,
                    "trainer.log_every_n_steps": setup.warmup,
                }
            ).items()
        )
        if processes > 1:
            # behind the system's config and before what the overlay must not change
            options[1:1] = WAYS[way]
            options += [
                ("trainer.callbacks+", "scaling.Traffic"),
                ("trainer.callbacks.out", traffic),
                ("trainer.callbacks.batches", job.system.period),
            ]
        fit(options, {"OMP_NUM_THREADS": str(threads)})
        rows = logged(folder, setup)
        return {
            "images_per_second": mean_rate(rows),
            "losses": {name: float(value) for name, value in rows[-1].items() if name.startswith("loss/")},
            "traffic": json.loads(traffic.read_text()) if processes > 1 else None,
        }


def cases_of(processes: Sequence[int], ways: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Name -> number of processes and way; one process exchanges nothing, so it has no way."""
    alone = {"1": (1, "")} if 1 in processes else {}
    return alone | {f"{n} {way}": (n, way) for n in processes if n > 1 for way in ways}


def least_bytes(job: "Job") -> float:
    """For a training batch: 4 for each weight of each network that is updated."""
    model: Any = job.model()
    sizes = {name: sum(p.numel() for p in getattr(model, name).parameters()) for name in ("generator", "discriminator")}
    # the batches that Traffic counts
    steps = range(1, 1 + job.system.period)
    updates = {
        "generator": sum(model.updates.of_generator(step) for step in steps),
        "discriminator": sum(model.updates.of_discriminator(step) for step in steps),
    }
    return 4 * sum(sizes[name] * updates[name] for name in sizes) / job.system.period


def summary(
    rounds: Sequence[Mapping[str, Mapping[str, Any]]], cases: Mapping[str, tuple[int, str]], period: int
) -> dict[str, dict[str, Any]]:
    """Medians over the rounds; the efficiency is that within a round, and None where one process was not measured."""
    results: dict[str, dict[str, Any]] = {}
    for name, (processes, way) in cases.items():
        rates = [row[name]["images_per_second"] for row in rounds]
        efficiencies = []
        if "1" in cases:
            alone = [row["1"]["images_per_second"] for row in rounds]
            efficiencies = [rate / (processes * one) for rate, one in zip(rates, alone, strict=True)]
        traffic = rounds[0][name]["traffic"]
        results[name] = {
            "processes": processes,
            "way": way or None,
            "images_per_second": statistics.median(rates),
            "efficiency": statistics.median(efficiencies) if efficiencies else None,
            "all_reduced_bytes_per_batch": traffic["bytes"].get("allreduce_", 0) / period if traffic else 0,
            "all_reduces_per_batch": traffic["calls"].get("allreduce_", 0) / period if traffic else 0,
        }
    return results


def print_table(results: Mapping[str, Mapping[str, Any]], title: str, least: float) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE, caption=f"least: {least / 1e6:,.3f} MB a batch (computed)")
    columns = ("processes", "way", "images/s", "efficiency", "MB all-reduced a batch", "all-reduces a batch")
    for column in columns:
        table.add_column(column, justify="left" if column == "way" else "right")
    for row in results.values():
        table.add_row(
            str(row["processes"]),
            row["way"] or "-",
            f"{row['images_per_second']:,.1f}",
            "-" if row["efficiency"] is None else f"{row['efficiency']:.2f}",
            f"{row['all_reduced_bytes_per_batch'] / 1e6:,.3f}",
            f"{row['all_reduces_per_batch']:,.1f}",
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def numbers(text: str) -> list[int]:
    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError:
        found = [0]
    if found[0] < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected numbers of processes such as 1,2")
    return found


def way_names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in WAYS]:
        raise argparse.ArgumentTypeError(f"no way {', '.join(unknown)}; expected {', '.join(WAYS)}")
    return names


def parser_for(systems: Sequence[str], hyperparameter: Callable[[str], tuple[str, Any]]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--system", choices=systems, default="cdcgan")
    parser.add_argument("--processes", type=numbers, default="1,2", help="numbers of processes, with commas")
    parser.add_argument("--ways", type=way_names, default=",".join(WAYS), help=f"of {', '.join(WAYS)}; with commas")
    parser.add_argument("--threads", type=int, help="of a process; the cores over the most processes if not given")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data set of the system; rendered if not given")
    parser.add_argument("--out", type=Path, metavar="FILE.json", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=20, help="timed batches of a measurement")
    parser.add_argument("--warmup", type=int, default=10, help="batches before them; fit logs every so many batches")
    parser.add_argument("--batch-size", type=int, help="of a process, instead of the config's")
    parser.add_argument("--image-size", type=int, help="instead of the config's")
    model = "hyperparameters instead of the config's"
    parser.add_argument("--model", nargs="+", type=hyperparameter, default=[], metavar="NAME=VALUE", help=model)
    return parser


def main(args: Sequence[str] | None = None) -> None:
    import throughput_steps
    import yaml
    from throughput import SYSTEMS, Job, Setup, data_folder, hyperparameter, machine

    from lit_gans.configs import find_config
    from lit_gans.files import replacing

    # those with one generator and one discriminator, whose updates can be counted
    systems = [name for name, system in SYSTEMS.items() if system.step is throughput_steps.gan]
    parser = parser_for(systems, hyperparameter)
    given = parser.parse_args(args)
    system, most = SYSTEMS[given.system], given.processes[-1]
    if given.rounds < 1 or given.batches < 1 or given.warmup < 1 or given.batches % given.warmup:
        parser.error("--rounds, --batches and --warmup must be at least 1, and --batches a multiple of --warmup")
    if given.warmup <= system.period:
        parser.error(f"--warmup must be more than {system.period}: batches 1 to {system.period} are counted in it")
    if given.device == "cuda" and torch.cuda.device_count() < most:
        parser.error(f"--device cuda: torch finds {torch.cuda.device_count()} GPU(s) for {most} process(es)")
    if not given.out.resolve().parent.is_dir():
        parser.error(f"--out {given.out}: its folder does not exist")

    setup = Setup(
        given.device, given.batches, given.warmup, 0, given.batch_size, given.image_size, model=dict(given.model)
    )
    facts = machine(setup)
    threads = facts.pop("threads")  # of this process, which does not train
    threads = given.threads or max(1, facts["cores"] // most)
    overlay = yaml.safe_load(find_config("trainer/ddp").read_text())["trainer"]["strategy"]
    cases = cases_of(given.processes, given.ways)
    shown = vars(given) | {"processes": ",".join(map(str, given.processes)), "ways": ",".join(given.ways)}
    with tempfile.TemporaryDirectory() as temporary:
        job = Job(system, setup, data_folder(system, given.data) if given.data else Path(temporary) / given.system)
        if given.data is None:
            system.source.render(job.folder, images_needed(job, most), job.image_size)
        rounds: list[dict[str, dict[str, Any]]] = []
        for _ in range(given.rounds):
            rounds.append({name: train(job, *case, threads) for name, case in cases.items()})
            results, least = summary(rounds, cases, system.period), least_bytes(job)
            # after each round: a run that is stopped keeps what it has measured
            content = {
                "command": command_line("scaling.py", shown),
                "machine": facts | {"threads_per_process": threads},
                "system": given.system,
                "strategy": {"overlay": overlay, "updated": "ddp"},
                "data": f"{job.folder.resolve().name}, {len(job.dataset()):,} items",
                "batch_size_per_process": job.batch_size,
                "image_size": job.image_size,
                "least_bytes_per_batch": least,
                "rounds": rounds,
                "results": results,
            }
            with replacing(given.out) as file:
                file.write_text(json.dumps(content, indent=2) + "\n")
    title = f"Weak scaling of {given.system}, {facts['gpu'] or facts['cpu']}, {facts['cores']} cores"
    print_table(results, f"{title}, batch {job.batch_size} and {threads} thread(s) a process", least)


def images_needed(job: "Job", processes: int) -> int:
    """At least one batch of all processes is left when some are held out for validation."""
    union = job.batch_size * processes
    return max(min(union * (job.setup.warmup + job.setup.batches), 4096), 2 * union)


if __name__ == "__main__":
    main()
