"""Faults beside kill -9: disks, folders, damaged checkpoints, several processes, signals and the clock.

Each function returns what was tried and `faults`, what was wrong, in words. A refusal is one line and exit code 2, and
no command may end with a traceback. `FAULTS` has them by name; faults.py runs them.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from faults_work import STEPS, Forked, Work, empty, last, said, seconds_of, started, temporary_files, torn, until

import lit_gans
from data_modules.iclevr import ICLEVR
from lit_gans.checkpoints import tensors_of
from lit_gans.errors import InputError

Result = dict[str, Any]
PLACES = 20
DAY = 24 * 3600
MEGABYTE = 2**20
WRITERS: dict[str, Callable[[Work, Path], list[str]]] = {
    "sample": Work.sample,
    "export": Work.export,
    "translate": Work.translate,
    "fit": lambda work, folder: work.fit(folder),
    "cache": lambda work, folder: work.fit(work.folder / "cache_runs", "--data.cache_dir", str(folder / "cache")),
}


@contextlib.contextmanager
def disk(folder: Path, size: int) -> Iterator[str | None]:
    """A folder on a file system of its own, of so many bytes; yields None, and nothing is done, without the rights."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        yield None
        return
    try:
        yield f"tmpfs of {size:,} bytes"
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def refusal(code: int, text: str) -> list[str]:
    """What is wrong with how a command refused."""
    if "Traceback" in text or code != 2:
        return [f"ended with {code}: {text[-300:]}"]
    errors = [line for line in text.splitlines() if ": error: " in line]
    return [] if len(errors) == 1 else [f"{len(errors)} lines of errors: {text[-300:]}"]


def full_disk(work: Work, moments: random.Random) -> Result:
    """A disk on which there is room for little more than nothing: refused, and done when there is room again."""
    result: Result = {"tried": [], "faults": []}
    mounted = work.folder / "disk"
    with disk(mounted, 8 * MEGABYTE) as kind:
        if kind is None:
            return {"skipped": "no right to mount a file system"}
        result["disk"] = kind
        for name, command in WRITERS.items():
            folder, filler = mounted / name, mounted / "filler"
            arguments = command(work, folder)
            fill(filler, keep=moments.randrange(0, 12_000))
            result["faults"] += [f"{name}: {fault}" for fault in (*refusal(*said(arguments)), *torn(folder))]
            if left := temporary_files(folder):
                result["faults"].append(f"{name}: leaves {left} temporary file(s)")
            filler.unlink()
            if (ended := said(arguments))[0] != 0:
                result["faults"].append(f"{name}: with room again it ends with {ended}")
            result["tried"].append(name)
            empty(folder)
        result["faults"] += full_while_training(work, mounted)
        result["tried"].append("fit, filled after its first checkpoint")
    return result


def fill(file: Path, keep: int) -> None:
    """Writes until so many bytes are free, or a page more."""
    with file.open("wb", buffering=0) as stream:
        while (free := shutil.disk_usage(file.parent).free) > keep:
            stream.write(b"x" * min(free - keep, MEGABYTE))


def full_while_training(work: Work, mounted: Path) -> list[str]:
    runs, filler = mounted / "runs", mounted / "filler"
    process = started(work.fit(runs), work.folder / "log")
    until(lambda: last(runs) or process.ended())
    fill(filler, keep=4096)
    code = process.code(300)
    faults = [] if code == 0 else refusal(code or -1, process.text())
    faults += torn(runs)
    filler.unlink()
    return [f"fit, filled while it trained: {fault}" for fault in (*faults, *work.ends_as_expected(runs))]


def read_only_folder(work: Work, moments: random.Random) -> Result:
    """Refused by every command; pictures in one are read and trained on."""
    result: Result = {"tried": [], "faults": []}
    mounted = work.folder / "read_only"
    with disk(mounted, 8 * MEGABYTE) as kind:
        if kind is None:
            mounted.chmod(0o500)
            kind = "rights"
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
        result["disk"] = kind
        for name, command in WRITERS.items():
            found = refusal(*said(command(work, mounted / name)))
            result["faults"] += [f"{name}: {fault}" for fault in found]
            result["tried"].append(name)
        mounted.chmod(0o700) if kind == "rights" else None
    return result


def removed_folder(work: Work, moments: random.Random) -> Result:
    """The folder that a command writes to is removed under it, three times each: it goes on or says so."""
    result: Result = {"tried": [], "codes": [], "faults": []}
    for name, command in WRITERS.items():
        for _ in range(3):
            folder = work.folder / "removed"
            arguments = command(work, folder)
            process = started(arguments, work.folder / "log")
            until(lambda folder=folder, process=process: folder.exists() or process.ended())  # type: ignore[misc]
            time.sleep(moments.uniform(0, 0.3))
            empty(folder)
            code = process.code(300)
            if code != 0:
                result["faults"] += [f"{name}: {fault}" for fault in refusal(code or -1, process.text())]
            result["codes"].append(code)
            empty(folder)
        result["tried"].append(name)
    return result


def damaged_checkpoint(work: Work, moments: random.Random) -> Result:
    """Cut at 20 places, and with one byte and with 20 bytes changed 20 times each: refused, or nothing is changed."""
    whole = work.model().read_bytes()
    expected = dict(tensors_of(torch.load(work.model(), weights_only=True)["state_dict"]))
    outcomes, faults = {"refused": 0, "as it was": 0}, []
    file = work.folder / "damaged.ckpt"
    damages = ["cut"] * PLACES + ["1 byte"] * PLACES + ["20 bytes"] * PLACES
    for damage in damages:
        changed = bytearray(whole)
        if damage == "cut":
            del changed[moments.randrange(len(whole)) :]
        else:
            for place in moments.sample(range(len(whole)), int(damage.split()[0])):
                changed[place] ^= moments.randrange(1, 256)
        file.write_bytes(changed)
        try:
            state = lit_gans.load(file).state_dict()
        except InputError as error:
            outcomes["refused"] += 1
            if str(file) not in str(error):
                faults.append(f"{damage}: the message does not name the file: {error}")
            continue
        except Exception as error:
            faults.append(f"{damage}: {type(error).__name__}: {error}")
            continue
        outcomes["as it was"] += 1
        if damage == "cut" or any(not torch.equal(state[name], expected[name]) for name in state):
            faults.append(f"{damage}: other weights are loaded")
    return {"tried": len(damages), **outcomes, "faults": faults}


def starts_at_once(work: Work, moments: random.Random) -> Result:
    """Two and eight processes that start one cache: it is built once, and all of them read the pictures."""
    faults = []

    def pictures(folder: Path) -> int:
        data = ICLEVR(str(work.scenes), image_size=40, cache_dir=str(folder), device_resident=False, workers=1)
        data.setup("fit")
        return int(not np.array_equal(data.columns["image"], expected))

    data = ICLEVR(str(work.scenes), image_size=40, cache_dir=str(work.folder / "one"), device_resident=False)
    data.setup("fit")
    expected = np.array(data.columns["image"])
    for count in (2, 8):
        folder = work.folder / f"at_once_{count}"
        processes = [Forked(lambda folder=folder: pictures(folder)) for _ in range(count)]  # type: ignore[misc]
        codes = [process.code(120) for process in processes]
        arrays = len(list(folder.glob("*.npy")))
        if any(codes) or arrays != 1 or list(folder.glob("*.tmp")):
            faults.append(f"{count} processes ended with {codes} and {arrays} array files")
    return {"tried": [2, 8], "faults": faults}


def signals(work: Work, moments: random.Random) -> Result:
    """SIGTERM and Ctrl-C, each once and twice, at five random moments of the time that each command takes: the exit
    code that a shell expects (or 0, where it was done), no traceback, whole files, and a training that continues."""
    result: Result = {"tried": 0, "codes": {}, "faults": []}
    kinds = {"SIGTERM": (signal.SIGTERM, 143), "Ctrl-C": (signal.SIGINT, 130)}
    for name, command in WRITERS.items():
        seconds = seconds_of(lambda command=command: said(command(work, work.folder / "whole")))  # type: ignore[misc]
        for (kind, (number, expected)), times in [(item, times) for item in kinds.items() for times in (1, 2)]:
            for _ in range(5):
                folder = work.folder / "signalled"
                process = started(command(work, folder), work.folder / "log")
                time.sleep(moments.uniform(0, seconds))
                for _ in range(times):
                    process.send(number)
                    time.sleep(moments.uniform(0, 0.2))
                code = process.code(60)
                told = f"{name}, {times} x {kind}"
                # -number: it came before the command had begun
                text = process.text()
                if code not in (expected, 0, -number) or "Traceback" in text:
                    result["faults"].append(f"{told}: ended with {code}: {text[text.find('Traceback') :][-1000:]}")
                found = torn(folder) + (work.ends_as_expected(folder) if name == "fit" else [])
                result["faults"] += [f"{told}: {fault}" for fault in found]
                result["codes"][f"{told}: {code}"] = result["codes"].get(f"{told}: {code}", 0) + 1
                result["tried"] += 1
                empty(folder)
    return result


def killed_rank(work: Work, moments: random.Random) -> Result:
    """One of two processes of a training is killed: the other ends within a minute, and says why."""
    result: Result = {"tried": [], "seconds": [], "faults": []}
    for victim in (0, 1):
        runs = work.folder / f"ranks_{victim}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "NODE_RANK": "0"}
        arguments = work.fit(runs, "--trainer.devices", "2", "--trainer.max_steps", "100000")
        ranks = [
            started(arguments, work.folder / f"log_{rank}", {**shared, "LOCAL_RANK": str(rank)}) for rank in (0, 1)
        ]
        if not until(lambda runs=runs: last(runs)):  # type: ignore[misc]
            result["faults"].append(f"no checkpoint: {ranks[0].text()[-300:]}")
        ranks[victim].send(signal.SIGKILL)
        start = time.monotonic()
        other = ranks[1 - victim]
        code = other.code(60)
        result["seconds"].append(round(time.monotonic() - start, 1))
        if code is None:
            result["faults"].append(f"rank {1 - victim} still runs a minute after rank {victim} was killed")
        else:
            found = refusal(code, other.text())
            result["faults"] += [f"rank {victim} was killed: {fault}" for fault in (*found, *torn(runs))]
        ranks[victim].code(1)
        result["tried"].append(f"rank {victim} killed")
        result.setdefault("messages", []).append(other.text().splitlines()[-1:])
    return result


def clock_set_back(work: Work, moments: random.Random) -> Result:
    """Half of a training, then the clock a day back (its files are from tomorrow), then the rest: the tensors of the
    undisturbed one; and the clock set back while it trains."""
    runs = work.folder / "clock"
    faults = []
    if (ended := said(work.fit(runs, "--trainer.max_steps", str(moments.randrange(2, STEPS)))))[0] != 0:
        faults.append(f"the first half ends with {ended}")
    tomorrow = time.time() + DAY
    for file in runs.rglob("*"):
        os.utime(file, (tomorrow, tomorrow))
    faults += work.ends_as_expected(runs)
    if (newest := last(runs)) is not None and newest.stat().st_mtime > time.time() + DAY / 2:
        faults.append("what was written last is not what is newest by its number")
    while_training = work.folder / "clock_while_training"
    clock, calls = time.time, 0

    def jumping() -> float:
        nonlocal calls
        calls += 1
        return clock() - (DAY if calls > 20 else 0)

    time.time = jumping
    try:
        faults += work.ends_as_expected(while_training)
    finally:
        time.time = clock
    return {"tried": ["half a training", "a training"], "calls_of_the_clock": calls, "faults": faults}


FAULTS: dict[str, Callable[[Work, random.Random], Result]] = {
    function.__name__: function
    for function in (
        full_disk,
        read_only_folder,
        removed_folder,
        damaged_checkpoint,
        starts_at_once,
        signals,
        killed_rank,
        clock_set_back,
    )
}
