"""What kill -9 and other faults leave behind: every file whole or absent, and a second start that loses nothing.

    python benchmarks/faults.py --kills 20 --seed 0 --out DIR

Each command is run undisturbed, which also tells how long it takes, and then in processes that get SIGKILL at a random
moment of that time, until so many were killed while they ran. Every second one of a command that writes files is killed
inside a write: at the first temporary file after its moment. After each kill the files are read, and the command is run
again in the same folder, without any clean-up:

fit        checkpoints, grids and curves are whole; continued from last.ckpt (or started again, where there is none
           yet), the run ends with the tensors of the undisturbed one, difference 0
cache      the array file that is there, or is built by the next start, holds the pictures
sample     the pictures that are there are whole; the second start writes all of them
export     the file is absent, or holds the weights
translate  the pictures that are there are whole; the second start with --overwrite writes all of them
push       a stand-in for the Hub, on this machine, holds no commit or a whole one; the second start commits all files;
           every second one is killed between its commit there and the answer

The other faults are in faults_other.py; `--only NAME ...` does some. DIR/faults.json is written after each of them, and
read when the script is started again: what is in it is not done twice. The processes are forked from this one, which
has imported all and done the command before: the moments lie in the command's own work, not in Python's start. That
needs a system with fork. With more rights (root), disks are small file systems of their own.
"""

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faults_other
import numpy as np
import torch
from faults_work import Forked, Work, empty, said, seconds_of, stand_in_hub, temporary_files, torn, until

from data_modules.iclevr import ICLEVR
from lit_gans.commands.model_card import files_of
from lit_gans.files import replacing

# A process that is done before its moment comes was not killed; so many times the kills are tried.
TRIES = 4


@dataclass
class Outcome:
    """What the kills of one command left.

    Attributes:
        kills: processes that were killed while they ran.
        before_any_file: of them, those that had written nothing (push: had committed nothing).
        inside_a_write: of them, those that left a temporary file (push: a commit whose answer had not come).
        seconds: what the command takes undisturbed, at most.
        faults: what was wrong, in words.
    """

    kills: int = 0
    before_any_file: int = 0
    inside_a_write: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


@dataclass
class Trial:
    """A command to be killed, and how to look at what it left.

    Attributes:
        run: does it in a folder.
        check: what is wrong with the folder after a kill; runs it again.
        written: whether it has written anything there.
        writing: whether it is inside a write, or was when it was killed.
        clear: removes what it wrote.
    """

    run: Callable[[Path], Any]
    check: Callable[[Path], list[str]]
    written: Callable[[Path], bool] = Path.exists
    writing: Callable[[Path], bool] = lambda folder: temporary_files(folder) > 0
    clear: Callable[[Path], None] = empty


def repeat(work: Path, moments: random.Random, kills: int, trial: Trial) -> Outcome:
    """The command undisturbed, for its time, and then killed in a new folder each time, and looked at."""
    whole, folder = work / "whole", work / "killed"
    trial.run(whole)  # untimed, so that nothing is imported any more
    trial.clear(whole)
    outcome = Outcome(seconds=round(seconds_of(lambda: trial.run(whole)), 3))
    outcome.faults += [f"undisturbed: {fault}" for fault in trial.check(whole)]
    trial.clear(whole)
    for _ in range(kills * TRIES):
        if outcome.kills == kills:
            break
        after, start = moments.uniform(0, outcome.seconds), time.perf_counter()
        process = Forked(lambda: trial.run(folder))
        if until(process.ended, within=after):  # the machine is faster now than it was for the undisturbed one
            outcome.seconds = min(outcome.seconds, round(time.perf_counter() - start, 3))
        if outcome.kills % 2:
            until(lambda process=process: trial.writing(folder) or process.ended())  # type: ignore[misc]
        if process.send(9) and process.code() == -9:
            outcome.kills += 1
            outcome.before_any_file += not trial.written(folder)
            outcome.inside_a_write += trial.writing(folder)
            found = [*torn(folder), *trial.check(folder)]
            outcome.faults += [f"kill {outcome.kills} after {after:.3f} s: {fault}" for fault in found]
        trial.clear(folder)
    return outcome


class Kills:
    """A method a command: what is run in a folder, and what is wrong with the folder after a kill."""

    def __init__(self, work: Work, kills: int, seed: int) -> None:
        self.work, self.kills = work, kills
        self.scratch, self.random = work.folder / "kills", random.Random(seed)

    def repeat(self, trial: Trial) -> Outcome:
        return repeat(self.scratch, self.random, self.kills, trial)

    def fit(self) -> Outcome:
        self.work.expected()
        return self.repeat(Trial(lambda runs: said(self.work.fit(runs)), self.work.ends_as_expected))

    def cache(self) -> Outcome:
        def pictures(folder: Path) -> np.ndarray:
            root = str(self.work.scenes)
            data = ICLEVR(root, image_size=48, cache_dir=str(folder), device_resident=False, workers=1)
            data.setup("fit")
            return np.array(data.columns["image"])

        expected = pictures(self.work.folder / "expected")

        def check(folder: Path) -> list[str]:
            return [] if np.array_equal(pictures(folder), expected) else ["the next start reads other pictures"]

        return self.repeat(Trial(pictures, check))

    def sample(self) -> Outcome:
        return self.again(self.work.sample, 41)

    def export(self) -> Outcome:
        return self.again(self.work.export, 1)

    def translate(self) -> Outcome:
        return self.again(self.work.translate, len(list((self.work.scenes / "images").glob("*.png"))))

    def again(self, command: Callable[[Path], list[str]], count: int) -> Outcome:
        """A command whose second start shall write so many files."""
        command(self.scratch)  # makes the model that it needs

        def check(folder: Path) -> list[str]:
            code, text = said(command(folder))
            written = sum(1 for file in folder.rglob("[!.]*.*") if file.is_file())
            if code != 0 or written != count:
                return [f"the second start ends with {code} and {written} of {count} files: {text}"]
            return torn(folder)

        return self.repeat(Trial(lambda folder: said(command(folder)), check))

    def push(self) -> Outcome:
        def answering() -> bool:
            return any("process_request" in thread.name for thread in threading.enumerate())

        name = "someone/model"
        arguments = ["push", str(self.work.model()), name, "--license", "mit"]
        expected = files_of(self.work.model(), name, "mit", None)
        with stand_in_hub() as hub:
            hub.answer_takes = 0.1

            def check(_: Path) -> list[str]:
                if not until(lambda: not answering(), within=10):
                    return ["the stand-in still answers the killed process"]
                before = hub.commits.get(name, [])
                faults = [f"commit {i} is not whole" for i, files in enumerate(before) if files != expected]
                code, text = said(arguments)
                if code != 0 or hub.commits[name][-1] != expected:
                    faults.append(f"the second start ends with {code}, and not all files are committed: {text}")
                return faults

            trial = Trial(
                run=lambda _: said(arguments),
                check=check,
                written=lambda _: bool(hub.commits.get(name)),
                writing=lambda _: bool(hub.commits.get(name)),
                clear=lambda _: hub.commits.clear(),
            )
            return self.repeat(trial)


COMMANDS = ("fit", "cache", "sample", "export", "translate", "push")


def main(args: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each command (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and places")
    parser.add_argument("--only", nargs="+", choices=(*COMMANDS, *faults_other.FAULTS), help="some of them")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets faults.json")
    given = parser.parse_args(args)
    if not hasattr(os, "fork"):
        sys.exit("this system has no fork")
    torch.set_num_threads(1)  # threads do not survive a fork
    file = given.out / "faults.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    found["machine"] = {"system": platform.platform(), "python": platform.python_version(), "torch": torch.__version__}
    with tempfile.TemporaryDirectory() as folder:
        work = Work(Path(folder))
        for name in given.only or (*COMMANDS, *faults_other.FAULTS):
            if name in found:
                continue
            if name in COMMANDS:
                outcome = vars(getattr(Kills(work, given.kills, given.seed), name)())
            else:
                outcome = faults_other.FAULTS[name](work, random.Random(given.seed))
            found[name] = {"seed": given.seed, **outcome}
            print(name, json.dumps(found[name]), flush=True)
            with replacing(file) as temporary:
                temporary.write_text(json.dumps(found, indent=1) + "\n")
    return 1 if any(entry.get("faults") for entry in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
