"""``lit-gans data``: check a data folder, write it as shards, or render one."""

import argparse
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from lit_gans.commands.numbers import at_least

POSITIVE = partial(at_least, 1)

# Layouts with a report of their own -> the module whose `check(folder, images)` gives it; the others share one.
OWN_REPORT = {"iclevr": "data_modules.iclevr_check", "anime": "data_modules.anime_check"}
CHECKED = (*OWN_REPORT, "celeba", "unpaired", "folder")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands ``check``, ``shard``, ``render-iclevr``, ``render-animals`` and ``render-faces``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="TASK")

    check = actions.add_parser("check", help="read and decode a whole data folder and report what is wrong")
    check.add_argument("kind", choices=CHECKED, help="the layout the folder should have")
    check.add_argument("folder", type=Path, metavar="DIR", help="folder of the data set")
    check.add_argument("--images", metavar="FOLDER", help="folder of the images; found by itself under its usual names")

    shard = actions.add_parser("shard", help="write a folder of pictures as shards, which are streamed")
    shard.add_argument("folder", type=Path, metavar="DIR", help="folder of pictures, with or without labels")
    shard.add_argument("out", type=Path, metavar="OUT", help="new folder; --data.root OUT then trains from it")
    shard.add_argument("--image-size", type=POSITIVE, default=64, help="pixels a side (default: %(default)s)")
    shard.add_argument("--channels", type=int, choices=(3, 1), default=3, help="1 for grey (default: %(default)s)")
    shard.add_argument("--fit", choices=("crop", "pad", "squash"), default="crop", help="of pictures not square")
    shard.add_argument("--labels", default="auto", help="auto, folders, none, or a file (default: %(default)s)")
    shard.add_argument("--val-fraction", type=float, default=0.05, metavar="SHARE", help="held out (default: 0.05)")
    shard.add_argument("--seed", type=int, default=0, help="of the order and of what is held out (default: 0)")
    shard.add_argument("--pictures", type=POSITIVE, default=10_000, help="in a shard (default: %(default)s)")

    render = actions.add_parser("render-iclevr", help="render a data set of the iCLEVR layout")
    render.add_argument("folder", type=Path, metavar="DIR", help="folder to write to")
    render.add_argument("--scenes", type=POSITIVE, required=True, metavar="N", help="scenes, of three images each")
    render.add_argument("--size", type=POSITIVE, default=64, help="pixels a side (default: %(default)s)")
    render.add_argument("--seed", type=int, default=0, help="the same seed gives the same images (default: 0)")
    render.add_argument(
        "--zoom", type=float, default=1.0, help="1 to 2: larger objects for small pictures (default: 1)"
    )
    render.add_argument("--workers", type=POSITIVE, metavar="K", help="processes (default: one a core)")

    animals = actions.add_parser("render-animals", help="render plain (A) and striped (B) animals, for CycleGAN")
    animals.add_argument("folder", type=Path, metavar="DIR", help="folder to write trainA, trainB, testA, testB to")
    animals.add_argument("--train", type=POSITIVE, default=1000, metavar="N", help="of each (default: %(default)s)")
    animals.add_argument("--test", type=POSITIVE, default=100, metavar="N", help="of each (default: %(default)s)")
    animals.add_argument("--size", type=POSITIVE, default=64, help="pixels a side (default: %(default)s)")
    animals.add_argument("--seed", type=int, default=0, help="the same seed gives the same images (default: 0)")

    faces = actions.add_parser("render-faces", help="draw faces with eight attributes, in the layout of CelebA")
    faces.add_argument("folder", type=Path, metavar="DIR", help="folder to write to")
    faces.add_argument("--faces", type=POSITIVE, required=True, metavar="N", help="how many")
    faces.add_argument("--size", type=POSITIVE, default=64, help="pixels a side (default: %(default)s)")
    faces.add_argument("--seed", type=int, default=0, help="the same seed gives the same images (default: 0)")


def run(args: argparse.Namespace) -> int:
    """Do what was asked; the exit code is 1 if a check finds a fault, else 0."""
    if args.action == "check":
        report = _report(args.kind, args.folder, args.images)
        # names of files that this terminal's encoding has no letters for
        encoding = sys.stdout.encoding or "utf-8"
        print(str(report).encode(encoding, "backslashreplace").decode(encoding))
        return 0 if report.ok else 1

    if args.action == "shard":
        from data_modules.datasets.image_folder import ImageFolderData
        from data_modules.shard_writer import write_shards

        options = {name: getattr(args, name) for name in ("image_size", "channels", "fit", "labels", "seed")}
        facts = write_shards(
            ImageFolderData(str(args.folder), val_fraction=args.val_fraction, **options), args.out, args.pictures
        )
        parts = ", ".join(f"{count:,} for {part}" for part, count in facts.parts.items())
        print(f"wrote {args.out}: {parts}; train with --data.root {args.out} --data.image_size {args.image_size}")
        return 0

    if args.action == "render-animals":
        from data_modules.rendered import animals

        animals.write_dataset(args.folder, args.train, args.test, size=args.size, seed=args.seed, progress=True)
        return 0

    if args.action == "render-faces":
        from data_modules.rendered import faces

        faces.write_dataset(args.folder, args.faces, size=args.size, seed=args.seed, progress=True)
        return 0

    from data_modules.rendered.scenes import write_dataset

    write_dataset(
        args.folder, args.scenes, size=args.size, seed=args.seed, zoom=args.zoom, workers=args.workers, progress=True
    )
    return 0


def _report(kind: str, folder: Path, images: str | None) -> Any:
    if kind in OWN_REPORT:
        return import_module(OWN_REPORT[kind]).check(folder, images)
    from data_modules.check import check

    return check(kind, folder, images)
