"""Training from a flat folder (`ImageFolder`) beside training through the data set's own module (`AnimeFaces`).

    python benchmarks/folder_speed.py ANIME --out folder_speed.json

A small DCGAN, so that data count, is trained through each of them in turn, in one process. Images a second, and images
a second of the process's processor time, which other programs on the machine change little; the ratios are those of
`ImageFolder` to `AnimeFaces`, the median over the rounds. Building the array files is not measured: it comes first.
"""

import argparse
import json
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L

import lit_gans
from data_modules.anime_faces import AnimeFaces
from data_modules.base import ImageDataModule
from data_modules.image_folder import ImageFolder

WIDTH, LATENTS = 8, 100


class Clock(L.Callback):
    """Seconds, and the process's own, from the end of one batch to that of another."""

    def __init__(self, first: int, last: int) -> None:
        self.batches = (first, last)
        self.marks: list[tuple[float, float]] = []

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        if trainer.global_step in self.batches:
            self.marks.append((time.perf_counter(), time.process_time()))

    def elapsed(self) -> tuple[float, float]:
        (wall, own), (wall_end, own_end) = self.marks
        return wall_end - wall, own_end - own


def speeds(data: ImageDataModule, batches: int, warmup: int) -> dict[str, float]:
    """Images a second of one training, by the clock and by the processor."""
    clock = Clock(warmup, warmup + batches)
    L.seed_everything(0, verbose=False)
    model = lit_gans.DCGAN(image_size=data.image_size, width=WIDTH, latent_dim=LATENTS)
    quiet: dict[str, Any] = {name: False for name in ("logger", "enable_checkpointing", "enable_progress_bar")}
    trainer = L.Trainer(
        max_steps=warmup + batches, limit_val_batches=0, callbacks=[clock], enable_model_summary=False, **quiet
    )
    trainer.fit(model, data)
    wall, own = clock.elapsed()
    images = batches * data.batch_size
    return {"images_per_second": images / wall, "images_per_processor_second": images / own}


def main(args: Sequence[str] | None = None) -> None:
    from throughput import Setup, machine

    from lit_gans.files import replacing

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, metavar="ANIME", help="folder with faces/")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--out", type=Path, metavar="FILE.json", required=True)
    given = parser.parse_args(args)
    if min(given.rounds, given.batches, given.warmup) < 1:
        parser.error("--rounds, --batches and --warmup must be at least 1")
    sizes = {"image_size": given.image_size, "batch_size": given.batch_size, "flip": True}
    with tempfile.TemporaryDirectory() as cache:
        makes = {
            "ImageFolder": lambda: ImageFolder(str(given.root / "faces"), labels="none", cache_dir=cache, **sizes),
            "AnimeFaces": lambda: AnimeFaces(str(given.root), cache_dir=cache, **sizes),
        }
        pictures = {name: len(make().paths()) for name, make in makes.items()}
        for make in makes.values():
            speeds(make(), 1, 1)  # builds the array file
        rounds = [
            {name: speeds(make(), given.batches, given.warmup) for name, make in makes.items()}
            for _ in range(given.rounds)
        ]
    figures = list(rounds[0]["ImageFolder"])
    ratios = {
        figure: statistics.median(row["ImageFolder"][figure] / row["AnimeFaces"][figure] for row in rounds)
        for figure in figures
    }
    content = {
        "machine": machine(Setup("cpu", 1, 0, 0, None, None, model={})) | {"precision": "32-true"},
        "pictures": pictures,
        "model": f"DCGAN of width {WIDTH}, {given.image_size} px, batches of {given.batch_size}",
        "batches": given.batches,
        "rounds": rounds,
        "ImageFolder / AnimeFaces": ratios,
    }
    with replacing(given.out) as file:
        file.write_text(json.dumps(content, indent=2) + "\n")
    for figure, ratio in ratios.items():
        print(f"{figure}: ImageFolder / AnimeFaces {ratio:.3f}")


if __name__ == "__main__":
    # of this process alone: a test that calls main leaves the messages of others as they are
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    main()
