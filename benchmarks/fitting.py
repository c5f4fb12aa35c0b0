"""`lit-gans fit` as the benchmarks run it: in a process of its own, with the options that all of them give.

Light to import: the measured processes import what is here together with a benchmark's callbacks.
"""

import csv
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from throughput_systems import Job, Setup


def fit_options(job: "Job", folder: Path) -> dict[str, Any]:
    """What every measured `lit-gans fit` is given; its files go to `folder`."""
    return {
        "config": job.system.config,
        "data.root": job.folder,
        "data.image_size": job.image_size,
        "data.batch_size": job.batch_size,
        **{f"model.{name}": value for name, value in job.model_options.items()},
        "trainer.accelerator": "gpu" if job.setup.device == "cuda" else "cpu",
        "trainer.devices": 1,
        "trainer.max_epochs": -1,
        "trainer.limit_val_batches": 0,
        "trainer.default_root_dir": folder,
        "run_name": "benchmark",
        "wandb": "off",
    }


def fit(options: Sequence[tuple[str, Any]], environment: Mapping[str, str] | None = None) -> None:
    """`lit-gans fit` with these options in their order, in a process that finds the callbacks of this folder's files.

    Raises:
        SystemExit: with the end of its output, if it fails.
    """
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    run(
        [sys.executable, "-m", "lit_gans.cli", "fit", *(f"--{name}={value}" for name, value in options)],
        {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(environment or {})},
    )


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        words = " ".join(map(str, command[:4]))
        raise SystemExit(f"`{words} ...` failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")


def logged(folder: Path, setup: "Setup") -> list[dict[str, str]]:
    """The rows of the run in `folder` that it logged, one every `warmup` batches, without those of the warm-up."""
    (metrics,) = folder.rglob("metrics.csv")
    with metrics.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["images_per_second"]]
    assert len(rows) == 1 + setup.batches // setup.warmup, rows
    return rows[1:]


def mean_rate(rows: Sequence[Mapping[str, str]]) -> float:
    """Images a second over all batches of these rows, of which each has the mean over equally many."""
    return statistics.harmonic_mean(float(row["images_per_second"]) for row in rows)


def command_line(script: str, given: Mapping[str, Any]) -> str:
    """How to run this again; of paths only the name, because it is to be published."""
    shown = {key: value.resolve().name if isinstance(value, Path) else value for key, value in given.items()}
    shown["model"] = " ".join(f"{name}={value}" for name, value in given["model"]) or None
    flags = " ".join(f"--{key.replace('_', '-')} {value}" for key, value in shown.items() if value is not None)
    return f"python benchmarks/{script} {flags}"
