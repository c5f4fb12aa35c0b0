"""Images a second of `lit-gans fit` in two checkouts of this repository, in turns: has a change made a training slower?

    git worktree add ../earlier 23bcc49
    python benchmarks/old_and_new.py ../earlier . --data DIR --out old_and_new.json

Both train from the same files with their own config of the same name. Where the two configs do different work
(OPTIONS), the same options are given to both. The rate is that of metrics.csv without the first batches. Ratios are
taken within a round, whose two runs follow each other, the older checkout first in every other round. Threads are left
to the environment (OMP_NUM_THREADS).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fitting import logged, mean_rate, run
from throughput import Setup, machine

from lit_gans.files import replacing

# config -> its data set
SYSTEMS = {
    "cdcgan_iclevr": "iclevr",
    "conditional_gan_iclevr": "iclevr",
    "evaluator_iclevr": "iclevr",
    "flow_iclevr": "iclevr",
    "dcgan_anime": "anime",
    "lsgan_anime": "anime",
    "wgan_anime": "anime",
    "wgan_gp_anime": "anime",
    "tag_dcgan_anime": "anime",
    "cyclegan_horse2zebra": "horse2zebra",
}
# what makes the work of the two the same
OPTIONS = {"conditional_gan_iclevr": ["--model.augment=[]"], "flow_iclevr": ["--data.batch_size=32"]}


def images_per_second(checkout: Path, system: str, data: Path, setup: Setup) -> float:
    with tempfile.TemporaryDirectory() as folder:
        options = [
            f"--config={system}",
            f"--data.root={data / SYSTEMS[system]}",
            *OPTIONS.get(system, []),
            "--trainer.accelerator=cpu",
            "--trainer.max_epochs=-1",
            f"--trainer.max_steps={setup.warmup + setup.batches}",
            f"--trainer.log_every_n_steps={setup.warmup}",
            "--trainer.limit_val_batches=0",
            f"--trainer.default_root_dir={folder}",
            "--run_name=benchmark",
            "--wandb=off",
        ]
        # without PYTHONSAFEPATH, a package in the working folder would be imported instead of the checkout's
        environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONSAFEPATH": "1"}
        run([sys.executable, "-m", "lit_gans.cli", "fit", *options], environment)
        return mean_rate(logged(Path(folder), setup))


def commit(checkout: Path) -> str:
    return subprocess.check_output(["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"], text=True).strip()


def rounds_of(system: str, sides: dict[str, Path], data: Path, rounds: int, setup: Setup) -> list[dict[str, float]]:
    table = []
    for number in range(rounds):
        order = ("old", "new") if number % 2 == 0 else ("new", "old")
        row = {side: images_per_second(sides[side], system, data, setup) for side in order}
        table.append(row)
        print(
            f"{system}  old {row['old']:.2f}  new {row['new']:.2f}  new/old {row['new'] / row['old']:.2f}", flush=True
        )
    return table


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="folder of the earlier checkout")
    parser.add_argument("new", type=Path, help="folder of the later one")
    parser.add_argument("--data", type=Path, metavar="DIR", required=True, help="has iclevr/, anime/, horse2zebra/")
    parser.add_argument("--out", type=Path, metavar="FILE.json", required=True)
    parser.add_argument("--systems", nargs="+", choices=tuple(SYSTEMS), default=list(SYSTEMS), metavar="CONFIG")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--batches", type=int, default=4, help="timed batches of a run")
    parser.add_argument("--warmup", type=int, default=2, help="batches before them; fit logs every so many batches")
    given = parser.parse_args(args)
    if min(given.rounds, given.batches, given.warmup) < 1 or given.batches % given.warmup:
        parser.error("--rounds, --batches and --warmup must be at least 1, and --batches a multiple of --warmup")
    old, new, data, out = (path.resolve() for path in (given.old, given.new, given.data, given.out))
    if missing := [path for path in (old / "lit_gans", new / "lit_gans", data, out.parent) if not path.is_dir()]:
        parser.error(f"{missing[0]}: no such folder")

    setup = Setup("cpu", given.batches, given.warmup, 0)
    content: dict[str, Any] = {
        "command": f"python benchmarks/old_and_new.py OLD NEW --data DIR --systems {' '.join(given.systems)} "
        f"--rounds {given.rounds} --batches {given.batches} --warmup {given.warmup}",
        "commits": {"old": commit(old), "new": commit(new)},
        "machine": machine(setup),
        "systems": {},
    }
    for system in given.systems:
        rounds = rounds_of(system, {"old": old, "new": new}, data, given.rounds, setup)
        ratio = statistics.median(row["new"] / row["old"] for row in rounds)
        content["systems"][system] = {"rounds": rounds, "new/old": ratio}
        with replacing(out) as file:
            file.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
