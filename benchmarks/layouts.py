"""Whether a flow that is told where objects stand lacks the layout or the drawing, on held-out conditions.

    python benchmarks/layouts.py CKPT --data DIR --evaluator FILE --out layouts.json

The same flow draws the same conditions with the same noise, its objects standing

own       where they stand in the held-out picture of the condition: what is missing then is missing in the drawing
kept      where those of a training picture of as many objects stand, handed out at random: what the flow does by itself
shapes    the same of a training picture with the same shapes, each handed to its own shape
alone     where one object of any training picture stands, each drawn without a look at the others

Beside the score a row has `near`: the share of the pictures of several objects in which two stand less than --apart
pixels of 64 from each other.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot, pdist

import lit_gans
from data_modules.iclevr import ICLEVR
from lit_gans.files import replacing
from lit_gans.inference.evaluator import load_evaluator
from lit_gans.metrics.object_score import ObjectScore
from lit_gans.training.batches import VALIDATION_SEED

SIDE = 64


class Placed(NamedTuple):
    """Pictures whose objects all have a known place.

    Attributes:
        label: (N, num_classes) multi-hot.
        place: (N, num_classes, 2), NaN for what is not there.
    """

    label: Tensor
    place: Tensor


def layouts(held_out: Placed, training: Placed, shape: Tensor, kept: Any) -> Iterator[tuple[str, Tensor]]:
    """Name and places (N, num_classes, 2) of each way, for the conditions of the held-out pictures.

    Args:
        shape: (num_classes,) number of each class's shape.
        kept: the flow's own density, see Layouts.
    """
    asked, rng = held_out.label, torch.Generator().manual_seed(VALIDATION_SEED)
    yield "own", held_out.place
    yield "kept", kept.sample(asked, rng)
    yield "shapes", of_same_shapes(asked, training, shape, rng)
    points = training.place[training.label > 0]
    alone = points[torch.randint(len(points), asked.shape, generator=rng)]
    yield "alone", torch.where(asked[..., None] > 0, alone, torch.nan)


def of_same_shapes(asked: Tensor, training: Placed, shape: Tensor, rng: torch.Generator) -> Tensor:
    """(N, num_classes, 2): for each label the places of a training picture with the same shapes, each handed to one of
    its shape; NaN everywhere, so that the flow draws a layout, where there is no such picture."""
    result = torch.full((*asked.shape, 2), torch.nan)
    counts = training.label @ one_hot(shape).float()
    for row, label in zip(result, asked, strict=True):
        alike = (counts == label @ one_hot(shape).float()).all(dim=1).nonzero().flatten()
        if not len(alike):
            continue
        other = alike[torch.randint(len(alike), (1,), generator=rng)].item()
        for kind in shape[label > 0].unique():
            mine, theirs = (
                ((present > 0) & (shape == kind)).nonzero().flatten() for present in (label, training.label[other])
            )
            row[mine] = training.place[other, theirs[torch.randperm(len(theirs), generator=rng)]]
    return result


def placed(data: ICLEVR, rows: Tensor) -> Placed:
    """Those of the rows whose objects were all found."""
    label, place = data.conditions()[rows], torch.from_numpy(data.place_table())[rows]
    whole = ~((label > 0) & place.isnan().any(dim=-1)).any(dim=1)
    return Placed(label[whole], place[whole])


def near(label: Tensor, places: Tensor, apart: float) -> float:
    """Share of the pictures of several objects in which two stand less than so many pixels of 64 apart; 0 of none."""
    least = [
        pdist(SIDE * points[present > 0]).min()
        for present, points in zip(label, places, strict=True)
        if present.sum() > 1
    ]
    return (torch.stack(least) < apart).float().mean().item() if least else 0.0


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="of a ConditionalFlow with layout")
    parser.add_argument("--data", required=True, metavar="DIR", help="folder of the iCLEVR layout")
    parser.add_argument("--evaluator", type=Path, required=True, metavar="FILE")
    parser.add_argument("--conditions", type=int, default=300, help="at most so many held-out ones (300)")
    parser.add_argument("--apart", type=float, default=10.0, help="pixels of 64 (10)")
    parser.add_argument("--seed", type=int, default=0, help="of the data's split, as in training")
    parser.add_argument("--out", type=Path, default=Path("layouts.json"), metavar="FILE")
    args = parser.parse_args(arguments)
    model, evaluator = lit_gans.load(args.checkpoint), load_evaluator(args.evaluator)
    if not getattr(model, "layout", False):
        raise SystemExit(f"{args.checkpoint}: a flow that is told no places; train one with --model.layout true")
    data = ICLEVR(args.data, seed=args.seed, places=True)
    held_out, training = (placed(data, rows) for rows in reversed(data.split_rows()))
    # evenly spread, so that pictures of one, two and three objects are all there
    picks = torch.linspace(0, len(held_out.label) - 1, min(args.conditions, len(held_out.label))).round().long()
    held_out = Placed(*(column[picks] for column in held_out))
    shape = torch.zeros(data.num_classes, dtype=torch.long)
    for number, classes in enumerate(data.class_properties["shape"].values()):
        shape[classes] = number
    table = []
    for name, places in layouts(held_out, training, shape, model.flow.layouts):
        metric = ObjectScore()
        pictures = model.sample(held_out.label, seed=VALIDATION_SEED, places=places)
        metric.update(evaluator(pictures).cpu(), held_out.label)
        share = near(held_out.label, places, args.apart)
        table.append({"places": name, "score": metric.compute().item(), "near": share})
        print("{places:8}score {score:.4f}  near {near:.3f}".format(**table[-1]), flush=True)
    facts = {
        "checkpoint": args.checkpoint.name,
        "evaluator": {evaluator.name: evaluator.sha256},
        "conditions": len(picks),
        "seed": VALIDATION_SEED,
        "apart": args.apart,
        "rows": table,
    }
    with replacing(args.out) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
