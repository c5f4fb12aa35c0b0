"""`lit-gans edit CKPT`: a picture with more or less of an attribute, through the latents of a flow."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lit_gans.commands.flow_data import add_common_arguments
from lit_gans.commands.numbers import at_least, finite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data_modules.datasets.labelled import LabelledData
    from data_modules.loader import Batch


def add_arguments(parser: ArgumentParser) -> None:
    add_common_arguments(parser, "edit.png", "a ConditionalFlow or a ConditionalFlowMatching")
    parser.add_argument(
        "--image", type=Path, action="append", required=True, metavar="FILE", help="may be given several times"
    )
    parser.add_argument(
        "--attribute",
        action="append",
        required=True,
        metavar="NAME",
        help="a class of the run's data, such as Smiling; may be given several times, a row of the grid each",
    )
    parser.add_argument(
        "--range",
        type=finite,
        nargs=2,
        default=(-2.0, 2.0),
        metavar=("FROM", "TO"),
        help="how much of it is added; 1 is what tells pictures with it from those without (default -2 2)",
    )
    parser.add_argument("--steps", type=partial(at_least, 2), default=5, help="pictures a row (default 5)")
    parser.add_argument(
        "--examples",
        type=partial(at_least, 2),
        default=2000,
        help="training pictures that show what the attribute is (default 2000)",
    )


def run(args: Namespace) -> int:
    import torch

    from lit_gans.commands.flow_data import data_of_run, load_encoder, read_images
    from lit_gans.files import check_picture
    from lit_gans.pictures import labelled_grid, save_picture

    check_picture(args.out)
    model = load_encoder(args.checkpoint, args.device)
    for name in args.attribute:
        model.class_index(name)  # a wrong name is told before the data is read
    images = read_images(args.image, model.image_size, model.channels)
    data = data_of_run(args.checkpoint, args.data_root)
    directions = model.attribute_directions(examples(data, args.examples), args.attribute)
    amounts = torch.linspace(args.range[0], args.range[1], args.steps).tolist()
    # (images, attributes, amounts, 3, H, W)
    edited = torch.stack([model.edit(images, direction, amounts) for direction in directions], dim=1)
    rows = [name if len(images) == 1 else f"{file.stem}: {name}" for file in args.image for name in args.attribute]
    save_picture(
        labelled_grid(edited.flatten(0, 2), rows, [f"{amount:+.2g}" if amount else "0" for amount in amounts]), args.out
    )
    print(f"wrote {args.out}: a row for each of {len(rows)} edit(s), amounts {args.range[0]:g} to {args.range[1]:g}")
    return 0


def examples(data: LabelledData, count: int) -> Iterator[Batch]:
    """Batches of about `count` training pictures, scaled as in training."""
    from lit_gans.commands.progress import progress

    loader = data.train_dataloader()
    batches = min(len(loader), -(-count // data.batch_size))
    with progress("encoding", batches * data.batch_size) as advance:
        for batch, _ in zip(loader, range(batches), strict=False):
            yield data.on_after_batch_transfer(batch, 0)
            advance(data.batch_size)
