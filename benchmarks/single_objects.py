"""Whether each class of objects is drawn in its variety: single objects, cut out, generated against real.

    python benchmarks/single_objects.py CKPT [CKPT ...] --data DIR --out DIR

A whole picture is mostly background, so neither the object score nor the diversity of whole pictures sees a class of
objects that has become one blurred shape. Here a picture holds one object, which stands in the middle, and only the
16x16 pixels around it are compared. Writes `single_objects.json` and, for each checkpoint, a picture: a row a class.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

import lit_gans
from data_modules.iclevr import ICLEVR
from data_modules.loader import to_float
from lit_gans.files import replacing
from lit_gans.metrics.diversity import Diversity
from lit_gans.metrics.extractors import Extractor, random_conv
from lit_gans.metrics.frechet import FrechetDistance
from lit_gans.pictures import labelled_grid, save_picture

SIZE = 64
SEED = 0
SHOWN, ENLARGED = 10, 3  # pictures in a row, and how many times their size


def cut_out(images: Tensor) -> Tensor:
    """The surroundings of the object, (N, 3, 16, 16), of pictures (N, 3, 64, 64)."""
    return images[:, :, 20:36, 24:40]


def real_objects(data: ICLEVR, count: int) -> dict[str, Tensor]:
    """For each object name, at most `count` cut-outs of training pictures that hold nothing else."""
    conditions, paths = data.conditions(), data.paths()
    array = data.memory_map(paths)
    objects = {}
    for index, name in enumerate(data.class_names):
        rows = ((conditions[:, index] == 1) & (conditions.sum(dim=1) == 1)).nonzero().flatten()[:count]
        if len(rows) > 1:
            objects[name] = cut_out(to_float(torch.from_numpy(array[rows.numpy()])))
    if not objects:
        raise SystemExit(f"{data.root}: no object stands alone in two pictures; there is no variety to compare with")
    return objects


def figures(real: dict[str, Tensor], drawn: dict[str, Tensor], extractor: Extractor) -> dict[str, float]:
    """Diversity within a class, 1 being the real pictures' of that class: the mean over each shape's classes; and the
    Frechet distance of all cut-outs."""
    spreads: dict[str, list[float]] = {}
    frechet = FrechetDistance(extractor.num_features)
    for name in real:
        diversity = Diversity(extractor.num_features)
        for images, is_real in ((real[name], True), (drawn[name], False)):
            features = extractor(images)
            diversity.update(features, real=is_real)
            frechet.update(features, real=is_real)
        spreads.setdefault(name.split()[-1], []).append(diversity.compute()["spread"].item())
    means = {f"diversity_{shape}": sum(values) / len(values) for shape, values in sorted(spreads.items())}
    return {**means, "frechet": frechet.compute().item()}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, nargs="+", metavar="CKPT")
    parser.add_argument("--data", required=True, metavar="DIR", help="folder of the iCLEVR layout")
    parser.add_argument("--count", type=int, default=64, help="pictures of a class, real and generated (default 64)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    extractor = random_conv()
    real = real_objects(ICLEVR(args.data, image_size=SIZE), args.count)
    rows = []
    for number, checkpoint in enumerate(args.checkpoints):
        model = lit_gans.load(checkpoint)
        drawn = {name: cut_out(model.sample([[name]], n=len(real[name]), seed=SEED).cpu()) for name in real}
        rows.append({"checkpoint": checkpoint.name, **figures(real, drawn, extractor)})
        print("  ".join(f"{key} {value:.3f}" if isinstance(value, float) else value for key, value in rows[-1].items()))
        shown = min(SHOWN, *map(len, drawn.values()))
        some = interpolate(torch.cat([images[:shown] for images in drawn.values()]), scale_factor=ENLARGED)
        save_picture(labelled_grid(some, rows=list(drawn)), args.out / f"single_objects_{number}.png")
    facts = {"extractor": extractor.name, "seed": SEED, "count": args.count, "rows": rows}
    with replacing(args.out / "single_objects.json") as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
