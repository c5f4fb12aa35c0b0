"""Puts what a training gave into the repository's record of experiments.

    python benchmarks/publish.py RUN [TEST ...] --system conditional_gan_iclevr

RUN is the folder of a training (`runs/NAME/version_N`, with `run.json` and `metrics.csv`), each TEST that of a test of
its checkpoint (`scores.json` and grids). Writes `benchmarks/runs/SYSTEM/DATE-COMMIT/`: `run.json`, `metrics.csv` and
`config.yaml` of the training, `scores.json` and the grids of the tests (`scores_2.json` and so on from the second on).
Paths of the machine become file names. An entry that is there already is replaced as a whole, once the new one is
complete.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from lit_gans.files import without_folders

RECORD = Path(__file__).parent / "runs"
OF_THE_TRAINING = ("metrics.csv", "config.yaml")


def entry_of(run: dict[str, Any]) -> str:
    """`DATE-COMMIT` of a training; "unknown" where the code was no checkout."""
    commit = run["commit"] or "unknown"
    return f"{run['started'][:10]}-{commit[:7]}{'+' if commit.endswith('+') else ''}"


def publish(run: Path, tests: list[Path], system: str, record: Path = RECORD) -> Path:
    """Writes the entry and returns its folder.

    Raises:
        SystemExit: a file that belongs there is missing; says which.
    """
    if not (run / "run.json").is_file():
        raise SystemExit(f"{run}: no run.json; expected the folder of a training, runs/NAME/version_N")
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    target = record / system / entry_of(facts)
    record.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=record) as name:
        entry = Path(name) / "entry"
        entry.mkdir()
        write(entry / "run.json", json.dumps(facts, indent=2) + "\n")
        for file in OF_THE_TRAINING:
            if (run / file).is_file():
                write(entry / file, (run / file).read_text(encoding="utf-8"))
        for i, test in enumerate(tests):
            if not (test / "scores.json").is_file():
                raise SystemExit(f"{test}: no scores.json; expected the folder of a test")
            suffix = f"_{i + 1}" if i else ""
            write(entry / f"scores{suffix}.json", (test / "scores.json").read_text(encoding="utf-8"))
            for grid in sorted(test.glob("*.png")):
                shutil.copyfile(grid, entry / f"{grid.stem}{suffix}.png")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        entry.rename(target)
    return target


def write(file: Path, text: str) -> None:
    file.write_text(without_folders(text), encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the training")
    parser.add_argument("tests", type=Path, nargs="*", metavar="TEST", help="folders of tests of its checkpoint")
    parser.add_argument("--system", required=True, help="name of the entry's folder, such as its config's")
    args = parser.parse_args(arguments)
    print(f"wrote {publish(args.run, args.tests, args.system)}")


if __name__ == "__main__":
    main()
