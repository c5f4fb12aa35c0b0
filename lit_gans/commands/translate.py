"""`lit-gans translate MODEL IN_DIR OUT_DIR`: every picture of a folder through a generator of a CycleGAN."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lit_gans.commands.device import add_device_argument, device_of
from lit_gans.commands.numbers import at_least

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from PIL import Image

    from lit_gans.inference.translation import Direction

ORIENTATION = 0x0112  # EXIF tag: 1 is upright, 2 to 8 say how to turn and mirror the stored pixels


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="checkpoint of lit-gans fit, or a generator file of the authors' code"
    )
    parser.add_argument("source", type=Path, metavar="IN_DIR", help="folder of pictures of any size, with subfolders")
    parser.add_argument("target", type=Path, metavar="OUT_DIR", help="gets the translated pictures, under their names")
    parser.add_argument(
        "--direction",
        choices=("a2b", "b2a"),
        default="a2b",
        help="which generator of a checkpoint (default a2b); a generator file has one",
    )
    parser.add_argument(
        "--max-side", type=partial(at_least, 8), metavar="N", help="make larger pictures smaller first: saves memory"
    )
    parser.add_argument(
        "--tile",
        type=partial(at_least, 8),
        default=1024,
        metavar="N",
        help="pictures that are larger than N pixels go through in overlapping tiles of N, blended: bounds the memory "
        "(default %(default)s)",
    )
    add_device_argument(parser)
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace files in OUT_DIR that have the same names")
    existing.add_argument("--resume", action="store_true", help="write those alone that OUT_DIR has not yet")


def run(args: Namespace) -> int:
    from data_modules.errors import listing
    from lit_gans.commands.progress import progress

    names = pictures(args.source, args.target)
    done = check_target(args.source, args.target, names, args.overwrite, args.resume)
    names = [name for name in names if name not in done]
    translate = translator(args.model, args.direction, device_of(args.device), args.tile)
    skipped: list[str] = []
    with progress("translating", len(names)) as advance:
        for name in names:
            try:
                image, orientation = read_upright(args.source / name)
            except Exception as error:  # a broken file may raise anything; every one of them is reported
                skipped.append(f"{name}: {error or type(error).__name__}")
            else:
                if args.max_side:
                    image.thumbnail((args.max_side, args.max_side))
                write(translate(image), args.target / name, orientation)
            advance(1)
    print(
        f"wrote {len(names) - len(skipped)} pictures to {args.target}" + (f", {len(done)} were there" if done else "")
    )
    if skipped:
        print(f"skipped {len(skipped)} files that are no readable pictures:{listing(skipped)}")
    return 0 if done or len(skipped) < len(names) else 1


def pictures(source: Path, target: Path) -> list[Path]:
    """Files below the source folder, relative to it; without hidden ones, and without the target folder.

    Raises:
        InputError: no such folder, nothing in it, or the target is the same one.
    """
    from lit_gans.errors import InputError

    if source.is_file():
        raise InputError(f"{source} is a file; IN_DIR is the folder of the pictures to translate")
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; IN_DIR is the folder of the pictures to translate")
    own = target.resolve()
    if own == source.resolve():
        raise InputError(f"{target} is IN_DIR too: the pictures would be lost; name another folder")
    found = [path for path in source.rglob("*") if path.is_file() and own not in path.resolve().parents]
    names = sorted(path.relative_to(source) for path in found)
    names = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    if not names:
        raise InputError(f"{source}: holds no files; IN_DIR is the folder of the pictures to translate")
    return names


def check_target(source: Path, target: Path, names: list[Path], overwrite: bool, resume: bool) -> set[Path]:
    """The names that need not be written: with `resume` those that the target has. A file there is whole: it takes its
    name when it is finished.

    Raises:
        InputError: the target is no folder, or holds files that would be lost.
    """
    from lit_gans.errors import InputError

    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; OUT_DIR is the folder to write to")
    existing = [name for name in names if (target / name).exists()]
    if existing and not overwrite and not resume:
        raise InputError(
            f"{target} holds {len(existing)} of the {len(names)} files to write already, such as {existing[0]}; choose "
            "another folder, or give --resume for the others or --overwrite"
        )
    return set(existing) if resume else set()


def translator(
    path: Path, direction: Direction, device: torch.device, tile: int
) -> Callable[[Image.Image], Image.Image]:
    """Function that translates a picture, on this device, in tiles of at most this side.

    Raises:
        InputError: missing file, neither kind of file, or a checkpoint of another model.
    """
    import torch

    import lit_gans
    from data_modules.loader import to_float
    from lit_gans.checkpoints import read_torch_file
    from lit_gans.errors import InputError
    from lit_gans.inference.checkpoint import model_name
    from lit_gans.inference.reference import load_generator
    from lit_gans.inference.tiles import in_tiles
    from lit_gans.inference.translation import Translation
    from lit_gans.networks.contexts import inference
    from lit_gans.pictures import as_image, as_tensor, to_uint8

    if model_name(read_torch_file(path, "model")) is None:
        network = load_generator(path)
    else:
        model = lit_gans.load(path)
        if not isinstance(model, Translation):
            raise InputError(f"model {path}: is a checkpoint of {model.model_name}; expected one of CycleGAN")
        network = model.generator(direction)
    network.to(device).to(memory_format=torch.channels_last)

    def translate(image: Image.Image) -> Image.Image:
        pixels = to_float(as_tensor(image if network.channels == 3 else image.convert("L"))[None])
        with inference(network):
            return as_image(to_uint8(in_tiles(network, pixels.to(device), tile))[0])

    return translate


def read_upright(path: Path) -> tuple[Image.Image, int]:
    """Upright picture, 8-bit RGB, and the EXIF orientation of its file."""
    from PIL import Image

    from data_modules.pictures import read_rgb

    writable(path)
    with Image.open(path) as image:
        orientation = int(image.getexif().get(ORIENTATION, 1))
    return read_rgb(path), orientation


def writable(path: Path) -> str:
    """Pillow's name of the format that the file's ending stands for.

    Raises:
        ValueError: it cannot be written.
    """
    from PIL import Image

    name = Image.registered_extensions().get(path.suffix.lower())
    if name not in Image.SAVE:
        raise ValueError(f"pictures cannot be written as {path.suffix or 'files without an ending'}")
    return name


def write(image: Image.Image, path: Path, orientation: int) -> None:
    """Writes an upright picture as its source was stored: turned, with the tag that turns it back.

    Raises:
        OutputError: the file cannot be written.
    """
    from PIL import Image

    from lit_gans.files import replacing

    turns = Image.Transpose
    stored = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_90,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_270,
    }
    options: dict[str, object] = {"quality": 95, "subsampling": 0} if writable(path) in ("JPEG", "WEBP") else {}
    if orientation in stored:
        image = image.transpose(stored[orientation])
        exif = Image.Exif()
        exif[ORIENTATION] = orientation  # nothing else of the source's: its thumbnail shows another picture
        options["exif"] = exif
    with replacing(path) as temporary:
        image.save(temporary, format=writable(path), **options)
