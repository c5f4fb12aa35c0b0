"""Any machine: what only POSIX has is not needed, text is UTF-8 in every locale, and a notebook may call it all."""

import ast
import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

from data_modules.cache import usable_cores
from data_modules.datasets.base import free_memory
from lit_gans.cli import main

REPOSITORY = Path(__file__).parent.parent
SOURCES = [file for room in ("lit_gans", "data_modules") for file in sorted((REPOSITORY / room).rglob("*.py"))]

POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
POSIX_NAMES = {
    "os": {"chown", "fork", "forkpty", "getloadavg", "getpgid", "getuid", "geteuid", "killpg", "mkfifo", "nice"}
    | {"sched_getaffinity", "setsid", "statvfs", "sync", "sysconf", "uname", "wait", "symlink", "link"},
    "signal": {"SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "SIGUSR2", "alarm", "pause"},
}
# What has a way around it where it is missing; the tests below take it away.
WITH_FALLBACK = {("data_modules/datasets/base.py", "os.sysconf"), ("data_modules/cache.py", "os.sched_getaffinity")}


def calls(file: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call))


def test_nothing_is_called_that_only_posix_has_without_a_fallback() -> None:
    found = set()
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            imported = {name.name for name in node.names} if isinstance(node, ast.Import) else set()
            imported |= {node.module} if isinstance(node, ast.ImportFrom) and node.module else set()
            assert not imported & POSIX_MODULES, f"{file}: {imported & POSIX_MODULES}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.attr in POSIX_NAMES.get(node.value.id, ()):
                    found.add((file.relative_to(REPOSITORY).as_posix(), f"{node.value.id}.{node.attr}"))
                assert node.attr not in ("symlink_to", "hardlink_to"), f"{file}: {node.attr}"
    assert found == WITH_FALLBACK


def test_every_text_file_is_read_and_written_in_a_named_encoding() -> None:
    """Else it is the locale's: another one on Windows, and ASCII in a container."""
    for file in SOURCES:
        for call in calls(file):
            written = ast.unparse(call)
            if isinstance(call.func, ast.Attribute) and call.func.attr in ("read_text", "write_text", "open"):
                binary = any(isinstance(a, ast.Constant) and "b" in str(a.value) for a in call.args)
                named = any(keyword.arg == "encoding" for keyword in call.keywords)
                assert binary or named or written.startswith(("Image.", "os.")), f"{file}:{call.lineno}: {written}"


@pytest.fixture
def without_posix(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in POSIX_NAMES["os"] - {"statvfs"}:  # inside shutil.disk_usage, which has another way on Windows
        monkeypatch.delattr(os, name, raising=False)
    for name in POSIX_MODULES:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("without_posix")
def test_memory_and_cores_are_guessed_where_the_system_does_not_tell() -> None:
    assert free_memory(torch.device("cpu")) == 0
    assert usable_cores() >= 1


@pytest.mark.usefixtures("without_posix")
def test_a_notebook_on_a_system_without_posix_trains_and_samples_in_a_folder_with_spaces_and_letters(
    scenes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a running event loop, without HOME, on a terminal of 60 columns that is none."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    folder = tmp_path / "my rüns"
    run = folder / "cdcgan_iclevr" / "version_0"

    async def cell() -> list[int]:
        fit = [
            "fit",
            "--config",
            "cdcgan_iclevr",
            "--data.image_size",
            "16",
            "--model.width",
            "2",
            "--data.batch_size",
            "8",
        ]
        fit += ["--trainer.max_steps", "2", "--data.root", str(scenes_folder), "--data.cache_dir", str(folder / "ü")]
        fit += ["--trainer.default_root_dir", str(folder), "--trainer.accelerator", "cpu"]
        codes = [main(fit)]
        (checkpoint,) = folder.rglob("last.ckpt")
        codes.append(main(["sample", str(checkpoint), "--condition", "red cube", "--out", str(folder / "ä b.png")]))
        return codes

    codes = asyncio.run(cell())
    assert codes == [0, 0], capsys.readouterr().err
    assert (folder / "ä b.png").stat().st_size > 0, run
    (config,) = folder.rglob("config.yaml")
    # parsed, because YAML breaks long lines at spaces
    assert yaml.safe_load(config.read_text("utf-8"))["trainer"]["default_root_dir"] == str(folder)


def test_letters_that_the_locale_does_not_know_are_refused_with_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    undecoded = "r\N{LATIN SMALL LETTER U WITH DIAERESIS}ns".encode().decode("ascii", "surrogateescape")
    assert main(["sample", undecoded]) == 2
    assert (
        "'r\\udcc3\\udcbcns' holds letters that the locale does not know; set PYTHONUTF8=1" in capsys.readouterr().err
    )


def test_a_home_that_cannot_be_written_and_a_locale_without_these_letters_do_not_matter(
    scenes_folder: Path, tmp_path: Path
) -> None:
    """In a process of its own: Python asks for both when it starts."""
    folder = tmp_path / "my r\N{LATIN SMALL LETTER U WITH DIAERESIS}ns"
    shutil.copytree(scenes_folder, folder / "data")
    script = """
import sys
from pathlib import Path
from lit_gans.cli import main

fit = "fit --config cdcgan_iclevr --data.image_size 16 --model.width 2 --data.batch_size 8 --trainer.max_steps 2"
assert main([*fit.split(), *"--data.root data --trainer.accelerator cpu --wandb off".split()]) == 0
(checkpoint,) = Path("runs").rglob("last.ckpt")
assert main(["test", "--ckpt_path", str(checkpoint)]) == 0
sys.exit(main(["sample", str(checkpoint), "--condition", "red cube", "--out", "a.png"]))
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MPL"))}
    strange = {"HOME": os.devnull, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "60"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**environment, **strange, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    assert (folder / "a.png").stat().st_size > 0 and b"Traceback" not in done.stderr
