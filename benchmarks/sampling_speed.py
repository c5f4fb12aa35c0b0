"""Pictures a second of trained generators, in turns.

    OMP_NUM_THREADS=1 python benchmarks/sampling_speed.py MODEL [MODEL ...] --data DIR --out sampling_speed.json

MODEL is a checkpoint, an exported file or a name of the zoo; all have the conditions of the list `--list` of an iCLEVR
folder, and draw each of them once a round, with their own settings. Each draws once untimed. Times are those that the
process computed, so that other work on the machine changes them little; the figure is the median of the rounds.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from throughput import Setup, machine

import lit_gans
from data_modules.iclevr import ICLEVR
from lit_gans import zoo
from lit_gans.files import replacing, sha256


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--data", required=True, metavar="DIR", help="of iCLEVR")
    parser.add_argument("--list", default="new_test", help="of conditions: test or new_test")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, metavar="FILE.json", required=True)
    given = parser.parse_args(args)
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    asked = ICLEVR(given.data).lists()[given.list]
    models: dict[str, Any] = {name: lit_gans.load(name, device="cpu") for name in given.models}

    def seconds(model: Any, seed: int) -> float:
        start = time.process_time()
        model.sample(asked, seed=seed)
        return time.process_time() - start

    for model in models.values():
        seconds(model, 0)
    rounds = [{name: seconds(model, seed) for name, model in models.items()} for seed in range(given.rounds)]
    speeds = {name: len(asked) / statistics.median(row[name] for row in rounds) for name in models}
    content = {
        "machine": machine(Setup("cpu", 1, 0, 0)),
        "pictures": len(asked),
        "models": {
            name: {
                "model": model.model_name,
                "sha256": sha256(zoo.found(name)),
                "parameters": sum(weight.numel() for weight in model.parameters()),
                "pictures_per_second": round(speeds[name], 2),
            }
            for name, model in models.items()
        },
        "cpu_seconds": rounds,
    }
    with replacing(given.out) as file:
        file.write_text(json.dumps(content, indent=2) + "\n")
    for name, speed in speeds.items():
        print(f"{name}: {speed:.1f} pictures/s")


if __name__ == "__main__":
    main()
