"""How the score of a flow, or of flow matching, depends on guidance and temperature, on held-out conditions.

    python benchmarks/guidance.py CKPT --data DIR --evaluator FILE --out guidance.json

The conditions are those of held-out training scenes, never a test list: what is best here may be fixed for a test
(`lit-gans test --model.guidance W --model.temperature T`). Writes a table as JSON and a picture of the curves.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib
import torch

import lit_gans
from data_modules.iclevr import ICLEVR
from lit_gans.files import replacing
from lit_gans.inference.evaluator import load_evaluator
from lit_gans.metrics.object_score import ObjectScore
from lit_gans.training.batches import VALIDATION_SEED

matplotlib.use("Agg")


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def scores(model: Any, evaluator: Any, conditions: torch.Tensor, args: argparse.Namespace) -> list[dict[str, float]]:
    """A row for each pair of guidance and temperature; the noise is the same in all of them."""
    rows = []
    options = {} if args.steps is None else {"steps": args.steps}
    for temperature in args.temperatures:
        for guidance in args.guidances:
            pictures = model.sample(
                conditions,
                seed=VALIDATION_SEED,
                use_ema=not args.raw,
                temperature=temperature,
                guidance=guidance,
                **options,
            )
            metric = ObjectScore()
            metric.update(evaluator(pictures).cpu(), conditions.cpu())
            rows.append({"temperature": temperature, "guidance": guidance, "score": metric.compute().item()})
            print(f"temperature {temperature:g}  guidance {guidance:g}  score {rows[-1]['score']:.4f}", flush=True)
    return rows


def draw(rows: list[dict[str, float]], file: Path) -> None:
    """A curve over guidance for each temperature."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for temperature in sorted({row["temperature"] for row in rows}):
        curve = [(row["guidance"], row["score"]) for row in rows if row["temperature"] == temperature]
        axes.plot(*zip(*curve, strict=True), marker="o", label=f"temperature {temperature:g}")
    axes.set(xlabel="guidance", ylabel="object score, held-out conditions")
    axes.grid(alpha=0.3)
    axes.legend()
    with replacing(file) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
    pyplot.close(figure)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, metavar="CKPT")
    parser.add_argument("--data", required=True, metavar="DIR", help="folder of the iCLEVR layout")
    parser.add_argument("--evaluator", type=Path, required=True, metavar="FILE")
    parser.add_argument("--guidances", type=numbers, default=[0.0, 0.5, 1.0, 2.0, 3.0])
    parser.add_argument("--temperatures", type=numbers, default=[0.5, 0.7, 0.9, 1.0])
    parser.add_argument("--steps", type=int, help="of a flow-matching model's equation, in place of the model's own")
    parser.add_argument("--conditions", type=int, default=300, help="at most so many held-out ones")
    parser.add_argument("--seed", type=int, default=0, help="of the data's split, as in training")
    parser.add_argument("--raw", action="store_true", help="the trained weights instead of their average")
    parser.add_argument("--out", type=Path, default=Path("guidance.json"), metavar="FILE")
    args = parser.parse_args(arguments)
    model, evaluator = lit_gans.load(args.checkpoint), load_evaluator(args.evaluator)
    data = ICLEVR(args.data, seed=args.seed)
    held_out = data.conditions()[data.split_rows()[1]]
    # evenly spread, so that pictures of one, two and three objects are all there
    picks = torch.linspace(0, len(held_out) - 1, min(args.conditions, len(held_out))).round().long()
    rows = scores(model, evaluator, held_out[picks], args)
    facts = {
        "checkpoint": str(args.checkpoint),
        "evaluator": {evaluator.name: evaluator.sha256},
        "weights": "raw" if args.raw else "ema",
        "conditions": len(picks),
        "seed_of_the_noise": VALIDATION_SEED,
        **({} if args.steps is None else {"steps": args.steps}),
        "rows": rows,
    }
    with replacing(args.out) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n")
    draw(rows, args.out.with_suffix(".png"))
    best = max(rows, key=lambda row: row["score"])
    print(f"best on these: temperature {best['temperature']:g}, guidance {best['guidance']:g}: {best['score']:.4f}")


if __name__ == "__main__":
    main()
