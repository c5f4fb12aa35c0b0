"""From draws to the table and the file of scores."""

import json
import statistics
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lit_gans.errors import InputError
from lit_gans.files import replacing

Scores = dict[str, dict[str, list[float]]]


def summary(draws: list[float]) -> dict[str, Any]:
    """mean, std (of the draws, n - 1), min, max and the draws themselves."""
    return {
        "mean": statistics.fmean(draws),
        "std": statistics.stdev(draws) if len(draws) > 1 else 0.0,
        "min": min(draws),
        "max": max(draws),
        "draws": draws,
    }


def write_scores(path: Path, scores: Scores, facts: dict[str, Any]) -> None:
    """`{list: {evaluator: summary}}`, and beside the lists the facts that make the scores repeatable.

    Raises:
        InputError: if a condition list is called like one of the facts.
    """
    if clash := scores.keys() & facts.keys():
        raise InputError(f"a condition list is called {clash.pop()!r}, a key of {path.name}; rename its file")
    lists = {name: {file: summary(draws) for file, draws in columns.items()} for name, columns in scores.items()}
    write_report(path, {**lists, **facts})


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Plain values as JSON."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(report, indent=2) + "\n")


def temperature_lines(temperature: float) -> list[str]:
    """Says so where pictures were drawn with another noise than the model was trained with."""
    return [] if temperature == 1 else [f"pictures drawn with temperature {temperature:g}"]


def print_scores(scores: Scores, facts: dict[str, Any]) -> None:
    """The table of `lit-gans test`: a row for each list and evaluator, "extra" being the share of objects that nobody
    asked for."""
    seeds = facts["seeds"]
    table = Table(
        title=f"object score, {len(seeds)} draws, seeds {seeds[0]} to {seeds[-1]}, {facts['weights']} weights"
    )
    table.add_column("list")
    table.add_column("evaluator")
    for name in ("mean", "std", "min", "max", "extra"):
        table.add_column(name, justify="right")
    for name, columns in scores.items():
        for file, draws in columns.items():
            row = summary(draws)
            figures = [*(row[key] for key in ("mean", "std", "min", "max")), facts["extra_objects"][name][file]]
            table.add_row(name, file, *(f"{figure:.4f}" for figure in figures))
    console = Console()
    console.print(table)
    for file, digest in facts["evaluators"].items():
        real = facts["real_pictures"].get(file)
        told = "" if real is None else f"{real:.4f} on the held-out real pictures, "
        console.print(f"evaluator {file}: {told}sha256 {digest}", soft_wrap=True, highlight=False)
