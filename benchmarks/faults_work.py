"""What the fault tests work on: a tiny data set and model, commands in processes of their own, and what is whole."""

import contextlib
import importlib
import io
import json
import os
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from PIL import Image

from data_modules.rendered.scenes import write_dataset
from lit_gans.checkpoints import read_torch_file, tensors_of
from lit_gans.cli import main as lit_gans
from lit_gans.networks.cyclegan import ResnetGenerator

STEPS = 10
PICTURES = (".png", ".jpg")
CRASHED = 99


class Work:
    """A folder with rendered scenes, a trained generator and one that translates, made when they are first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scenes = folder / "scenes"
        write_dataset(self.scenes, 12, size=16, workers=1, progress=False)
        self.data = f"--data.root {self.scenes} --data.image_size 16 --data.batch_size 4".split()

    def fit(self, runs: Path, *more: str) -> list[str]:
        """Arguments of a training of a few batches with a checkpoint after each."""
        options = f"""fit --config cdcgan_iclevr --model.width 2 --trainer.max_steps {STEPS} --trainer.accelerator cpu
            --trainer.precision 32-true --wandb off --checkpoint.every 1 --samples.every 4 --trainer.log_every_n_steps 2
            --trainer.default_root_dir {runs}"""
        return [*options.split(), *self.data, *more]

    def continued(self, runs: Path) -> list[str]:
        """The same, from this run's newest checkpoint where there is one."""
        return self.fit(runs, *(["--ckpt_path", "last"] if last(runs) else []))

    def expected(self) -> Any:
        """The last checkpoint of the undisturbed training."""
        runs = self.folder / "undisturbed"
        if last(runs) is None and said(self.fit(runs))[0] != 0:
            raise SystemExit("the undisturbed training does not end well")
        return read_torch_file(last(runs) or runs, "file")

    def ends_as_expected(self, runs: Path) -> list[str]:
        """Continues the training; what is wrong with where it ends."""
        code, text = said(self.continued(runs))
        if code != 0:
            return [f"continuing it ended with {code}: {text}"]
        where = difference(read_torch_file(last(runs) or runs, "file"), self.expected())
        return [f"continued, it differs in {where}"] if where else []

    def model(self) -> Path:
        """A checkpoint of the generator after two batches."""
        runs = self.folder / "model"
        if last(runs) is None and said(self.fit(runs, "--trainer.max_steps", "2"))[0] != 0:
            raise SystemExit("a training of two batches does not end well")
        return last(runs) or runs

    def translator(self) -> Path:
        file = self.folder / "generator.pth"
        if not file.exists():
            torch.save(ResnetGenerator(width=2, blocks=1).state_dict(), file)
        return file

    def sample(self, out: Path) -> list[str]:
        drawn = ["sample", str(self.model()), "--condition", "red cube", "--n", "40", "--seed", "0"]
        return [*drawn, "--out", str(out / "grid.png"), "--individual", str(out / "single")]

    def export(self, out: Path) -> list[str]:
        return ["export", "generator", str(self.model()), str(out / "generator.ckpt"), "--overwrite"]

    def translate(self, out: Path) -> list[str]:
        return ["translate", str(self.translator()), str(self.scenes / "images"), str(out / "out"), "--overwrite"]


def last(runs: Path) -> Path | None:
    """last.ckpt of the newest version that has one."""
    files = list(runs.glob("cdcgan_iclevr/version_*/checkpoints/last.ckpt"))
    return max(files, key=lambda file: int(file.parts[-3].removeprefix("version_")), default=None)


def said(args: list[str]) -> tuple[int, str]:
    """Runs a command in this process: its exit code, and what it wrote to standard error."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()) as text,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        return lit_gans(args), text.getvalue().strip()


class Forked:
    """A process of its own that does this, forked, so that nothing is imported; what it says goes to a file.

    It is in a session of its own, and an interrupt ends it here at any moment: none comes to what called this.
    """

    def __init__(self, run: Callable[[], Any], log: Path | None = None, environment: dict[str, str] | None = None):
        self.log = log
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self.pid = os.fork()
        if self.pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            return
        code: Any = CRASHED
        try:
            try:
                os.setsid()
                os.environ.update(environment or {})
                signal.signal(signal.SIGINT, signal.default_int_handler)  # a script in the background ignores it
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
                code = done(run, log or Path(os.devnull))
            finally:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        except KeyboardInterrupt:
            code = 130
        finally:
            os._exit(code if isinstance(code, int) else 0)

    def ended(self) -> bool:
        """Whether the process is done; its status is then kept."""
        if not hasattr(self, "status"):
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.status = status
        return hasattr(self, "status")

    def send(self, number: int) -> bool:
        """Whether the process was there to get the signal."""
        if self.ended():
            return False
        os.kill(self.pid, number)
        return True

    def code(self, within: float = 600) -> int | None:
        """Its exit code, a signal's negative; None, and it is killed, if it does not end within so many seconds."""
        if not until(self.ended, within):
            os.kill(self.pid, signal.SIGKILL)
            self.status = os.waitpid(self.pid, 0)[1]
            return None
        return os.waitstatus_to_exitcode(self.status)

    def text(self) -> str:
        return self.log.read_text(errors="replace").strip() if self.log and self.log.exists() else ""


def done(run: Callable[[], Any], log: Path) -> Any:
    """What it returns, or CRASHED; what it says goes to the file."""
    with log.open("w") as text, contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        try:
            return run()
        except Exception:
            traceback.print_exc(file=text)
            return CRASHED


def started(arguments: list[str], log: Path | None = None, environment: dict[str, str] | None = None) -> Forked:
    """A command of this package in a process of its own."""
    return Forked(lambda: lit_gans(arguments), log, environment)


def seconds_of(run: Callable[[], Any]) -> float:
    """What something takes in a process of its own."""
    start = time.perf_counter()
    Forked(run).code()
    return time.perf_counter() - start


def until(happens: Callable[[], object], within: float = 120) -> bool:
    """Waits for something; whether it happened."""
    end = time.monotonic() + within
    while not happens():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def files_of(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Every file below a folder, and whether its name is a temporary one, which no command reads."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        yield file, file.suffix == ".tmp" or hidden


def torn(folder: Path) -> list[str]:
    """The files below a folder that are not whole; temporary names do not count."""
    found = []
    for file, temporary in files_of(folder):
        if temporary:
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


def temporary_files(folder: Path) -> int:
    return sum(temporary for _, temporary in files_of(folder))


@contextlib.contextmanager
def stand_in_hub() -> Iterator[Any]:
    """The tests' stand-in for the Hugging Face Hub; `lit-gans push` goes there."""
    tests = str(Path(__file__).parents[1] / "tests")
    sys.path.append(tests)
    try:
        server = importlib.import_module("hub_server")
    finally:
        sys.path.remove(tests)
    constants = importlib.import_module("huggingface_hub.constants")
    with (
        server.hub_server() as hub,
        patch.multiple(constants, ENDPOINT=hub.address, HF_HUB_DISABLE_XET=True),
        patch.dict(os.environ, {"HF_TOKEN": server.TOKEN}),
    ):
        yield hub


def difference(one: Any, other: Any) -> str | None:
    """Where two checkpoints differ, in weights and optimizers; None if nowhere."""
    mine, theirs = (
        dict(tensors_of({key: content[key] for key in ("state_dict", "optimizer_states")})) for content in (one, other)
    )
    if mine.keys() != theirs.keys():
        return "other tensors"
    return next((name for name in mine if not torch.equal(mine[name], theirs[name])), None)


def empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
