"""Images a second of the conditional flow against the same flow built from normflows' layers.

    python benchmarks/flow_speed.py --out flow_speed.json

normflows    the network of configs/flow_iclevr.yaml with normflows' ActNorm, LU 1x1 convolution, squeeze and coupling
             (flow_layers.py), in fp32 and the default memory layout, which is what that library's users run
ours, fp32   our layers in the same loop: what the layers alone are worth
ours         our training step as `lit-gans fit` runs it (bf16 in the prediction networks where the processor has it,
             channels_last, fused Adam, its average of the weights), and our `sample`

Training: one step on a batch in memory. Sampling: one inverse pass of a batch, in fp32 for all of them. Each is
measured in a process of its own, in turns; ratios are taken within a round, and the table shows medians. Pictures and
labels are random, since no layer's time depends on them. Threads are left to the environment. Needs normflows 1.7.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import throughput_plain as plain
import torch
from rich import box
from rich.console import Console
from rich.table import Table
from throughput import alone, hyperparameter, images_per_second, machine, our_precision
from throughput_systems import SYSTEMS, Job, Setup
from torch import Tensor

from lit_gans.files import replacing
from lit_gans.models.flow import ConditionalFlow
from lit_gans.networks.flow.latents import Latents
from lit_gans.networks.flow.order import with_order
from lit_gans.training.memory import keep_freed_memory

BUILDS = ("normflows", "ours, fp32", "ours")


def a_batch(job: Job) -> tuple[Tensor, Tensor]:
    """Pictures of noise in [-1, 1] and labels of three classes on average."""
    random = torch.Generator().manual_seed(0)
    size = (job.batch_size, 3, job.image_size, job.image_size)
    images = torch.randint(0, 256, size, generator=random) / 127.5 - 1
    return images, (torch.rand(job.batch_size, 24, generator=random) < 1 / 8).float()


def built(job: Job, build: str) -> ConditionalFlow:
    """The model with its ActNorms set, in normflows' layers if they are asked for."""
    torch.manual_seed(0)
    model = job.model()
    assert isinstance(model, ConditionalFlow)
    images, condition = a_batch(job)
    model.flow.initialize(images / 2, model.flow.pyramid(with_order(condition, None, model.ordered_objects)))
    if build == "normflows":
        from flow_layers import their_layers

        their_layers(model.flow)
    return model


def train(job: Job, build: str) -> float:
    images, condition = a_batch(job)
    model = built(job, build)
    if build != "ours":
        loop = plain.flow(model)
        return images_per_second(job, lambda: loop(images, condition))
    keep_freed_memory()
    model.configure_model()
    step = job.system.step(model)
    with our_precision(job.setup):
        return images_per_second(job, lambda: step({"image": images, "condition": condition}))


def sample(job: Job, build: str) -> float:
    _, condition = a_batch(job)
    model = built(job, build)
    if build == "ours":
        keep_freed_memory()
        model.configure_model()
        assert model.flow_ema is not None
        model.flow_ema.load_state_dict(model.flow.state_dict())
        return images_per_second(job, lambda: model.sample(condition, seed=0))
    model.flow.eval().requires_grad_(False)

    def inverse() -> None:
        noise = torch.randn(job.batch_size, model.dims)
        pyramid = model.flow.pyramid(with_order(condition, None, model.ordered_objects))
        model.flow.inverse(Latents.unflatten(noise, model.flow.shapes), pyramid)

    return images_per_second(job, inverse)


def measure(job: Job, rounds: int, console: Console) -> list[dict[str, dict[str, float]]]:
    """Images/s by work and build, a row a round."""
    rows = []
    for number in range(1, rounds + 1):
        row = {name: {build: alone(partial(work, build=build), job) for build in BUILDS} for name, work in WORK.items()}
        rows.append(row)
        for name, speeds in row.items():
            console.print(f"round {number}: {name}  " + "  ".join(f"{b} {rate:,.1f}" for b, rate in speeds.items()))
    return rows


def summary(rows: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """Medians over the rounds, of the speeds and of the ratios to normflows within a round."""

    def median(name: str, value: Callable[[dict[str, float]], float]) -> float:
        return statistics.median(value(row[name]) for row in rows)

    return {
        name: {
            "images_per_second": {build: median(name, lambda row, b=build: row[b]) for build in BUILDS},
            "ratios": {build: median(name, lambda row, b=build: row[b] / row["normflows"]) for build in BUILDS},
        }
        for name in WORK
    }


def print_table(results: dict[str, dict[str, Any]], console: Console) -> None:
    table = Table(title="Conditional flow, images/s (times normflows)", box=box.SIMPLE)
    for column in ("", *BUILDS):
        table.add_column(column, justify="right" if column else "left")
    for name, result in results.items():
        cells = [f"{result['images_per_second'][b]:,.1f} ({result['ratios'][b]:.2f})" for b in BUILDS]
        table.add_row(name, *cells)
    console.print(table)


WORK: dict[str, Callable[..., float]] = {"training": train, "sampling": sample}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=8, help="timed batches of a measurement")
    parser.add_argument("--warmup", type=int, default=3, help="batches before them")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--image-size", type=int, default=64)
    model = "a hyperparameter of the flow instead of the config's, such as hidden=64"
    parser.add_argument("--model", nargs="+", type=hyperparameter, default=[], metavar="NAME=VALUE", help=model)
    args = parser.parse_args(arguments)
    setup = Setup("cpu", args.batches, args.warmup, 0, args.batch_size, args.image_size, model=dict(args.model))
    job, console = Job(SYSTEMS["flow"], setup, Path()), Console()
    rows = measure(job, args.rounds, console)
    results = summary(rows)
    print_table(results, console)
    facts = {"machine": machine(setup), "model": job.hyperparameters, "batch_size": job.batch_size}
    with replacing(args.out) as temporary:
        temporary.write_text(json.dumps({**facts, "rounds": rows, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
