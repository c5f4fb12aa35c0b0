"""Images a second that a system trains on: as users write it, as `lit-gans fit` does it, and what the machine allows.

    python benchmarks/throughput.py --device cpu --systems cdcgan --data DIR --out throughput.json

One round measures, one after the other:

plain   a PyTorch loop without this package's training code: the same networks without the kernels, in fp32 and the
        default memory layout, Adam as it comes, a DataLoader whose workers open each PNG and transform it, the losses
        read after each batch
fit     `lit-gans fit` in a process of its own, from files to weights: images_per_second of its metrics.csv. Validation,
        and the grids and checkpoints of every 500th batch, are in it only where --batches gets that far
step    the same training step on one batch in memory, in fit's precision and layout, without Lightning
floor   the floating-point operations of that step (convolutions and matrix products) at the speed of this machine's
        large matrix product in the same precision

The first three run in processes of their own. fit/floor is the model FLOP utilisation (MFU) of the training. Machines
are noisy, so the ratios are taken within a round; the table shows medians over the rounds. Threads are left to the
environment (OMP_NUM_THREADS). Batch size, image size and networks are the configs' own unless options say otherwise.
Without --data, pictures are rendered at the size that is trained on: they need no resizing, which favours `plain`.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, get_args

import torch
import yaml
from fitting import command_line, fit, fit_options, logged, mean_rate
from rich import box
from rich.console import Console
from rich.table import Table
from throughput_systems import SYSTEMS, Job, Setup, data_folder
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, RandomSampler, default_collate
from torch.utils.flop_counter import flop_registry

from lit_gans.callbacks.compile import Compile, Mode
from lit_gans.files import replacing
from lit_gans.kernels.base import Kernel
from lit_gans.kernels.cpu import has_amx, has_bf16, limit
from lit_gans.models.base import ImageModel
from lit_gans.training.batches import Batch
from lit_gans.training.memory import keep_freed_memory
from lit_gans.training.precision import BF16

PARTS = ("plain", "fit", "step", "floor")
# the last one is the model FLOP utilisation of the training
RATIOS = (("fit", "plain"), ("fit", "step"), ("step", "floor"), ("fit", "floor"))
MATRIX_SIZE = {"cpu": 2048, "cuda": 8192}


def images_per_second(job: Job, work: Callable[[], None]) -> float:
    """Of `work`, which trains on one batch; the first `warmup` calls are not timed."""
    setup = job.setup
    for _ in range(setup.warmup):
        work()
    start = clock(setup.device)
    for _ in range(setup.batches):
        work()
    return setup.batches * job.batch_images / (clock(setup.device) - start)


def clock(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def alone(measure: Callable[[Job], float], job: Job) -> float:
    """The measurement in a process of its own, so that no other one's settings and memory are in its way."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(measure, job).result()


def measure_plain(job: Job) -> float:
    Kernel.enabled = False
    setup, dataset, step = job.setup, job.dataset(), job.system.plain(job.model().to(job.setup.device))
    # more batches than are used, so that the workers are busy until the clock stops; nor does an epoch end before
    count = setup.warmup + setup.batches + 2 * setup.workers
    sampler = RandomSampler(dataset, num_samples=count * job.batch_size)
    on_gpu = setup.device == "cuda"
    loader = DataLoader(
        dataset, job.batch_size, sampler=sampler, num_workers=setup.workers, pin_memory=on_gpu, drop_last=True
    )
    batches = iter(loader)
    return images_per_second(job, lambda: step(*(part.to(setup.device) for part in next(batches))))


def measure_fit(job: Job) -> float:
    setup = job.setup
    with tempfile.TemporaryDirectory() as folder:
        options = fit_options(job, Path(folder)) | {
            "compile.mode": setup.compile,
            "trainer.max_steps": setup.warmup + setup.batches,
            "trainer.log_every_n_steps": setup.warmup,
        }
        fit(list(options.items()))
        return mean_rate(logged(Path(folder), setup))


def measure_step(job: Job) -> float:
    keep_freed_memory()  # as `lit-gans fit` does
    step, batch = bare_step(job)
    with our_precision(job.setup):
        return images_per_second(job, lambda: step(batch))


def bare_step(
    job: Job, compiled: bool = True, model: ImageModel | None = None
) -> tuple[Callable[[Batch], None], Batch]:
    """The system's step for the model of its config, unless one is given, and a batch for it."""
    model, dataset, device = model or job.model(), job.dataset(), job.setup.device
    model.configure_model()
    if compiled:
        Compile(job.setup.compile).on_fit_start(None, model)  # type: ignore[arg-type]  # it asks nothing of a Trainer
    items = [dataset[i % len(dataset)] for i in range(job.batch_size)]
    parts = [part.to(device) for part in default_collate(items)]
    return job.system.step(model.to(device)), dict(zip(job.system.source.columns, parts, strict=True))


@contextmanager
def our_precision(setup: Setup) -> Iterator[None]:
    """What `lit-gans fit` sets for precision: auto."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        # without the cache, as in Lightning: the cached bf16 copies would be older than the weights after an update
        with torch.autocast(setup.device, torch.bfloat16, enabled=setup.precision == BF16, cache_enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def count_flops(job: Job) -> float:
    """Floating-point operations for one image: convolutions and matrix products, a multiply-add counted as two."""
    step, batch = bare_step(job, compiled=False)
    with our_precision(job.setup), FlopCounter() as counter:
        for _ in range(job.system.period):
            step(batch)
    return counter.flops / (job.system.period * job.batch_images)


class FlopCounter(TorchDispatchMode):
    """Adds up torch's own formulas. Its FlopCounterMode also follows the modules, by hooks that a gradient within a
    training step (a gradient penalty's) does not get past."""

    flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func.overloadpacket):
            self.flops += formula(*args, **(kwargs or {}), out_val=out)
        return out


def measure_peak(setup: Setup, repeats: int = 10) -> float:
    """Floating-point operations a second of a large matrix product in fit's precision; the best of some repeats."""
    size, dtype = MATRIX_SIZE[setup.device], torch.bfloat16 if setup.precision == BF16 else torch.float32
    a, b = torch.randn(2, size, size, device=setup.device, dtype=dtype)
    seconds = []
    with our_precision(setup):
        for _ in range(repeats + 1):
            start = clock(setup.device)
            a @ b
            seconds.append(clock(setup.device) - start)
    return 2 * size**3 / min(seconds[1:])


def measure(job: Job, rounds: int, console: Console) -> dict[str, Any]:
    flops = count_flops(job)
    table: list[dict[str, float]] = []
    for number in range(1, rounds + 1):
        row = {"plain": alone(measure_plain, job), "fit": measure_fit(job), "step": alone(measure_step, job)}
        peak = measure_peak(job.setup)
        row |= {"floor": peak / flops, "peak_tflops": peak / 1e12}
        table.append(row)
        console.print(f"round {number}: " + "  ".join(f"{part} {row[part]:,.1f}" for part in PARTS))
    return {
        "data": f"{job.folder.resolve().name}, {len(job.dataset()):,} items",
        "batch_size": job.batch_size,
        "image_size": job.image_size,
        "gflop_per_image": flops / 1e9,
        "rounds": table,
        "images_per_second": {part: statistics.median(row[part] for row in table) for part in PARTS},
        "ratios": {f"{a}/{b}": statistics.median(row[a] / row[b] for row in table) for a, b in RATIOS},
    }


def machine(setup: Setup) -> dict[str, Any]:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_at_start": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "gpu": torch.cuda.get_device_name() if setup.device == "cuda" else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "precision": setup.precision,
        "instruction_set": instruction_set(),
        "kernels": "on" if Kernel.enabled else "off",
    }


def instruction_set() -> str:
    """What torch's own loops use, what multiplies bf16, and what oneDNN is held to."""
    parts = [torch.backends.cpu.get_cpu_capability()]
    parts += ["AMX"] if has_amx() else ["bf16"] if has_bf16() else []
    return ", ".join([*parts, f"oneDNN up to {limit()}"] if limit() else parts)


def print_table(results: dict[str, dict[str, Any]], facts: dict[str, Any], console: Console) -> None:
    title = f"Images/s, {facts['gpu'] or facts['cpu']}, {facts['cores']} cores"
    title += f", {facts['instruction_set']}, {facts['precision']}"
    table = Table(title=title, box=box.SIMPLE)
    for column in ("system", *PARTS, *(f"{a}/{b}" for a, b in RATIOS)):
        table.add_column(column, justify="left" if column == "system" else "right")
    for name, result in results.items():
        speeds = [f"{result['images_per_second'][part]:,.1f}" for part in PARTS]
        table.add_row(name, *speeds, *(f"{ratio:.2f}" for ratio in result["ratios"].values()))
    console.print(table)


def system_names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in SYSTEMS]:
        raise argparse.ArgumentTypeError(f"no system {', '.join(unknown)}; expected {', '.join(SYSTEMS)}")
    return names


def hyperparameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}; expected NAME=VALUE, such as width=32")
    return name, yaml.safe_load(value)


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--systems", type=system_names, default="cdcgan", help=f"of {', '.join(SYSTEMS)}; with commas")
    data = "data set of the systems, or a folder with iclevr/, anime/, horse2zebra/; rendered if not given"
    parser.add_argument("--data", type=Path, metavar="DIR", help=data)
    parser.add_argument("--out", type=Path, metavar="FILE.json", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=20, help="timed batches of a measurement")
    parser.add_argument("--warmup", type=int, default=5, help="batches before them; fit logs every so many batches")
    parser.add_argument("--batch-size", type=int, help="instead of the configs'")
    parser.add_argument("--image-size", type=int, help="instead of the configs'")
    parser.add_argument("--compile", choices=get_args(Mode), default="off", help="as lit-gans fit --compile.mode")
    model = "hyperparameters instead of the configs', for the models that have them"
    parser.add_argument("--model", nargs="+", type=hyperparameter, default=[], metavar="NAME=VALUE", help=model)
    parser.add_argument("--workers", type=int, default=2, help="DataLoader workers of the plain loop")
    given = vars(parser.parse_args(args))
    if given["warmup"] < 1 or given["rounds"] < 1 or given["batches"] < 1 or given["batches"] % given["warmup"]:
        parser.error("--rounds, --batches and --warmup must be at least 1, and --batches a multiple of --warmup")
    if given["device"] == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch finds no GPU; give --device cpu")
    if not given["out"].resolve().parent.is_dir():
        parser.error(f"--out {given['out']}: its folder does not exist")

    command = command_line("throughput.py", {**given, "systems": ",".join(given["systems"])})
    names, folder, out, rounds = (given.pop(key) for key in ("systems", "data", "out", "rounds"))
    setup = Setup(**{**given, "model": dict(given["model"])})
    console, results, facts = Console(width=None if sys.stdout.isatty() else 120), {}, machine(setup)
    with tempfile.TemporaryDirectory() as temporary:
        for name in names:
            system, rendered = SYSTEMS[name], Path(temporary) / name
            job = Job(system, setup, rendered if folder is None else data_folder(system, folder))
            if folder is None:
                system.source.render(rendered, images_needed(job), job.image_size)
            results[name] = measure(job, rounds, console)
            # after each system: a run that is stopped keeps what it has measured
            content = {"command": command, "machine": facts, "systems": results}
            with replacing(out) as file:
                file.write_text(json.dumps(content, indent=2) + "\n")
    print_table(results, facts, console)


def images_needed(job: Job) -> int:
    return min(job.batch_size * (job.setup.warmup + job.setup.batches), 4096)


if __name__ == "__main__":
    main()
