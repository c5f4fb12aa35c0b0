"""Puts what a training gave into the repository's record of experiments.

    python benchmarks/publish.py RUN [TEST ...] --system conditional_gan_iclevr [--weights]

RUN is the folder of a training (`runs/NAME/version_N`, with `run.json` and `metrics.csv`), each TEST that of a test of
its checkpoint (`scores.json` and grids). Writes `benchmarks/runs/SYSTEM/DATE-COMMIT/`: `run.json`, `metrics.csv` and
`config.yaml` of the training, `scores.json` and the grids of the tests, in 256 colours (`scores_2.json` and so on from
the second on).
Paths of the machine become file names. An entry that is there already is replaced as a whole, once the new one is
complete. With --weights the last checkpoint goes into the zoo under the system's name: its weights in float16, what
they draw, and a card of all this. The tables of the documentation are brought up to date.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from lit_gans.files import without_folders

RECORD = Path(__file__).parent / "runs"
OF_THE_TRAINING = ("metrics.csv", "config.yaml")


def entry_of(run: dict[str, Any]) -> str:
    """`DATE-COMMIT` of a training; "unknown" where the code was no checkout."""
    commit = run["commit"] or "unknown"
    return f"{run['started'][:10]}-{commit[:7]}{'+' if commit.endswith('+') else ''}"


def facts_of(run: Path) -> dict[str, Any]:
    """What run.json says, and `minutes_before`: those of the runs that this one continues; None where one is not found.

    Raises:
        SystemExit: no run.json.
    """
    if not (run / "run.json").is_file():
        raise SystemExit(f"{run}: no run.json; expected the folder of a training, runs/NAME/version_N")
    facts: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    facts["minutes_before"] = 0.0
    if facts.get("continues"):
        earlier = Path(facts["continues"]).parent.parent
        before = facts_of(earlier) if (earlier / "run.json").is_file() else {"minutes_before": None}
        known = before["minutes_before"] is not None
        facts["minutes_before"] = round(before["minutes_before"] + before["minutes"], 2) if known else None
    return facts


def publish(run: Path, tests: list[Path], system: str, record: Path | None = None) -> Path:
    """Writes the entry and returns its folder.

    Raises:
        SystemExit: a file that belongs there is missing; says which.
    """
    facts = facts_of(run)
    record = record or RECORD
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
                copy_grid(grid, entry / f"{grid.stem}{suffix}.png")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        entry.rename(target)
    return target


def copy_grid(grid: Path, target: Path) -> None:
    """In 256 colours, which halves the file: all pictures of the repository together are to stay below 6 MB."""
    with Image.open(grid) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


def write(file: Path, text: str) -> None:
    file.write_text(without_folders(text), encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the training")
    parser.add_argument("tests", type=Path, nargs="*", metavar="TEST", help="folders of tests of its checkpoint")
    parser.add_argument("--system", required=True, help="name of the entry's folder, such as its config's")
    parser.add_argument("--weights", action="store_true", help="put the last checkpoint into weights/ too")
    parser.add_argument("--draws", metavar="TEXT", help="for the card: what it draws; needed the first time")
    parser.add_argument("--weak", metavar="TEXT", help="for the card: what it does badly; needed the first time")
    parser.add_argument("--data", metavar="TEXT", help="for the card: the data, where they are rendered ones")
    parser.add_argument(
        "--condition", action="append", default=[], metavar="NAMES", help="a row of the card's picture, as of `sample`"
    )
    args = parser.parse_args(arguments)
    entry = publish(args.run, args.tests, args.system)
    print(f"wrote {entry}")
    if args.weights:
        import zoo_entry  # loads torch

        texts = {"draws": args.draws, "weak": args.weak, "data": args.data}
        card = zoo_entry.add(args.system, args.run, entry, texts, args.condition)
        print(f"wrote weights/{card['file']}, {card['bytes'] / 1e6:.1f} MB, and its card")
    import tables

    tables.main([])


if __name__ == "__main__":
    main()
