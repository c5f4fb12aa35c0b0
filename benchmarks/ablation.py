"""What each part of the conditional GAN is worth: from the report's cDCGAN on, one thing is added at a time.

    python benchmarks/ablation.py --data DIR --evaluator FILE --images 200000 --out runs/ablation

Every rung is trained on the same number of images with the same seed, by `lit-gans fit`, and scored as any model is, by
`lit-gans test`: mean of 10 draws, last checkpoint, averaged weights. A rung that is finished in --out is not trained
again, and one that was interrupted goes on from its last checkpoint, so the script can be started as often as it takes.
It writes `ablation.json` and `ablation.md` after each rung.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lit_gans.files import replacing

BATCH = 64
LISTS = ("test", "new_test")
WHOLE = ["--model.drawing", "whole", "--model.augment", "[]", "--data.flip", "false", "--model.decay_from", "null"]


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
        ("+ object layers", ["--model.drawing", "objects"]),
        ("+ learning-rate decay (the config)", ["--model.decay_from", "0.5"]),
        ("+ wrong-label pairs", ["--model.wrong_labels", "0.5"]),
        ("+ translation and cutout", ["--model.augment", "[translation, cutout]"]),
    ]
    rungs = [Rung("report's cDCGAN, 4:1", "cdcgan_iclevr")]
    options: tuple[str, ...] = ()
    for name, added in steps:
        options = (*options, *added)
        rungs.append(Rung(name, conditional, options))
    return rungs


def train_and_score(rung: Rung, number: int, args: argparse.Namespace) -> dict[str, Any]:
    """The rung's row: scores by list, minutes, images."""
    name = f"rung_{number}"
    common = ["--run_name", name, "--trainer.default_root_dir", str(args.out), "--data.root", str(args.data)]
    checkpoint = newest(args.out / name, "checkpoints/last.ckpt")
    steps = str(args.images // BATCH)
    start = time.perf_counter()
    lit_gans(
        *["fit", "--config", rung.config, *rung.options, *args.options.split(), *common, "--wandb", "off"],
        *["--data.batch_size", str(BATCH), "--trainer.max_steps", steps, "--trainer.max_epochs", "-1"],
        *(["--ckpt_path", str(checkpoint)] if checkpoint else []),
    )
    minutes = (time.perf_counter() - start) / 60
    checkpoint = newest(args.out / name, "checkpoints/last.ckpt")
    common[1] = f"{name}_test"
    lit_gans("test", "--ckpt_path", str(checkpoint), *common, "--model.evaluator", str(args.evaluator))
    scores = json.loads(required(newest(args.out / f"{name}_test", "scores.json")).read_text())
    facts = {key: scores[key] for key in ("images_seen", "evaluators")}
    lists = {name: scores[name][args.evaluator.name] for name in LISTS}
    return {
        "rung": rung.name,
        **facts,
        "minutes_of_the_last_start": round(minutes, 1),
        **{name: {key: draws[key] for key in ("mean", "std")} for name, draws in lists.items()},
    }


def lit_gans(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "lit_gans.cli", *arguments], check=True)


def newest(folder: Path, pattern: str) -> Path | None:
    found = sorted(folder.glob(f"version_*/{pattern}"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def required(path: Path | None) -> Path:
    if path is None:
        raise SystemExit("ablation: the run left no scores; its messages are above")
    return path


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, a line a rung."""
    lines = ["| system | images | test | new_test |", "|---|---|---|---|"]
    for row in rows:
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
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / "ablation.json"
    done: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    rungs = ladder()
    for number in [int(part) for part in args.rungs.split(",") if part] or range(len(rungs)):
        if str(number) in done:
            continue
        done[str(number)] = train_and_score(rungs[number], number, args)
        with replacing(file) as temporary:
            temporary.write_text(json.dumps(done, indent=2) + "\n")
        with replacing(args.out / "ablation.md") as temporary:
            temporary.write_text(table([done[key] for key in sorted(done, key=int)]))
    print((args.out / "ablation.md").read_text(), end="")


if __name__ == "__main__":
    main()
