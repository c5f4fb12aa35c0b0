"""Does a CycleGAN learn to put stripes on animals, and nothing but the animals?

    python benchmarks/stripes.py --minutes 15 --out runs/stripes
    python benchmarks/stripes.py --checkpoint CKPT --test-seed 1 --out runs/scored

Renders plain and striped animals, trains a classifier that tells them apart, trains the CycleGAN of
configs/demo/cyclegan_animals.yaml for the given time, and counts how many of the test pictures the classifier calls
zebras, untranslated and translated. The renderer knows which pixels are background, so what the translation changes
there is measured too. The second command scores a CycleGAN that is trained already, on animals of another seed: those
that no setting was compared on. Writes `stripes.json` and `stripes.png` (rows: real, translated, translated back) to
--out.

The classifier sees other pictures than the CycleGAN (another seed), in shades of grey, with changed contrast, blur and
noise: it goes by stripes, not by colours or by a generator's faint traces. It is in no loss.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

import lit_gans
from data_modules.loader import to_float
from data_modules.rendered.animals import Animal, render_animal, write_dataset
from lit_gans.cli import main as lit_gans_command
from lit_gans.configs import find_config
from lit_gans.files import replacing
from lit_gans.models.cyclegan import CycleGAN, Direction
from lit_gans.networks.contexts import inference
from lit_gans.pictures import grid, save_picture
from lit_gans.training.augment import random_flip, random_half_resolution, random_noise, random_shift

CONFIG = "demo/cyclegan_animals"
CLASSIFIER_SEED = 1_000
# The learning rates fall over the second half of a run, so its number of batches must be known when it starts.
WARMUP, TIMED = 10, 40


def animals(striped: bool, count: int, size: int, seed: int) -> list[Animal]:
    return [render_animal(striped, index, size, seed) for index in range(count)]


def images_of(some: Sequence[Animal]) -> Tensor:
    """(N, 3, H, W) in [-1, 1]."""
    return to_float(torch.from_numpy(np.stack([animal.image for animal in some])).permute(0, 3, 1, 2))


class StripeClassifier(nn.Module):
    """(B, 3, H, W) in [-1, 1] -> logit (B,), positive for stripes. Sees shades of grey only."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for after in (width, 2 * width, 4 * width):
            layers += [nn.Conv2d(before, after, 5, stride=2, padding=2), nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        self.features = nn.Sequential(*layers)
        self.to_logit = nn.Linear(before, 1)

    def forward(self, image: Tensor) -> Tensor:
        grey = image.mean(dim=1, keepdim=True)
        return self.to_logit(self.features(grey).mean(dim=(2, 3))).squeeze(1)


def changed(image: Tensor) -> Tensor:
    """The picture mirrored, moved, blurred, in another contrast and brightness, inverted or not, and noisy."""
    image = random_half_resolution(random_shift(random_flip(image), 4), 0.3)
    contrast, brightness = torch.rand(2, len(image), 1, 1, 1)
    sign = torch.where(torch.rand(len(image), 1, 1, 1) < 0.5, -1.0, 1.0)
    return random_noise(sign * image * (0.4 + 0.6 * contrast) + (brightness - 0.5) * 0.6, 0.1)


def train_classifier(size: int, count: int, steps: int = 600, batch: int = 32) -> StripeClassifier:
    """A classifier of animals with and without stripes, from `count` pictures of either kind."""
    torch.manual_seed(0)
    images = images_of([*animals(False, count, size, CLASSIFIER_SEED), *animals(True, count, size, CLASSIFIER_SEED)])
    labels = torch.arange(2 * count) >= count
    network = StripeClassifier()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(steps):
        picks = torch.randint(len(images), (batch,))
        loss = binary_cross_entropy_with_logits(network(changed(images[picks])), labels[picks].float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval().requires_grad_(False)


def share_of_zebras(classifier: StripeClassifier, images: Tensor) -> float:
    with inference(classifier):
        return (torch.cat([classifier(part) for part in images.split(64)]) > 0).float().mean().item()


def background_l1(images: Tensor, translated: Tensor, some: Sequence[Animal]) -> float:
    """Mean absolute change, of values in [-1, 1], over the pixels in which there is nothing of the animal."""
    background = torch.from_numpy(np.stack([animal.cover for animal in some])) == 0
    return (translated - images).abs().mean(dim=1)[background].mean().item()


def translate(model: CycleGAN, images: Tensor, direction: Direction) -> Tensor:
    """Through 8-bit pixels, as picture files are."""
    out = torch.cat([model.translate(part, direction) for part in images.split(32)])
    return out.add(1).mul(127.5).round().clamp(0, 255).div(127.5).sub(1)


def fit(data: Path, runs: Path, steps: int, options: Sequence[str]) -> tuple[Path, float]:
    """Trains for this many batches; the run's folder and the seconds it took, imports and all."""
    arguments = ["fit", "--config", CONFIG, "--data.root", str(data), "--trainer.default_root_dir", str(runs)]
    arguments += ["--trainer.max_epochs", "-1", "--trainer.max_steps", str(steps), "--wandb", "off", *options]
    start = time.perf_counter()
    if (code := lit_gans_command(arguments)) != 0:
        raise SystemExit(code)
    seconds = time.perf_counter() - start
    return max((runs / Path(CONFIG).name).glob("version_*"), key=lambda folder: folder.stat().st_mtime), seconds


def batches_in(seconds: float, data: Path, options: Sequence[str]) -> int:
    """How many batches this machine trains in this time, measured on a few."""
    with tempfile.TemporaryDirectory() as folder:
        quiet = [*options, "--samples.every", "1000000"]
        _, short = fit(data, Path(folder), WARMUP, quiet)
        _, long = fit(data, Path(folder), WARMUP + TIMED, quiet)
    return max(1, int(seconds / ((long - short) / TIMED)))


def scores(
    model: CycleGAN, classifier: StripeClassifier, test: dict[bool, list[Animal]]
) -> tuple[dict[str, Any], Tensor]:
    """The figures, and pictures in rows: real, translated, translated back; first of plain, then of striped animals."""
    plain, striped = images_of(test[False]), images_of(test[True])
    zebras, horses = translate(model, plain, "a2b"), translate(model, striped, "b2a")
    figures = {
        "seen_as_zebra": {
            "plain": share_of_zebras(classifier, plain),
            "plain_translated": share_of_zebras(classifier, zebras),
            "striped": share_of_zebras(classifier, striped),
            "striped_translated": share_of_zebras(classifier, horses),
        },
        "background_l1": {
            "a2b": background_l1(plain, zebras, test[False]),
            "b2a": background_l1(striped, horses, test[True]),
        },
    }
    shown = 8
    rows = [plain[:shown], zebras[:shown], translate(model, zebras[:shown], "b2a")]
    rows += [striped[:shown], horses[:shown], translate(model, horses[:shown], "a2b")]
    return figures, grid(torch.cat(rows), per_row=shown)


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0, help="for training the CycleGAN (default 15)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--train", type=int, default=1000, help="training pictures of either kind (default 1000)")
    parser.add_argument("--test", type=int, default=200, help="test pictures of either kind (default 200)")
    parser.add_argument("--steps", type=int, help="batches to train for, instead of as many as the minutes allow")
    parser.add_argument("--checkpoint", type=Path, metavar="CKPT", help="score this CycleGAN instead of training one")
    parser.add_argument("--test-seed", type=int, default=0, help="of the animals to score with (default 0)")
    parser.add_argument("options", nargs="*", help="more for lit-gans fit, after --, such as --model.width 32")
    given = parser.parse_args(args)

    if given.test_seed == CLASSIFIER_SEED:
        parser.error(f"--test-seed {CLASSIFIER_SEED}: the classifier is trained on these animals; give another")
    size = int(yaml.safe_load(find_config(CONFIG).read_text())["data"]["init_args"]["image_size"])
    given.out.mkdir(parents=True, exist_ok=True)
    classifier = train_classifier(size, given.train)
    checkpoint, training = given.checkpoint, {}
    if checkpoint is None:
        data = given.out / "animals"
        if not (data / "trainA").is_dir():
            write_dataset(data, given.train, given.test, size)
        steps = given.steps or batches_in(60 * given.minutes, data, given.options)
        run, seconds = fit(data, given.out, steps, given.options)
        checkpoint = run / "checkpoints" / "last.ckpt"
        training = {"batches": steps, "training_seconds": round(seconds, 1), "options": given.options}
    model = lit_gans.load(checkpoint)
    # write_dataset renders its test pictures first, from seed 0
    test = {kind: animals(kind, given.test, size, given.test_seed) for kind in (False, True)}
    figures, picture = scores(model, classifier, test)
    facts = {
        **figures,
        **training,
        "test_seed": given.test_seed,
        "images_seen": model.images_seen,
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "threads": torch.get_num_threads(),
            "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
            "torch": torch.__version__,
        },
    }
    with replacing(given.out / "stripes.json") as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n")
    save_picture(picture, given.out / "stripes.png")
    print(json.dumps(figures, indent=2))
    print(f"wrote stripes.json and stripes.png to {given.out}; scored {checkpoint}")


if __name__ == "__main__":
    main()
