"""Trainings that are compared in a table: started as often as it takes, none trained twice."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from publish import facts_of

from lit_gans.files import replacing

Row = dict[str, Any]


def lit_gans(*arguments: str) -> None:
    """A command of this package in a process of its own."""
    subprocess.run([sys.executable, "-m", "lit_gans", *arguments], check=True)


def train_and_test(name: str, out: Path, fit: list[str], test: list[str]) -> Row:
    """Trains in `out/name`, from the last checkpoint there if one is, and tests the last checkpoint.

    Args:
        fit, test: arguments of the two commands beside the folder and the checkpoint.

    Returns:
        What the test wrote into scores.json, and `minutes` of the training, with its validation, over all starts whose
        folders are still there.
    """
    folder = ["--trainer.default_root_dir", str(out)]
    checkpoint = newest(out / name, "checkpoints/last.ckpt")
    lit_gans(
        *["fit", *fit, "--run_name", name, *folder, "--wandb", "off"],
        *(["--ckpt_path", str(checkpoint)] if checkpoint else []),
    )
    checkpoint = newest(out / name, "checkpoints/last.ckpt")
    assert checkpoint is not None  # fit has written it
    run = facts_of(checkpoint.parents[1])
    lit_gans("test", "--ckpt_path", str(checkpoint), *test, "--run_name", f"{name}_test", *folder)
    scores = newest(out / f"{name}_test", "scores.json")
    if scores is None:
        raise SystemExit(f"{out / name}: the test left no scores.json; its messages are above")
    return {**json.loads(scores.read_text()), "minutes": round((run["minutes_before"] or 0) + run["minutes"], 2)}


def newest(folder: Path, name: str) -> Path | None:
    """The file of that name in the version folder with the highest number."""
    versions = sorted(folder.glob("version_*"), key=lambda path: int(path.name.removeprefix("version_")))
    found = [version / name for version in versions if (version / name).is_file()]
    return found[-1] if found else None


def collect(
    jobs: dict[str, Callable[[], Row]], out: Path, title: str, table: Callable[[dict[str, Row]], str]
) -> dict[str, Row]:
    """Does the jobs whose row is not in `out/title.json` yet; writes that file and `out/title.md` after each.

    Returns:
        The rows of all jobs that are done, also of earlier starts, by the name of their job.
    """
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"{title}.json"
    rows: dict[str, Row] = json.loads(file.read_text()) if file.is_file() else {}
    for name, job in jobs.items():
        if name in rows:
            continue
        rows[name] = job()
        for path, text in ((file, json.dumps(rows, indent=2) + "\n"), (out / f"{title}.md", table(rows))):
            with replacing(path) as temporary:
                temporary.write_text(text)
    print(table(rows), end="")
    return rows
