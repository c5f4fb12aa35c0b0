"""Fills the marked blocks of README and docs from the record of experiments and the cards of the zoo.

    python benchmarks/tables.py [--check]

A block is what stands between `<!-- table: NAME -->` and `<!-- end -->`; NAME is `zoo`, `cards`, `faults`,
`runs SYSTEM` or `compared MODEL MODEL ...` with names of the zoo. With --check nothing is written, and the exit code is
1 where a block is not what the JSON says.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lit_gans import zoo

REPOSITORY = Path(__file__).parent.parent
RECORD = REPOSITORY / "benchmarks" / "runs"
RESULTS = REPOSITORY / "benchmarks" / "results"
FILES = ("README.md", "weights/README.md", "docs/**/*.md")
BLOCK = re.compile(r"(<!-- table: (.*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str, file: Path) -> str:
    """The text with every block as the JSON has it."""
    return BLOCK.sub(lambda block: block[1] + table(block[2], file) + block[3], text)


def table(name: str, file: Path) -> str:
    """
    Raises:
        SystemExit: no table of this name; names the file.
    """
    kind, _, argument = name.partition(" ")
    makers = {
        "zoo": zoo_table,
        "cards": card_sections,
        "faults": faults_table,
        "runs": lambda: runs_table(argument),
        "compared": lambda: compared_table(argument.split()),
    }
    if kind not in makers:
        raise SystemExit(f"{file}: no table {name!r}; there are {', '.join(makers)}")
    return makers[kind]()


def rows(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def zoo_table() -> str:
    head = ["name", "draws", "data", "minutes", "score", "MB"]
    body = [
        [
            f"`{name}`",
            card["draws"],
            card["data"]["name"],
            zoo.budget(card["run"]),
            zoo.score(card["scores"]),
            f"{card['bytes'] / 1e6:.1f}",
        ]
        for name, card in zoo.cards().items()
    ]
    return rows(head, body)


def card_sections() -> str:
    """The cards, each with its picture."""
    return "\n".join(section(name, card) for name, card in zoo.cards().items())


def section(name: str, card: dict[str, Any]) -> str:
    run, scores, data = card["run"], card["scores"], card["data"]
    machine = run["machine"]
    lines = [f"## {name}", ""]
    if "picture" in card:
        asked = "; ".join(", ".join(names) for names in card["picture"]["conditions"] or [])
        lines += [f"![{name}](../weights/{name}.png)", "", *([f"Rows: {asked}. Seed 0.", ""] if asked else [])]
    source = f"[{data['name']}]({data['source']})" if data["source"].startswith("http") else data["name"]
    used = f"{machine['processor']}, {machine['threads']} of {machine['cores']} cores, {run['precision']}"
    seen = f", {run['images_seen']:,} images" if run.get("images_seen") else ""
    facts = [
        ("draws", card["draws"]),
        ("file", f"`{card['file']}`, {card['bytes'] / 1e6:.1f} MB, sha256 `{card['sha256']}`"),
        ("data", f"{source}; licence: {data['licence']}"),
        ("command", f"`{' '.join(run['command'])}`"),
        ("commit", run["commit"][:7]),
        ("training", f"{zoo.budget(run)}{seen}; {used}; torch {run['versions']['torch']}; seed {run['seed']}"),
        ("score", zoo.score(scores)),
        ("evaluator", ", ".join(f"`{file}`, sha256 `{sum_}`" for file, sum_ in scores.get("evaluators", {}).items())),
        ("does badly", card["weak"]),
        ("told by hand", run.get("note", "")),
    ]
    lines += [f"- **{what}**: {text}" for what, text in facts if text]
    return "\n".join([*lines, ""])


def entries(system: str) -> Iterator[tuple[Path, dict[str, Any], dict[str, Any]]]:
    """Folder, run and scores of each test in the record of a system, the newest first."""
    for folder in sorted((RECORD / system).iterdir(), reverse=True):
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        for file in sorted(folder.glob("scores*.json")):
            yield folder, run, json.loads(file.read_text(encoding="utf-8"))


def runs_table(system: str) -> str:
    """Every test of every run of a system."""
    head = ["run", "images", "minutes", "score", "sd", "extra objects", "Frechet distance", "temperature"]
    body = []
    for folder, run, scores in entries(system):
        lists = scores.get("object_score", {})
        spread = [f"{next(iter(columns.values()))['std']:.3f}" for columns in lists.values()]
        extra = [f"{next(iter(columns.values())):.3f}" for columns in scores.get("extra_objects", {}).values()]
        distances = [f"{values['frechet_distance']:.3f}" for values in scores.get("quality", {}).values()]
        cells = [spread, extra, distances, [str(scores["temperature"])] if "temperature" in scores else []]
        seen = f"{scores['images_seen']:,}" if scores.get("images_seen") else ""
        figures = [seen, zoo.budget(run), zoo.score(scores), *(" / ".join(cell) for cell in cells)]
        body.append([f"`{system}/{folder.name}`", *figures])
    return rows(head, body)


def compared_table(names: list[str]) -> str:
    """Models of the zoo with the same conditions: what training and drawing cost, and what is drawn."""
    speeds = json.loads((RESULTS / "sampling_speed.json").read_text(encoding="utf-8"))["models"]
    head = ["model", "parameters", "thread-minutes", "images", "images/s", "score", "extra objects", "diversity"]
    return rows([*head, "pictures/s"], [compared_row(name, zoo.cards()[name], speeds[name]) for name in names])


def compared_row(name: str, card: dict[str, Any], speed: dict[str, Any]) -> list[str]:
    """
    Raises:
        SystemExit: the speed is that of other weights.
    """
    if speed["sha256"] != card["sha256"]:
        raise SystemExit(f"sampling_speed.json: {name} has other weights now; run benchmarks/sampling_speed.py again")
    run, scores = card["run"], card["scores"]
    minutes = zoo.minutes(run) * run["machine"]["threads"]
    images = scores["images_seen"]
    lists = [next(iter(columns.values()))["mean"] for columns in scores["object_score"].values()]
    extra = [next(iter(columns.values())) for columns in scores["extra_objects"].values()]
    return [
        f"`{name}`",
        f"{speed['parameters'] / 1e6:.1f} M",
        f"{minutes:.0f}",
        f"{images:,}",
        f"{images / minutes / 60:.0f}",
        " / ".join(f"{score:.3f}" for score in lists),
        " / ".join(f"{share:.3f}" for share in extra),
        f"{scores['quality']['held_out']['condition_diversity']:.2f}",
        f"{speed['pictures_per_second']:.1f}",
    ]


def faults_table() -> str:
    """What faults.py found after the kills of each command."""
    found = json.loads((RESULTS / "faults.json").read_text(encoding="utf-8"))
    head = ["killed", "times", "before it wrote anything", "inside a write", "faults"]
    keys = ("kills", "before_any_file", "inside_a_write")
    return rows(
        head,
        [
            [f"`{name}`", *(str(entry[key]) for key in keys), str(len(entry["faults"]))]
            for name, entry in found.items()
            if "kills" in entry
        ],
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where a block differs")
    args = parser.parse_args(arguments)
    drifted = []
    for file in sorted(file for pattern in FILES for file in REPOSITORY.glob(pattern)):
        text = file.read_text(encoding="utf-8")
        if (new := filled(text, file)) != text:
            drifted.append(str(file.relative_to(REPOSITORY)))
            if not args.check:
                file.write_text(new, encoding="utf-8")
    for name in drifted:
        print(f"{name}: {'not what the JSON says' if args.check else 'brought up to date'}")
    sys.exit(1) if args.check and drifted else None


if __name__ == "__main__":
    main()
