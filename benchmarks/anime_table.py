"""What each loss and each training tip is worth on anime faces: one matched table.

    python benchmarks/anime_table.py --data ANIME --updates 5000 --seeds 0,1,2 --out runs/anime_table
    python benchmarks/anime_table.py --data ANIME --updates 5000 --systems tips --out runs/tips_table
    python benchmarks/anime_table.py --data ANIME --minutes 60 --seeds 0,1,2 --out runs/anime_minutes

Every system gets the same data and batch size, and as much training: as many minutes (for which each must have the
machine, or as many of its cores, to itself), as many batches, so images, or as many generator updates; a Wasserstein
critic sees five batches for each of these, so its images are counted too. Tested as any model is, by `lit-gans test`:
last checkpoint, Frechet and kernel distance to the training faces in the features of the named extractor, faces counted
if --cascade is given. What is finished in --out is not trained again, and what was interrupted goes on. At the end
`losses.png` or `tips.png` there shows the grid of every test, a row a system and a column a seed.

The tips' first row is the DCGAN as it is; each other row departs from it in one tip. They keep no averaged weights;
`--options "--model.ema_decay 0.999"` compares with less noise.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import torch
from PIL import Image
from runs import Row, collect, newest, train_and_test
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from lit_gans.errors import InputError
from lit_gans.metrics.face_count import CascadeDetector
from lit_gans.pictures import labelled_grid, save_picture

# The DCGAN as it is follows the first five tips and none of the others: one training of it is the other side of each.
FOLLOWED = (1, 2, 3, 4, 5)
NOT_FOLLOWED = (6, 9, 13, 14, 17)
# Relativistic pairs with a lazy R1 and differentiable augmentation on the DCGAN's networks: gan.md's recipe for little
# data, without BatchNorm in the discriminator as the penalty wants it.
SHARED = "--model.betas [0.0,0.99] --model.decay_from 0.5 --model.augment [translation,cutout] --data.flip true".split()
RECIPE = (*SHARED, *"--model.objective rpgan --model.norm none --model.dropout 0".split())
R1 = "[{where: real, target: zero, weight: 0.5, every: 8}]"
# The same generator against a discriminator in frozen ImageNet features (needs the extra `features`).
PROJECTED = (*SHARED, *"--model.objective hinge --model.projected 64".split())


@dataclass(frozen=True)
class Entry:
    """A line of the table: a config, what is changed of it, and the batches for one generator update."""

    name: str
    config: str
    options: tuple[str, ...] = ()
    batches: int = 1


LOSSES = (
    Entry("DCGAN", "dcgan_anime"),
    Entry("LSGAN", "lsgan_anime"),
    Entry("WGAN", "wgan_anime", batches=5),
    Entry("WGAN-GP", "wgan_gp_anime", batches=5),
    Entry("recipe", "dcgan_anime", (*RECIPE, "--model.penalties", R1)),
    Entry("projected", "dcgan_anime", PROJECTED),
    Entry("best", "gan_anime"),
)
NO_AVERAGE = ("--model.ema_decay", "0")  # it would hide what a tip does


def tip(number: int) -> Entry:
    """The DCGAN without a tip that it follows, or with one that it does not."""
    kind = "without" if number in FOLLOWED else "with"
    return Entry(f"{kind} tip {number}", "dcgan_anime", ("--config", f"tips/tip_{number:02d}", *NO_AVERAGE))


TIPS = (Entry("tips 1 to 5", "dcgan_anime", NO_AVERAGE), *(tip(number) for number in (*FOLLOWED, *NOT_FOLLOWED)))
SYSTEMS = {"losses": LOSSES, "tips": TIPS}


def train_and_compare(entry: Entry, seed: int, args: argparse.Namespace) -> Row:
    """The row of one training."""
    fit = ["--config", entry.config, *entry.options, "--data.root", str(args.data), "--seed_everything", str(seed)]
    fit += [*budget(entry, args), *args.options.split()]
    test = ["--data.root", str(args.data), "--score.extractor", args.extractor]
    test += ["--score.face_cascade", str(args.cascade)] if args.cascade else []
    report = train_and_test(run_name(entry, seed), args.out, fit, test)
    facts = {key: report.get(key) for key in ("face_count", "images_seen", "minutes")}
    quality = next(iter(report["quality"].values()))  # to the set that the test compares with first
    return {"system": entry.name, "seed": seed, "quality": quality, **facts}


def budget(entry: Entry, args: argparse.Namespace) -> list[str]:
    """The options that end a training."""
    if args.minutes is not None:
        hours, minutes = divmod(args.minutes, 60)
        return ["--trainer.max_steps", "-1", "--trainer.max_time", f"00:{hours:02}:{minutes:02}:00"]
    batches = args.batches if args.batches is not None else args.updates * entry.batches
    return ["--trainer.max_steps", str(batches)]


def run_name(entry: Entry, seed: int) -> str:
    return f"{entry.name.replace(' ', '_')}_seed{seed}"


def grids(entries: Sequence[Entry], seeds: Sequence[int], out: Path) -> Tensor:
    """The pictures of all tests in one, uint8 (3, H, W)."""
    pictures = []
    for entry, seed in product(entries, seeds):
        folder = out / f"{run_name(entry, seed)}_test"
        file = newest(folder, "samples.png")
        if file is None:
            raise SystemExit(f"{folder}: its samples.png is gone, so the grids are not drawn; the table is complete")
        pictures.append(pil_to_tensor(Image.open(file)) / 127.5 - 1)
    return labelled_grid(torch.stack(pictures), [entry.name for entry in entries], [f"seed {seed}" for seed in seeds])


def table(rows: dict[str, Row]) -> str:
    """Markdown, a line a system: means over its seeds, with the standard deviation where there are several."""
    lines = [
        "| system | seeds | images | minutes | Frechet distance | kernel distance | nearest | faces |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for system in dict.fromkeys(row["system"] for row in rows.values()):
        runs = [row for row in rows.values() if row["system"] == system]
        frechet = spread([row["quality"]["frechet_distance"] for row in runs], 3)
        kernel = spread([row["quality"]["kernel_distance"]["mean"] for row in runs], 5)
        nearest = spread([row["quality"]["diversity"]["nearest"] for row in runs], 2)
        faces = spread([row["face_count"]["mean"] for row in runs if row["face_count"]], 1)
        images, minutes = (statistics.fmean(row[key] for row in runs) for key in ("images_seen", "minutes"))
        lines.append(
            f"| {system} | {len(runs)} | {images:,.0f} | {minutes:.1f} | {frechet} | {kernel} | {nearest} | {faces} |"
        )
    quality = next(iter(rows.values()))["quality"]
    lines += ["", f"Extractor {quality['extractor']}, {quality['resizer']}, {quality['image_size']} px, "]
    lines[-1] += f"{quality['real']:,} real and {quality['fake']:,} generated pictures. nearest: diversity, real = 1."
    return "\n".join(lines) + "\n"


def spread(values: list[float], digits: int) -> str:
    """'mean (sd s)', 'mean' of a single value, '-' of none."""
    if not values:
        return "-"
    mean = f"{statistics.fmean(values):.{digits}f}"
    return f"{mean} (sd {statistics.stdev(values):.{digits}f})" if len(values) > 1 else mean


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="ANIME", help="folder of the anime layout")
    parser.add_argument("--systems", choices=SYSTEMS, default="losses")
    parser.add_argument("--only", default="", help="names of some of them, such as 'DCGAN,WGAN-GP'")
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument("--minutes", type=int, help="of each training")
    ends.add_argument("--batches", type=int, help="of each training")
    ends.add_argument("--updates", type=int, default=5000, help="generator updates of each training")
    parser.add_argument("--seeds", default="0", help="such as 0,1,2")
    parser.add_argument("--extractor", default="random-conv-v1", help="name or file")
    parser.add_argument("--cascade", type=Path, metavar="FILE", help="of the face detector")
    parser.add_argument("--out", type=Path, default=Path("runs/anime_table"), metavar="DIR")
    parser.add_argument("--options", default="", help="more options for every fit, in one string")
    args = parser.parse_args(arguments)
    only = [name.strip() for name in args.only.split(",") if name.strip()]
    entries = [entry for entry in SYSTEMS[args.systems] if not only or entry.name in only]
    if unknown := set(only) - {entry.name for entry in entries}:
        parser.error(f"--only: no system is called {', '.join(sorted(unknown))}")
    if args.cascade:
        try:
            CascadeDetector(args.cascade)  # not only after the first training
        except InputError as error:
            parser.error(f"--cascade: {error}")
    seeds = [int(part) for part in args.seeds.split(",")]
    jobs = {
        f"{entry.name} seed {seed}": partial(train_and_compare, entry, seed, args)
        for seed in seeds
        for entry in entries
    }
    collect(jobs, args.out, args.systems, table)
    save_picture(grids(entries, seeds, args.out), args.out / f"{args.systems}.png")


if __name__ == "__main__":
    main()
