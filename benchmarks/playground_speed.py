"""Seconds until the playground answers, until it has drawn, and from a wheel to a picture of the zoo. Linux.

    python benchmarks/playground_speed.py --out benchmarks/results/playground.json

ready    `lit-gans playground` without arguments, from the start of its process until it tells its address
draw     8 pictures of conditional_gan_iclevr through the page's own interface, its score included where the zoo has an
         evaluator for it; the first draw of a process, which loads the evaluator, and the median of the next ones
wheel    `pip install` of a wheel of this checkout, whose dependencies are there, and `lit-gans sample` of the zoo

Wall seconds are those of the machine as it is, CPU seconds those that the processes computed: beside other work only
the latter say something. `load_at_start` in the file says how idle the machine was.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fitting import run

REPOSITORY = Path(__file__).parents[1]
GOALS = {"ready": 10.0, "draw": 1.0, "wheel": 15.0}
GAN = "conditional_gan_iclevr"
Seconds = dict[str, float]


def cpu_of(process: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(work: Callable[[], Any], cpu: Callable[[], float]) -> Seconds:
    start, before = time.perf_counter(), cpu()
    work()
    return {"wall": round(time.perf_counter() - start, 3), "cpu": round(cpu() - before, 3)}


def of_the_page(draws: int) -> dict[str, Seconds]:
    from gradio_client import Client

    command = [sys.executable, "-m", "lit_gans.cli", "playground", "--device", "cpu"]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, tempfile.TemporaryDirectory() as files:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[1]
            ready = {"wall": round(time.perf_counter() - start, 3), "cpu": cpu_of(server.pid)}
            client = Client(address, verbose=False, analytics_enabled=False, download_files=files)

            def draw() -> None:
                client.predict(GAN, 8, 0, 1.0, ["red cube"], ["blue sphere"], [], api_name="/objects")

            rows = [timed(draw, lambda: cpu_of(server.pid)) for _ in range(draws + 1)]
        finally:
            server.terminate()
    middle = {unit: statistics.median(row[unit] for row in rows[1:]) for unit in ("wall", "cpu")}
    return {"ready": ready, "first draw": rows[0], "draw": middle}


def of_the_wheel() -> Seconds:
    def children() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder])
        wheel = next(folder.glob("*.whl"))
        environment = os.environ | {"PYTHONPATH": str(folder / "site")}
        sample = [sys.executable, "-m", "lit_gans", "sample", GAN, "--condition", "red cube", "--out", "grid.png"]

        def work() -> None:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder / "site", wheel]
            subprocess.run(pip, check=True, capture_output=True)
            subprocess.run(sample, check=True, capture_output=True, cwd=folder, env=environment)

        seconds = timed(work, children)
        assert (folder / "grid.png").is_file()
        return seconds


def main(args: Sequence[str] | None = None) -> None:
    from throughput import Setup, machine

    from lit_gans.files import replacing

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--out", type=Path, metavar="FILE.json", required=True)
    given = parser.parse_args(args)
    if given.draws < 1:
        parser.error("--draws must be at least 1")
    content: dict[str, Any] = {"machine": machine(Setup("cpu", 1, 0, 0, None, None, model={}))}
    content["seconds"] = seconds = {**of_the_page(given.draws), "wheel": of_the_wheel()}
    content["goals"] = GOALS
    with replacing(given.out) as file:
        file.write_text(json.dumps(content, indent=2) + "\n")
    for name, both in seconds.items():
        goal = f", goal {GOALS[name]:g} s" if name in GOALS else ""
        print(f"{name}: {both['wall']:.2f} s, {both['cpu']:.2f} s of CPU{goal}")


if __name__ == "__main__":
    main()
