"""Bits a value of held-out pictures under a flow-matching model, a continuous normalizing flow.

    python benchmarks/likelihood.py CKPT --data DIR --out likelihood.json

The density is that of the model's own equation (`log_prob`: Hutchinson's estimate of the divergence, one direction a
picture). Two figures, comparable with those that `lit-gans test` reports of a flow:

uniform      pictures with uniform dequantization
noise        pictures with Gaussian noise of --noise, which the path passes on its way
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lit_gans.commands.flow_data import data_of_run, load_encoder
from lit_gans.files import replacing
from lit_gans.inference.flow_matching import VelocitySampling
from lit_gans.networks.flow.quantization import IN_CUBE, bits_per_dim, dequantize, from_cube
from lit_gans.training.batches import VALIDATION_SEED
from lit_gans.training.seeding import generator


def kinds(images: Tensor, noise: float) -> dict[str, tuple[Tensor, float]]:
    """Name -> images with noise, and the standard deviation of that noise as `log_prob` is told it."""
    rng = generator(VALIDATION_SEED)
    uniform = from_cube(dequantize(images, torch.rand(images.shape, generator=rng)))
    gaussian = images + noise * torch.randn(images.shape, generator=rng)
    return {"uniform": (uniform, 0.0), "noise": (gaussian, noise)}


def bits(model: VelocitySampling, x: Tensor, labels: Tensor, noise: float, steps: int) -> Tensor:
    """Bits a value of each image, (B,)."""
    density = model.log_prob(x, labels, noise=noise, steps=steps, seed=VALIDATION_SEED).double().cpu()
    on_cube = density - model.dims * torch.tensor(IN_CUBE, dtype=torch.float64).log()
    return bits_per_dim(on_cube, model.dims)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="of a ConditionalFlowMatching")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the data set, if it is not where the run had it")
    parser.add_argument("--images", type=int, default=256, help="at most so many held-out pictures (256)")
    parser.add_argument("--noise", type=float, default=0.05, help="images being in [-1, 1] (0.05)")
    parser.add_argument("--steps", default="16,32", help="of the equation, several with commas (16,32)")
    parser.add_argument("--out", type=Path, default=Path("likelihood.json"), metavar="FILE")
    args = parser.parse_args(arguments)
    model = load_encoder(args.checkpoint)
    if not isinstance(model, VelocitySampling):
        raise SystemExit(f"{args.checkpoint}: {model.model_name}; `lit-gans test` says the likelihood of a flow")
    held_out = data_of_run(args.checkpoint, args.data).preview_batch(args.images)
    images, labels = held_out["image"], held_out["condition"]
    table: list[dict[str, Any]] = []
    for steps in map(int, args.steps.split(",")):
        for kind, (x, noise) in kinds(images, args.noise).items():
            found = bits(model, x, labels, noise, steps)
            error = (found.std() / len(found) ** 0.5).item()
            table.append({"images": kind, "steps": steps, "bits_per_dim": found.mean().item(), "standard_error": error})
            print("{images:8} {steps:4} steps  {bits_per_dim:.4f} (se {standard_error:.4f})".format(**table[-1]))
    facts = {
        "checkpoint": str(args.checkpoint),
        "images": len(images),
        "noise": args.noise,
        "solver": model.solver,
        "seed": VALIDATION_SEED,
        "rows": table,
    }
    with replacing(args.out) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
