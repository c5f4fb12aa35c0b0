"""What kill -9 leaves behind: every file whole or absent, and a second start that needs no clean-up and loses nothing.

    python benchmarks/faults.py --kills 20 --seed 0 --out faults.json

Each command is run once undisturbed, which also tells how long it takes, and then so many times in a process that gets
SIGKILL at a random moment of that time. After each kill the files are read, and the command is run again:

fit        checkpoints, grids and curves are whole; continued from last.ckpt (or started again, where there is none
           yet), the run ends with the tensors of the undisturbed one, difference 0
cache      the array file that is there, or is built by the next start, holds the pictures
sample     the single pictures that are there are whole
export     the file is absent, or holds the weights
translate  the pictures that are there are whole; a second start with --overwrite writes all of them

The processes are forked from this one, after torch is imported. Needs a system with fork.
"""

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from data_modules.iclevr import ICLEVR
from data_modules.rendered.scenes import write_dataset
from lit_gans.checkpoints import read_torch_file, tensors_of
from lit_gans.cli import main as lit_gans
from lit_gans.networks.cyclegan import ResnetGenerator

STEPS = 24
PICTURES = (".png", ".jpg")


@dataclass
class Outcome:
    """What the kills of one command left."""

    kills: int = 0
    before_any_file: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def quietly(args: list[str]) -> int:
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        return lit_gans(args)


def killed(run: Callable[[], Any], after: float) -> bool:
    """Runs this in a process of its own, and kills it after so many seconds; whether it was still running."""
    child = os.fork()
    if child == 0:
        try:
            run()
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def torn(folder: Path) -> list[str]:
    """The files below a folder that are not whole; temporary names do not count."""
    found = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        if file.suffix == ".tmp" or any(part.startswith(".") for part in file.relative_to(folder).parts):
            continue
        try:
            if file.suffix in PICTURES:
                with Image.open(file) as image:
                    image.load()
            elif file.suffix in (".ckpt", ".pth"):
                read_torch_file(file, "file")
            elif file.suffix == ".json":
                json.loads(file.read_text())
        except Exception as error:
            found.append(f"{file.name}: {' '.join(str(error).split())[:200]}")
    return found


def difference(one: Any, other: Any) -> str | None:
    """Where two checkpoints differ, in weights and optimizers; None if nowhere."""
    mine, theirs = (
        dict(tensors_of({key: content[key] for key in ("state_dict", "optimizer_states")})) for content in (one, other)
    )
    if mine.keys() != theirs.keys():
        return "other tensors"
    return next((name for name in mine if not torch.equal(mine[name], theirs[name])), None)


class Faults:
    def __init__(self, work: Path, seed: int) -> None:
        self.work, self.random = work, random.Random(seed)
        self.scenes = work / "scenes"
        write_dataset(self.scenes, 12, size=16, workers=1, progress=False)
        self.data = f"--data.root {self.scenes} --data.image_size 16 --data.batch_size 4".split()

    def fit_arguments(self, runs: Path, *more: str) -> list[str]:
        options = f"""fit --config cdcgan_iclevr --model.width 2 --trainer.max_steps {STEPS} --trainer.accelerator cpu
            --trainer.precision 32-true --wandb off --checkpoint.every 1 --samples.every 4 --trainer.log_every_n_steps 2
            --trainer.default_root_dir {runs}"""
        return [*options.split(), *self.data, *more]

    def last(self, runs: Path) -> Path | None:
        files = list(runs.glob("cdcgan_iclevr/version_*/checkpoints/last.ckpt"))
        return max(files, key=lambda file: int(file.parts[-3].removeprefix("version_")), default=None)

    def repeat(self, kills: int, run: Callable[[Path], Any], check: Callable[[Path], list[str]]) -> Outcome:
        """The command undisturbed, for its time, and then `kills` times killed in a new folder each, and looked at."""
        whole = self.work / "whole"
        run(whole)  # untimed, so that nothing is imported any more
        shutil.rmtree(whole)
        start = time.perf_counter()
        run(whole)
        outcome = Outcome(seconds=time.perf_counter() - start)
        outcome.faults += [f"undisturbed: {fault}" for fault in check(whole)]
        for kill in range(kills):
            folder = self.work / f"kill_{kill}"
            after = self.random.uniform(0, outcome.seconds)
            if killed(lambda folder=folder: run(folder), after):  # type: ignore[misc]
                outcome.kills += 1
            outcome.before_any_file += not folder.exists()
            outcome.faults += [f"kill {kill} after {after:.2f} s: {fault}" for fault in (*torn(folder), *check(folder))]
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(whole)
        return outcome

    def fit(self, kills: int) -> Outcome:
        reference = self.work / "reference"
        assert quietly(self.fit_arguments(reference)) == 0
        file = self.last(reference)
        assert file is not None
        expected = read_torch_file(file, "file")

        def check(runs: Path) -> list[str]:
            more = ["--ckpt_path", str(last)] if (last := self.last(runs)) else []
            if (code := quietly(self.fit_arguments(runs, *more))) != 0:
                return [f"continuing it ended with {code}"]
            file = self.last(runs)
            where = difference(read_torch_file(file, "file"), expected) if file else "no checkpoint"
            return [f"continued, it differs in {where}"] if where else []

        return self.repeat(kills, lambda runs: quietly(self.fit_arguments(runs)), check)

    def cache(self, kills: int) -> Outcome:
        def pictures(folder: Path) -> np.ndarray:
            data = ICLEVR(str(self.scenes), image_size=48, cache_dir=str(folder), device_resident=False, workers=1)
            data.setup("fit")
            return np.array(data.columns["image"])

        expected = pictures(self.work / "expected")

        def check(folder: Path) -> list[str]:
            return [] if np.array_equal(pictures(folder), expected) else ["the next start reads other pictures"]

        return self.repeat(kills, pictures, check)

    def sample(self, kills: int) -> Outcome:
        def run(folder: Path) -> int:
            drawn = ["sample", str(self.model), "--condition", "red cube", "--n", "40", "--seed", "0"]
            return quietly([*drawn, "--out", str(folder / "grid.png"), "--individual", str(folder / "single")])

        return self.repeat(kills, run, torn)

    def export(self, kills: int) -> Outcome:
        def run(folder: Path) -> int:
            return quietly(["export", "generator", str(self.model), str(folder / "generator.ckpt"), "--overwrite"])

        def check(folder: Path) -> list[str]:
            return torn(folder) if run(folder) == 0 else ["a second start fails"]

        return self.repeat(kills, run, check)

    def translate(self, kills: int) -> Outcome:
        model = self.work / "generator.pth"
        torch.save(ResnetGenerator(width=2, blocks=1).state_dict(), model)
        pictures = sorted((self.scenes / "images").glob("*.png"))

        def run(folder: Path) -> int:
            return quietly(["translate", str(model), str(self.scenes / "images"), str(folder), "--overwrite"])

        def check(folder: Path) -> list[str]:
            if run(folder) != 0 or len(list(folder.glob("[!.]*.png"))) != len(pictures):
                return ["a second start does not write all pictures"]
            return torn(folder)

        return self.repeat(kills, run, check)

    @property
    def model(self) -> Path:
        """A small trained model."""
        runs = self.work / "model"
        if (file := self.last(runs)) is None:
            assert quietly(self.fit_arguments(runs, "--trainer.max_steps", "2")) == 0
            file = self.last(runs)
            assert file is not None
        return file


COMMANDS = ("fit", "cache", "sample", "export", "translate")


def main(args: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each command (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=COMMANDS)
    parser.add_argument("--out", type=Path, help="JSON file of what was found")
    given = parser.parse_args(args)
    if not hasattr(os, "fork"):
        sys.exit("this system has no fork")
    torch.set_num_threads(1)  # threads do not survive a fork
    found = {}
    with tempfile.TemporaryDirectory() as work:
        faults = Faults(Path(work), given.seed)
        for name in given.commands:
            found[name] = outcome = getattr(faults, name)(given.kills)
            print(
                f"{name}: {outcome.kills} of {given.kills} killed in time, {len(outcome.faults)} fault(s)", flush=True
            )
            for fault in outcome.faults:
                print(f"  {fault}")
    if given.out:
        content = {name: vars(outcome) for name, outcome in found.items()}
        given.out.write_text(
            json.dumps({"seed": given.seed, "torch": torch.__version__, "commands": content}, indent=1)
        )
    return 1 if any(outcome.faults for outcome in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
