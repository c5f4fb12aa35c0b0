"""Where every error of a command ends: one line and an exit code for what the user can correct, a traceback for bugs.

Torch, Lightning and wandb are known here by the names of their errors alone, so that nothing is imported for a message.
"""

import errno
import os
import signal
import sys
import threading
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from data_modules.errors import DataError
from lit_gans.errors import DivergedError, InputError

USER_ERROR, INTERRUPTED, TERMINATED, CLOSED_PIPE = 2, 128 + 2, 128 + 15, 128 + 13
TRACEBACK = "LIT_GANS_TRACEBACK"
BUG = (
    "This is a bug in lit_gans, not a mistake of yours: please report the lines above, the command and the versions "
    "(lit-gans --version; python -m torch.utils.collect_env) where you got lit_gans from."
)

# errno -> what to do
REMEDIES = {
    errno.ENOSPC: "the disk is full; free space there, or write elsewhere (--out, --trainer.default_root_dir)",
    errno.EDQUOT: "your quota is used up; free space there, or write elsewhere (--out, --trainer.default_root_dir)",
    errno.EACCES: "permission denied; change its rights, or name another place",
    errno.EPERM: "not permitted; change its rights, or name another place",
    errno.EROFS: "a read-only file system; name another place",
    errno.EISDIR: "is a folder; name a file",
    errno.ENOTDIR: "a file stands where a folder is needed; name another place",
    errno.ENOENT: "no such file or folder",
    errno.EEXIST: "exists already; name another place",
    errno.ENAMETOOLONG: "the name is too long; name another place",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n), or lower data.workers",
}
# Errors that other libraries raise for what the user asked: class name -> what to do; "" if the message says it.
FOREIGN = {
    "ArgumentError": "",  # of jsonargparse and argparse
    "MisconfigurationException": "",  # of Lightning
    "OutOfMemoryError": "set data.batch_size lower, or data.device_resident false",  # of torch
    "MemoryError": "set data.batch_size lower, or data.device_resident false",
    "CommError": "give --wandb offline",  # of wandb
    "UsageError": "give --wandb offline, or --wandb off",
    "AuthenticationError": "run `wandb login`, or give --wandb offline",
    "YAMLError": "",
    "UnicodeDecodeError": "save the file as UTF-8",
}
NOT_WHOLE = "a file could not be written whole: is the disk full?"
OTHER_PROCESS = "another process of this run has ended, see above; continue with --ckpt_path last"
# The same for errors of general classes: what their messages hold.
TOLD_BY_MESSAGE = {
    "out of memory": FOREIGN["OutOfMemoryError"],
    "can't allocate memory": FOREIGN["OutOfMemoryError"],
    "not enough memory": FOREIGN["OutOfMemoryError"],
    "No CUDA GPUs are available": "give --trainer.accelerator cpu",
    "Found no NVIDIA driver": "give --trainer.accelerator cpu",
    "Torch not compiled with CUDA": "give --trainer.accelerator cpu, or install a torch with CUDA",
    "CUDA error": "",
    "PytorchStreamWriter failed": NOT_WHOLE,
    ". unexpected pos ": NOT_WHOLE,  # the same of torch, where part of it was written
    "not implemented for 'Half'": "give --trainer.precision 32-true or bf16-mixed",
    "No supported gpu backend": "give --trainer.accelerator cpu",
    "`Timer(duration=": "set trainer.max_time to days:hours:minutes:seconds, such as 00:00:20:00",
    "`val_check_interval` (": "",
    "gradient clipping is not supported": "give --model.clip_norm instead, and no --trainer.gradient_clip_val",
    "gradient accumulation is not supported": "set data.batch_size higher instead",
    "Could not determine home directory": "write the path without ~",
    "Parent directory": "its folder was removed meanwhile; run the command again",  # torch.save
    "Connection closed by peer": OTHER_PROCESS,
    "Connection reset by peer": OTHER_PROCESS,
    "EADDRINUSE": "another run uses the port; set MASTER_PORT to a free one",
}


def exit_code(name: str, run: Callable[[], int]) -> int:
    """Runs a command and returns its exit code; what the user can correct is told in one line on standard error.

    Args:
        name: of the command; opens the line.
        run: the command, which returns its exit code or raises anything.

    Raises:
        Exception: a bug; with LIT_GANS_TRACEBACK set in the environment, every error.
    """
    interrupts: list[int] = []
    try:
        with first_interrupt_counts(interrupts):
            code = run()
            sys.stdout.flush()  # a closed pipe shows here, not when the interpreter ends
            return code
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):  # Lightning's end of a run after Ctrl-C
            return interrupted(name)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except KeyboardInterrupt:
        return interrupted(name)
    except BrokenPipeError:
        forget_output()
        return CLOSED_PIPE
    except Exception as error:
        if interrupts:  # it came while a library was imported, which made another error of it
            return interrupted(name)
        if os.environ.get(TRACEBACK):
            raise
        message = told(error)
        if message is None:
            error.add_note(BUG)
            raise
        print(f"lit-gans {name}: error: {message}", file=sys.stderr)
        return USER_ERROR


def interrupted(name: str) -> int:
    print(f"lit-gans {name}: interrupted", file=sys.stderr)
    return INTERRUPTED


def forget_output() -> None:
    """Nobody reads standard output any more: what is left in its buffer must not raise again when Python ends."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # a standard output that is no file
        pass


@contextmanager
def first_interrupt_counts(interrupts: list[int]) -> Iterator[None]:
    """Adds to the list with each Ctrl-C, and puts its handler back, which Lightning leaves ignored after the first.

    Libraries swallow an interrupt while they are imported, and Python does while an object is finalised, with a
    traceback: there it comes again, until it ends the block.
    """
    again: list[threading.Timer] = []

    def once_more() -> None:
        again.append(threading.Timer(0.5, interrupt_main))
        again[-1].daemon = True
        again[-1].start()

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)
        if is_import(frame):
            once_more()
        signal.default_int_handler(number, frame)

    def unraisable(what: Any) -> None:
        if issubclass(what.exc_type, KeyboardInterrupt):
            once_more()
        else:
            unraisable_before(what)

    before, unraisable_before = signal.getsignal(signal.SIGINT), sys.unraisablehook
    sys.unraisablehook = unraisable
    try:
        with suppress(ValueError):  # not the main thread, which is the only one with handlers
            if before is signal.default_int_handler:
                signal.signal(signal.SIGINT, interrupt)
        yield
    finally:
        for timer in again:
            timer.cancel()
        sys.unraisablehook = unraisable_before
        with suppress(ValueError):
            if before is not None:
                signal.signal(signal.SIGINT, before)


def is_import(frame: FrameType | None) -> bool:
    """Whether a module is being imported there."""
    while frame is not None and "importlib._bootstrap" not in frame.f_code.co_filename:
        frame = frame.f_back
    return frame is not None


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the block like an error, so that temporary files go, with the exit code that a shell expects."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def told(error: BaseException) -> str | None:
    """The message for an error that the user can correct; None for a bug."""
    for cause in chain(error):
        if isinstance(cause, InputError | DataError | DivergedError):
            return str(cause)
    for cause in causes(error):
        if isinstance(cause, OSError) and (cause.errno is not None or type(cause).__module__ != "builtins"):
            return of_the_system(cause)
        for kind in type(cause).__mro__:
            if kind.__name__ in FOREIGN:
                return with_remedy(cause, FOREIGN[kind.__name__] or by_message(cause) or "")
        if isinstance(cause, RuntimeError | ValueError | NotImplementedError):
            remedy = by_message(cause)
            if remedy is not None:
                return with_remedy(cause, remedy)
    return None


def by_message(error: BaseException) -> str | None:
    text = str(error)
    return next((remedy for part, remedy in TOLD_BY_MESSAGE.items() if part in text), None)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those behind it: jsonargparse wraps what a constructor raises, and Lightning what a hook raises."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from on purpose: an error that a bug met on its way is not the bug's cause."""
    while error is not None:
        yield error
        error = error.__cause__


def of_the_system(error: OSError) -> str:
    name = f"{error.filename}: " if error.filename else ""
    text = REMEDIES.get(error.errno or 0) or error.strerror or one_line(error)
    return f"{name}{text}"


def with_remedy(error: BaseException, remedy: str) -> str:
    return one_line(error) + (f" ({remedy})" if remedy else "")


def one_line(error: BaseException, limit: int = 500) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[:limit] + " ..."
