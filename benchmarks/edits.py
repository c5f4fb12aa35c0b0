"""Whether the edits of a conditional flow change what was asked, and leave the person alone.

    python benchmarks/edits.py CKPT --evaluator FILE --out edits.json

Each held-out picture gets each attribute that it has not, and loses each that it has, in both ways there are:

direction    `model.edit`: its latents without a label are moved by --amount times the mean latents of training pictures
             with the attribute, minus those without it
relabel      `model.relabel`: it is encoded under its attributes and decoded under the changed ones

moved        share of the pictures of which the classifier's logit of the attribute goes the asked way
changed      share of which its decision (a probability above or below 1/2) then is the asked one
identity     distance of the features from those of the picture itself, 1 being the mean distance of two different
             held-out pictures; the features are of a frozen network that is named, and not of the classifier

Writes a table as JSON, and a picture: the held-out pictures above, then a row for each attribute edited by direction.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor

from lit_gans.commands.edit import examples
from lit_gans.commands.flow_data import data_of_run, load_encoder
from lit_gans.files import replacing
from lit_gans.inference.evaluator import FrozenEvaluator, load_evaluator
from lit_gans.metrics.extractors import RANDOM_CONV, Extractor
from lit_gans.networks.contexts import inference
from lit_gans.pictures import labelled_grid, save_picture
from lit_gans.scoring.extractors import load_extractor

BATCH = 64
SHOWN = 8
# pictures, their labels, column of the attribute -> the edited pictures
Edit = Callable[[Tensor, Tensor, int], Tensor]


def ways(model: Any, directions: Tensor, amount: float) -> dict[str, Edit]:
    def by_direction(images: Tensor, labels: Tensor, column: int) -> Tensor:
        less, more = model.edit(images, directions[column], [-amount, amount]).cpu().unbind(1)
        return torch.where(labels[:, column].bool().view(-1, 1, 1, 1), less, more)

    def by_label(images: Tensor, labels: Tensor, column: int) -> Tensor:
        return model.relabel(images, labels, other(labels, column)).cpu()

    return {"direction": by_direction, "relabel": by_label}


def other(labels: Tensor, column: int) -> Tensor:
    changed = labels.clone()
    changed[:, column] = 1 - changed[:, column]
    return changed


def in_batches(edit: Edit, images: Tensor, labels: Tensor, column: int) -> Tensor:
    parts = zip(images.split(BATCH), labels.split(BATCH), strict=True)
    return torch.cat([edit(some, theirs, column) for some, theirs in parts])


@torch.no_grad()
def judged(evaluator: FrozenEvaluator, images: Tensor) -> Tensor:
    """Logits: probabilities of a sure classifier are all 1."""
    with inference(evaluator.network):
        return torch.cat([evaluator.network.logits(part) for part in images.split(BATCH)])


def mean_distance(features: Tensor) -> float:
    """Of two different rows."""
    return torch.nn.functional.pdist(features).mean().item()


def measure(
    edits: dict[str, Edit],
    evaluator: FrozenEvaluator,
    extractor: Extractor,
    images: Tensor,
    labels: Tensor,
    names: list[str],
) -> tuple[list[dict[str, Any]], dict[str, Tensor]]:
    """A row for each way and attribute; and the edited pictures by attribute, of the first way."""
    before, features = judged(evaluator, images), extractor(images)
    apart = mean_distance(features)
    rows: list[dict[str, Any]] = []
    pictures: dict[str, Tensor] = {}
    for way, edit in edits.items():
        for column, name in enumerate(names):
            edited = in_batches(edit, images, labels, column)
            asked = 1 - 2 * labels[:, column]
            after = judged(evaluator, edited)[:, column]
            rows.append(
                {
                    "way": way,
                    "attribute": name,
                    "moved": mean((after - before[:, column]) * asked > 0),
                    "changed": mean(after * asked > 0),
                    "identity": (extractor(edited) - features).norm(dim=1).mean().item() / apart,
                }
            )
            pictures.setdefault(name, edited)
    return rows, pictures


def mean(answers: Tensor) -> float:
    return answers.float().mean().item()


def averages(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {key: sum(row[key] for row in rows) / len(rows) for key in ("moved", "changed", "identity")}


def print_table(rows: list[dict[str, Any]], summary: dict[str, dict[str, float]]) -> None:
    table = Table(box=box.SIMPLE)
    for column in ("way", "attribute", "moved", "changed", "identity"):
        table.add_column(column, justify="left" if column in ("way", "attribute") else "right")
    for row in [*rows, *({"way": way, "attribute": "all", **numbers} for way, numbers in summary.items())]:
        cells = [f"{row[key]:.3f}" for key in ("moved", "changed", "identity")]
        table.add_row(row["way"], row["attribute"], *cells)
    Console().print(table)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="of a ConditionalFlow")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the data set, if it is not where the run had it")
    parser.add_argument("--evaluator", type=Path, required=True, metavar="FILE", help="of the same attributes")
    parser.add_argument("--extractor", default=RANDOM_CONV, help=f"whose features tell persons ({RANDOM_CONV})")
    parser.add_argument("--amount", type=float, default=2.0, help="of a direction (2)")
    parser.add_argument("--images", type=int, default=256, help="at most so many held-out pictures (256)")
    parser.add_argument("--examples", type=int, default=2000, help="training pictures that make the directions (2000)")
    parser.add_argument("--out", type=Path, default=Path("edits.json"), metavar="FILE")
    args = parser.parse_args(arguments)
    model, evaluator = load_encoder(args.checkpoint), load_evaluator(args.evaluator)
    extractor = load_extractor(args.extractor)
    names = list(model.class_names or ())
    if evaluator.class_names != names:
        raise SystemExit(
            f"{args.evaluator}: knows {evaluator.class_names}, and the flow {names}; train it on the same attributes"
        )
    data = data_of_run(args.checkpoint, args.data)
    directions = model.attribute_directions(examples(data, args.examples), names)
    held_out = data.preview_batch(args.images)
    images, labels = held_out["image"], held_out["condition"]
    edits = ways(model, directions, args.amount)
    rows, pictures = measure(edits, evaluator, extractor, images, labels, names)
    summary = {way: averages([row for row in rows if row["way"] == way]) for way in edits}
    print_table(rows, summary)
    facts = {
        "checkpoint": str(args.checkpoint),
        "evaluator": {evaluator.name: evaluator.sha256},
        "extractor": extractor.name,
        "amount": args.amount,
        "images": len(images),
        "rows": rows,
        "all": summary,
    }
    with replacing(args.out) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n")
    shown = torch.cat([images[:SHOWN], *(edited[:SHOWN] for edited in pictures.values())])
    save_picture(labelled_grid(shown, ["as they are", *pictures]), args.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
