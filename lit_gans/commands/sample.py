"""`lit-gans sample CKPT`: pictures for conditions given by name or in a tag file, or from noise alone."""

from __future__ import annotations

import sys
from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lit_gans.commands.device import add_device_argument, device_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

# x and y in shares of a picture, from the left and from the top
Point = tuple[float, float]

SQUARE = 5
# Pictures of a grid at most, where all are written one by one too.
SHOWN = 1024
# Pixels of a grid that few programs open any more.
LARGE_GRID = 100_000_000


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="written by lit-gans fit")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--condition",
        action="append",
        metavar="NAMES",
        help='what shall be in the picture, such as "red cube, blue sphere"; may be given several times; for a flow '
        'that is told places also "red cube @ 0.3 0.6": where, in shares of the picture from the left and from the top',
    )
    asked.add_argument(
        "--tags", type=Path, metavar="FILE", help="lines such as '1,blue hair red eyes': a picture each, 5 in a row"
    )
    parser.add_argument(
        "--n",
        type=int,
        help="pictures for each condition, one row of the grid (default 8; 1 with --tags); of a model without "
        "conditions, pictures in all (default 25, 5 in a row)",
    )
    parser.add_argument("--seed", type=int, default=None, help="of the noise; other pictures each time without it")
    parser.add_argument(
        "--use-ema",
        action=BooleanOptionalAction,
        default=True,
        help="the average of the weights, where there is one, instead of the trained ones",
    )
    parser.add_argument("--raw", action="store_true", help=SUPPRESS)  # of earlier versions
    parser.add_argument("--temperature", type=float, help="factor of the noise, 0 to 1 (default: the model's)")
    parser.add_argument("--guidance", type=float, help="of a flow: how much more clearly the condition shows, 0 to 3")
    parser.add_argument("--labels", action="store_true", help="write each condition beside its row")
    parser.add_argument("--out", type=Path, default=Path("grid.png"), help="grid picture (default grid.png)")
    parser.add_argument(
        "--individual",
        type=Path,
        metavar="DIR",
        help=f"also one PNG a picture, in this folder: any number of them, of which the grid shows up to {SHOWN}",
    )
    add_device_argument(parser)


def run(args: Namespace) -> int:
    import lit_gans
    from lit_gans.errors import InputError
    from lit_gans.files import check_folder, check_picture
    from lit_gans.inference.conditions import as_places
    from lit_gans.inference.sampling import ConditionalSampling, UnconditionalSampling

    check_picture(args.out)
    if args.individual:
        check_folder(args.individual)
    model = lit_gans.load(args.checkpoint, device_of(args.device))
    holds = f"{args.checkpoint} holds a {model.model_name}"
    if not isinstance(model, ConditionalSampling | UnconditionalSampling):
        raise InputError(f"{holds}, which draws no pictures from conditions")
    given = {name: getattr(args, name) for name in ("temperature", "guidance")}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    for name in options.keys() - set(model.sampling_options()):
        raise InputError(f"--{name}: {holds}, which has no {name}; leave it out")
    if args.raw:
        print("--raw is called --no-use-ema now")
    options |= {"seed": args.seed, "use_ema": args.use_ema and not args.raw}
    conditions, places = (tags_of(args.tags), []) if args.tags else asked_for(args.condition)
    if isinstance(model, UnconditionalSampling):
        if conditions or args.labels:
            raise InputError(f"{holds}, which takes no conditions; leave out --condition, --tags and --labels")
        n = SQUARE**2 if args.n is None else args.n
        write(args, model.stream(n, **options), [[]], n, f"{n} pictures", SQUARE)
        return 0
    if not conditions:
        raise InputError(f"{holds}: give --condition NAMES or --tags FILE")
    if any(places):
        if "places" not in model.sampling_options():
            raise InputError(f"{holds}, which is told no places; leave out '@ X Y' in --condition")
        options["places"] = as_places(places, model.num_classes, model.class_names)
    n = (1 if args.tags else 8) if args.n is None else args.n
    images = model.stream(conditions, n=n, **options)
    if args.tags and n == 1:
        write(args, images, conditions, n, f"{len(conditions)} pictures", SQUARE)
    else:
        write(args, images, conditions, n, f"a row of {n} for each of {len(conditions)} condition(s)")
    return 0


def write(
    args: Namespace,
    images: Iterator[Tensor],
    conditions: list[list[str]],
    n: int,
    told: str,
    per_row: int | None = None,
) -> None:
    """Writes the pictures as they are drawn, and at the end the grid.

    Args:
        images: n for each condition, in parts.
        told: what they are, in words.
        per_row: of the grid; None for a row a condition.
    """
    import torch

    from lit_gans.commands.progress import progress
    from lit_gans.pictures import grid, labelled_grid, save_picture, to_uint8

    total, rows, columns = n * len(conditions), len(conditions), n
    if args.individual and total > SHOWN:
        rows = min(rows, SHOWN)
        columns = max(1, SHOWN // rows)
        told += f", of which it shows {rows * columns}"
    per_row = per_row or columns
    done, shown = 0, []
    with progress("drawing", total) as advance:
        for part in images:
            pictures = to_uint8(part).cpu()
            if not done:
                warn_of_size(-(-rows * columns // per_row) * pictures.shape[2], per_row * pictures.shape[3])
            numbers = torch.arange(done, done + len(pictures))
            shown.append(pictures[(numbers // n < rows) & (numbers % n < columns)])
            if args.individual:
                for i, picture in zip(numbers.tolist(), pictures, strict=True):
                    save_picture(picture, args.individual / file_name(i, total, conditions[i // n]))
            done += len(pictures)
            advance(len(pictures))
    page = torch.cat(shown)
    if args.labels:
        page = labelled_grid(page, [", ".join(names) for names in conditions[:rows]])
    else:
        page = grid(page, per_row)
    save_picture(page, args.out)
    print(f"wrote {args.out}: {told}")
    if args.individual:
        print(f"wrote {total} pictures to {args.individual}")


def warn_of_size(height: int, width: int) -> None:
    if height * width > LARGE_GRID:
        print(
            f"lit-gans sample: the grid will have about {width:,} x {height:,} pixels, which few programs open; "
            f"--individual DIR writes each picture by itself, and a grid of {SHOWN:,}",
            file=sys.stderr,
        )


def file_name(number: int, total: int, names: list[str]) -> str:
    """File name of a single picture: its number and its condition."""
    digits = max(3, len(str(total - 1)))
    words = "_".join(["", *("-".join(name.lower().split()) for name in names)])
    return f"{number:0{digits}d}{words[:150]}.png"


def asked_for(texts: Sequence[str] | None) -> tuple[list[list[str]], list[dict[str, Point]]]:
    """The class names of each condition, and the places of those that have one; empty lists without conditions."""
    asked = [[split_place(part) for part in text.split(",") if part.strip()] for text in texts or ()]
    names = [[name for name, _ in objects] for objects in asked]
    return names, [{name: place for name, place in objects if place is not None} for objects in asked]


def tags_of(file: Path) -> list[list[str]]:
    """The class names of each line of a tag file."""
    from data_modules.tags import read_requests

    return [[f"{hair} hair", f"{eyes} eyes"] for hair, eyes in read_requests(file)]


def split_place(text: str) -> tuple[str, Point | None]:
    """The name and the place of "red cube @ 0.3 0.6"; of other text, which may hold an @, the name alone."""
    name, _, place = text.rpartition("@")
    try:
        x, y = map(float, place.split())
    except ValueError:
        return text.strip(), None
    return name.strip(), (x, y)
