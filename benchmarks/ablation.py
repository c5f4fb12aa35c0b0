"""What each part of the conditional GAN is worth: from the report's cDCGAN on, one thing is added at a time.

    python benchmarks/ablation.py --data DIR --evaluator FILE --images 200000 --out runs/ablation

Every rung is trained on the same number of images with the same seed, by `lit-gans fit`, and scored as any model is, by
`lit-gans test`: mean of 10 draws, last checkpoint, averaged weights. A rung that is finished in --out is not trained
again, and one that was interrupted goes on from its last checkpoint, so the script can be started as often as it takes.
It writes `ablation.json` and `ablation.md` after each rung.
"""

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runs import Row, collect, train_and_test

BATCH = 64
LISTS = ("test", "new_test")
WHOLE = [
    "--model.architecture",
    "modulated",
    "--model.augment",
    "[]",
    "--data.flip",
    "false",
    "--model.decay_from",
    "null",
]


@dataclass(frozen=True)
class Rung:
    """One system: what it adds to the one before, and how it is trained."""

    name: str
    config: str
    options: tuple[str, ...] = ()


def ladder() -> list[Rung]:
    """The rungs, each with the options of those below it."""
    conditional = "conditional_gan_iclevr"
    steps: list[tuple[str, list[str]]] = [
        (
            "projection discriminator, modulated generator, 1:1",
            [*WHOLE, *"--model.objective bce --model.auxiliary 0 --model.penalties null".split()],
        ),
        ("+ auxiliary head, weight 10", ["--model.auxiliary", "10"]),
        ("+ lazy R1", ["--model.penalties", "[{where: real, target: zero, weight: 0.5, every: 8}]"]),
        ("+ relativistic pairs", ["--model.objective", "rpgan"]),
        ("+ flips", ["--data.flip", "true"]),
        ("+ object layers", ["--model.architecture", "object_layers"]),
        ("+ learning-rate decay", ["--model.decay_from", "0.88"]),
        ("+ translation of half of the images (the config)", ["--model.augment", "[translation]"]),
        ("+ wrong-label pairs", ["--model.wrong_labels", "0.5"]),
        ("+ cutout", ["--model.augment", "[translation, cutout]"]),
    ]
    rungs = [Rung("report's cDCGAN, 4:1", "cdcgan_iclevr")]
    options: tuple[str, ...] = ()
    for name, added in steps:
        options = (*options, *added)
        rungs.append(Rung(name, conditional, options))
    return rungs


def train_and_score(rung: Rung, number: int, args: argparse.Namespace) -> Row:
    """The rung's row: score by list, minutes, images."""
    fit = ["--config", rung.config, *rung.options, *args.options.split(), "--data.root", str(args.data)]
    fit += ["--data.batch_size", str(BATCH), "--trainer.max_steps", str(args.images // BATCH)]
    test = ["--data.root", str(args.data), "--score.evaluator", str(args.evaluator)]
    scores = train_and_test(f"rung_{number}", args.out, [*fit, "--trainer.max_epochs", "-1"], test)
    facts = {key: scores[key] for key in ("images_seen", "minutes", "evaluators", "extra_objects", "quality")}
    return {"rung": rung.name, **facts, **{name: scores["object_score"][name][args.evaluator.name] for name in LISTS}}


def table(rows: dict[str, Row]) -> str:
    """Markdown, a line a rung."""
    lines = ["| system | images | test | new_test |", "|---|---|---|---|"]
    for number in sorted(rows, key=int):
        row = rows[number]
        scores = [f"{row[name]['mean']:.3f} (sd {row[name]['std']:.3f})" for name in LISTS]
        lines.append(f"| {row['rung']} | {row['images_seen']:,} | {' | '.join(scores)} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the iCLEVR layout")
    parser.add_argument("--evaluator", type=Path, required=True, metavar="FILE")
    parser.add_argument("--images", type=int, default=200_000, help="training images of each rung")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"), metavar="DIR")
    parser.add_argument("--rungs", default="", help="numbers of those to run, such as 0,5,6; all by default")
    parser.add_argument("--options", default="", help="more options for every fit, in one string")
    args = parser.parse_args(arguments)
    rungs = ladder()
    numbers = [int(part) for part in args.rungs.split(",") if part] or range(len(rungs))
    jobs = {str(number): partial(train_and_score, rungs[number], number, args) for number in numbers}
    collect(jobs, args.out, "ablation", table)


if __name__ == "__main__":
    main()
