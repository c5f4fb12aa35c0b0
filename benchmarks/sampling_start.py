"""Seconds of the processor until `lit-gans sample` has drawn, against those of `import torch`.

    python benchmarks/sampling_start.py conditional_gan_iclevr --condition "red cube" --out start.json

Each process is run once untimed, so that files lie in the page cache and bytecode is compiled; then they take turns.
User seconds are those that the process and its threads spend computing: what else runs on the machine changes them
little. Threads are left to the environment (OMP_NUM_THREADS).
"""

import argparse
import json
import resource
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fitting import run

# seconds of `sample` <= FACTOR * those of `import torch` + MORE
FACTOR, MORE = 1.3, 1.0


def user_seconds(command: Sequence[str | Path]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run(command)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main(args: Sequence[str] | None = None) -> None:
    from throughput import Setup, machine

    from lit_gans import zoo
    from lit_gans.files import replacing, sha256

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, metavar="CKPT")
    parser.add_argument("--condition", help="for a model that has conditions")
    parser.add_argument("--n", type=int, default=8, help="pictures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, metavar="FILE.json", required=True)
    given = parser.parse_args(args)
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    condition = ["--condition", given.condition] if given.condition else []
    with tempfile.TemporaryDirectory() as folder:
        sample = ["sample", given.checkpoint, *condition, "--n", str(given.n), "--seed", "0", "--device", "cpu"]
        commands: dict[str, list[str | Path]] = {
            "import torch": [sys.executable, "-c", "import torch"],
            "sample": [sys.executable, "-m", "lit_gans.cli", *sample, "--out", Path(folder) / "grid.png"],
        }
        for command in commands.values():
            run(command)
        rounds = [{name: user_seconds(command) for name, command in commands.items()} for _ in range(given.rounds)]
    medians = {name: statistics.median(row[name] for row in rounds) for name in commands}
    goal = FACTOR * medians["import torch"] + MORE
    content = {
        "checkpoint": {"name": given.checkpoint.name, "sha256": sha256(zoo.found(given.checkpoint))},
        "pictures": given.n,
        "machine": machine(Setup("cpu", 1, 0, 0, None, None, model={})),
        "rounds": rounds,
        "user_seconds": medians,
        "goal": goal,
    }
    with replacing(given.out) as file:
        file.write_text(json.dumps(content, indent=2) + "\n")
    told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in medians.items())
    print(f"{told}; goal {goal:.2f} s: {'reached' if medians['sample'] <= goal else 'missed'}")


if __name__ == "__main__":
    main()
