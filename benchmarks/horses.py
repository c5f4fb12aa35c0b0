"""What each part of the CPU's recipe for horses and zebras is worth: the config, and the config with one part changed.

    python benchmarks/horses.py --data DIR --evaluator JUDGE --minutes 40 --out runs/horses

All arms get the same minutes and seeds, and are tested on whole pictures of 128 px, last checkpoint. One that is
finished in --out is not trained again, and one that was interrupted goes on. The judge is evaluator_horse2zebra's, in
no loss; it knows nothing of ImageNet, which a projected discriminator does.
"""

import argparse
from functools import partial
from pathlib import Path

from runs import Row, collect, train_and_test

PENALTIES = "[{where: real, target: zero, weight: 1, every: 8}]"
# Discriminators of patches, in the place of those in a frozen network's features.
PATCHES = "--model.projected null --model.objective lsgan --model.discriminator_layers 2".split()
# Name of an arm -> what it changes in the config.
ARMS: dict[str, list[str]] = {
    "the config": [],
    "patches with spectral norm": [*PATCHES, "--model.discriminator_norm", "spectral"],
    "patches with instance norm": PATCHES,
    "patches with lazy R1": [*PATCHES, "--model.discriminator_norm", "none", "--model.penalties", PENALTIES],
    "whole generators with instance norm, autoencoders first": [
        *("--model.residual", "false", "--model.masked", "false"),
        *("--model.generator_norm", "instance", "--model.lr_generator", "2e-4"),
        *("--model.warm_start", "1000", "--model.cycle_weight", "10", "--model.cycle_weight_end", "3"),
        *("--model.identity_weight", "0.5", "--model.identity_every", "4"),
    ],
    "instance norm in the generators": ["--model.generator_norm", "instance"],
    "no masks": ["--model.masked", "false"],
    "masks, and no change added": ["--model.residual", "false"],
    "generators of rate 3e-5": ["--model.lr_generator", "3e-5"],
    "discriminators see 64 px": ["--model.projected", "64"],
    "whole pictures of 64 px, no cuts": ["--data.load_size", "64"],
    "cycle weight from 5 to 2": ["--model.cycle_weight", "5", "--model.cycle_weight_end", "2"],
    "contrast in place of the cycle": [
        *("--model.cycle_weight", "0", "--model.cycle_weight_end", "null", "--model.contrast_weight", "1")
    ],
    "identity every fourth batch": ["--model.identity_weight", "0.5", "--model.identity_every", "4"],
    "no augmentation": ["--model.augment", "null"],
    "no average": ["--model.ema_decay", "0"],
    "width 48, rate 2e-5": ["--model.width", "48", "--model.lr_generator", "2e-5"],
    "width 64, 4 blocks": ["--model.width", "64", "--model.blocks", "4"],
}
DIRECTIONS = {"a2b": "zebra", "b2a": "horse"}


def train_and_score(name: str, seed: int, args: argparse.Namespace) -> Row:
    """The row of an arm and a seed: by direction the share called the target, kernel distance, cycle L1 and change of
    the ground; minutes and images."""
    fit = ["--config", "cyclegan_horse2zebra_cpu", *ARMS[name], *args.options.split(), "--data.root", str(args.data)]
    fit += [
        "--seed_everything",
        str(seed),
        "--trainer.max_time",
        f"00:{args.minutes // 60:02}:{args.minutes % 60:02}:00",
    ]
    test = ["--data.root", str(args.data), "--score.evaluator", str(args.evaluator)]
    test += ["--data.eval_size", str(args.size)]
    scores = train_and_test(f"arm_{list(ARMS).index(name)}_{seed}", args.out, fit, test)
    row: Row = {"arm": name, "seed": seed, **{key: scores[key] for key in ("images_seen", "minutes")}}
    for direction, target in DIRECTIONS.items():
        found = scores["translation"][direction]
        called = {kind: shares[target] for kind, shares in found["called"][args.evaluator.name].items()}
        measured = {key: found[key] for key in ("kernel_distance", "untranslated", "cycle_l1", "ground_change")}
        row[direction] = {"called": called, **measured}
    return row


def table(rows: dict[str, Row]) -> str:
    """Markdown, a line an arm and seed."""
    lines = ["| arm | seed | images | called zebra | called horse | kernel distance | cycle L1 | ground |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for row in rows.values():
        there, back = (row[direction] for direction in DIRECTIONS)
        called = f"{there['called']['translated']:.3f} | {back['called']['translated']:.3f}"
        pairs = [
            f"{there['kernel_distance']['mean']:.4f} / {back['kernel_distance']['mean']:.4f}",
            *(f"{there[key]:.3f} / {back[key]:.3f}" for key in ("cycle_l1", "ground_change")),
        ]
        lines.append(f"| {row['arm']} | {row['seed']} | {row['images_seen']:,} | {called} | {' | '.join(pairs)} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with trainA, trainB, testA, testB")
    parser.add_argument(
        "--evaluator", type=Path, required=True, help="the judge: a checkpoint of evaluator_horse2zebra"
    )
    parser.add_argument("--minutes", type=int, default=40, help="of each training (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", choices=ARMS, default=list(ARMS), metavar="ARM", help="some of the arms")
    parser.add_argument("--size", type=int, default=128, help="of the test pictures (default: %(default)s)")
    parser.add_argument("--options", default="", help="of every training, beside its arm's, such as a trainer's")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(arguments)
    jobs = {
        f"{name}, seed {seed}": partial(train_and_score, name, seed, args) for seed in args.seeds for name in args.only
    }
    collect(jobs, args.out, "horses", table)


if __name__ == "__main__":
    main()
