"""Where errors end: one line and an exit code for what the user can correct, a traceback for what is a bug."""

import errno
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException

from data_modules.errors import DataError
from lit_gans.boundary import BUG, exit_code
from lit_gans.cli import COMMANDS, main
from lit_gans.errors import DivergedError, InputError, OutputError
from lit_gans.files import replacing


def raising(error: BaseException) -> Callable[[], int]:
    def run() -> int:
        raise error

    return run


def wrapped(error: Exception) -> Exception:
    try:
        raise RuntimeError("in a hook") from error
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("n is 0"), "n is 0"),
        (DataError("x.json: no such file"), "x.json: no such file"),
        (DivergedError("loss is nan"), "loss is nan"),
        (wrapped(InputError("n is 0")), "n is 0"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.txt"), "a.txt: no such file or folder"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), "/a: permission denied; change its rights, or name"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full; free space there, or write elsewhere"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "a"), "a: is a folder; name a file"),
        (MisconfigurationException("No supported\n gpu backend found!"), "No supported gpu backend found!"),
        (torch.OutOfMemoryError("CUDA out of memory."), "CUDA out of memory. (set data.batch_size lower"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "set data.batch_size lower"),
        (RuntimeError("No CUDA GPUs are available"), "(give --trainer.accelerator cpu)"),
        (yaml.YAMLError("mapping values are not allowed"), "mapping values are not allowed"),
        (MemoryError(), "MemoryError (set data.batch_size lower"),
    ],
)
def test_what_the_user_can_correct_is_one_line_and_exit_code_2(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("fit", raising(error)) == 2
    told = capsys.readouterr().err
    assert told.startswith("lit-gans fit: error: ") and line in told and told.count("\n") == 1


@pytest.mark.parametrize("error", [KeyError("updates"), RuntimeError("shapes"), AssertionError(), ValueError("x")])
def test_a_bug_keeps_its_traceback_and_says_where_to_report_it(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        exit_code("fit", raising(error))
    assert caught.value.__notes__ == [BUG]


def test_a_bug_that_follows_a_missing_file_is_a_bug() -> None:
    def run() -> int:
        try:
            Path("nowhere").read_bytes()
        except OSError:
            return {}["key"]  # type: ignore[no-any-return]
        return 0

    with pytest.raises(KeyError):
        exit_code("fit", run)


def test_the_rest_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIT_GANS_TRACEBACK", "1")
    with pytest.raises(InputError):
        exit_code("fit", raising(InputError("n is 0")))


def test_ctrl_c_is_130_also_as_lightning_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    def as_lightning() -> int:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            sys.exit(1)

    before = signal.getsignal(signal.SIGINT)
    for run in (raising(KeyboardInterrupt()), as_lightning):
        assert exit_code("fit", run) == 130
        assert capsys.readouterr().err == "lit-gans fit: interrupted\n"
        assert signal.getsignal(signal.SIGINT) == before


@pytest.fixture
def interruptible() -> Iterator[None]:
    """As in a terminal: what is started in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_is_130_also_where_a_library_makes_another_error_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """As NumPy does while it is imported."""

    def run() -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("cannot load module more than once per process") from None
        return 0

    assert exit_code("sample", run) == 130
    assert capsys.readouterr().err == "lit-gans sample: interrupted\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_that_a_library_swallows_while_it_is_imported_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = "import signal\ntry:\n    signal.raise_signal(signal.SIGINT)\nexcept KeyboardInterrupt:\n    pass\n"
    (tmp_path / "swallowing_library.py").write_text(library)
    monkeypatch.syspath_prepend(tmp_path)

    def run() -> int:
        importlib.import_module("swallowing_library")
        for _ in range(6000):
            time.sleep(0.01)
        return 0

    assert exit_code("sample", run) == 130


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_that_python_swallows_while_an_object_is_finalised_comes_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Finalised:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def run() -> int:
        Finalised()
        for _ in range(6000):
            time.sleep(0.01)
        return 0

    hook = sys.unraisablehook
    assert exit_code("sample", run) == 130
    assert capsys.readouterr().err == "lit-gans sample: interrupted\n"
    assert sys.unraisablehook == hook


@pytest.mark.parametrize(("given", "code"), [(0, 0), (None, 0), (3, 3), ("text", 1)])
def test_an_exit_is_its_code(given: object, code: int) -> None:
    assert exit_code("fit", raising(SystemExit(given))) == code


def test_a_closed_pipe_is_no_error() -> None:
    """As in `lit-gans --help | true`: more is printed than a pipe holds, and nobody reads it."""
    code = "from lit_gans.boundary import exit_code as e; import sys; sys.exit(e('x', lambda: print('a' * 10**6) or 0))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_sigterm_ends_a_command_with_143_and_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(args: object) -> int:
        with replacing(tmp_path / "out.png"):
            os.kill(os.getpid(), signal.SIGTERM)
        return 0

    monkeypatch.setitem(sys.modules, "lit_gans.commands.stopped", SimpleNamespace(add_arguments=len, run=run))  # type: ignore[misc]
    monkeypatch.setattr(sys.modules["lit_gans.commands.stopped"], "add_arguments", lambda parser: None)
    monkeypatch.setitem(COMMANDS, "stopped", "is stopped")
    before = signal.getsignal(signal.SIGTERM)
    assert main(["stopped"]) == 143
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("sampel x", "no such command; did you mean sample?"),
        ("sample x --tempersture 3", "unrecognized arguments: --tempersture 3; did you mean --temperature?"),
        ("sample", "the following arguments are required: CKPT (lit-gans sample --help lists the options)"),
        ("sample x --n many", "argument --n: invalid"),
        ("data chekc", "invalid choice: 'chekc'"),
        ("translate a b", "the following arguments are required: OUT_DIR"),
    ],
)
def test_a_wrong_option_of_a_command_is_one_line_with_the_nearest(
    arguments: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == 2
    told = capsys.readouterr().err
    assert line in told and told.count("\n") == 1


class TestReplacing:
    def test_the_file_appears_when_the_block_ends(self, tmp_path: Path) -> None:
        with replacing(tmp_path / "deep" / "a.txt") as temporary:
            temporary.write_text("new")
            assert not (tmp_path / "deep" / "a.txt").exists()
        assert [file.name for file in (tmp_path / "deep").iterdir()] == ["a.txt"]

    def test_a_folder_that_was_made_for_a_file_goes_with_it(self, tmp_path: Path) -> None:
        (tmp_path / "old").mkdir()
        with pytest.raises(KeyError), replacing(tmp_path / "old" / "new" / "deep" / "a.txt"):
            raise KeyError
        assert [path.name for path in tmp_path.rglob("*")] == ["old"]

    def test_an_error_leaves_the_old_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("old")
        with pytest.raises(KeyError), replacing(tmp_path / "a.txt") as temporary:
            temporary.write_text("new")
            raise KeyError
        assert (tmp_path / "a.txt").read_text() == "old" and len(list(tmp_path.iterdir())) == 1

    def test_a_folder_of_the_name_is_told_before_anything_is_done(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"cannot write .*: a folder has this name; choose"), replacing(tmp_path):
            pytest.fail("the block must not run")

    def test_a_file_where_a_folder_is_needed(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match=r"cannot write .*a\.txt: .*; choose another name"):  # noqa: SIM117
            with replacing(tmp_path / "file" / "a.txt"):
                pytest.fail("the block must not run")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no file that is always full")
    def test_a_full_disk_is_told_and_nothing_stays(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"cannot write .*a\.txt: No space left on device; free some"):  # noqa: SIM117
            with replacing(tmp_path / "a.txt"), open("/dev/full", "w") as full:
                full.write("x")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
    def test_a_read_only_folder_is_told(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(OutputError, match="Permission denied; write to another folder"):  # noqa: SIM117
            with replacing(tmp_path / "a.txt"):
                pytest.fail("the block must not run")
