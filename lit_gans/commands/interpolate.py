"""`lit-gans interpolate CKPT`: the pictures between pairs of pictures, through the latents of a flow."""

from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path

from lit_gans.commands.flow_data import add_common_arguments
from lit_gans.commands.numbers import at_least

# Pairs are drawn from this many held-out pictures.
POOL = 1000


def add_arguments(parser: ArgumentParser) -> None:
    add_common_arguments(parser, "interpolation.png")
    parser.add_argument("--pairs", type=partial(at_least, 1), default=3, help="rows of the grid (default 3)")
    parser.add_argument(
        "--steps", type=partial(at_least, 2), default=8, help="pictures a pair, both ends included (default 8)"
    )
    parser.add_argument(
        "--mode",
        choices=("lerp", "slerp"),
        default="lerp",
        help="straight (default), or along the great circle",
    )
    parser.add_argument("--seed", type=int, default=0, help="which held-out pictures of the run's data (default 0)")
    parser.add_argument(
        "--image",
        type=Path,
        action="append",
        metavar="FILE",
        help="your own pictures instead: give it twice for each pair",
    )


def run(args: Namespace) -> int:
    import torch

    from lit_gans.commands.flow_data import data_of_run, load_encoder, read_images
    from lit_gans.errors import InputError
    from lit_gans.files import check_picture
    from lit_gans.pictures import labelled_grid, save_picture
    from lit_gans.training.seeding import generator_of

    check_picture(args.out)
    model = load_encoder(args.checkpoint, args.device)
    if args.image:
        if len(args.image) % 2:
            raise InputError(f"--image was given {len(args.image)} times; an interpolation needs pairs")
        images = read_images(args.image, model.image_size, model.channels)
    else:
        images = data_of_run(args.checkpoint, args.data_root).preview_batch(POOL)["image"]
        order = torch.randperm(len(images), generator=generator_of(args.seed))
        if len(order) < 2 * args.pairs:
            raise InputError(f"--pairs {args.pairs}: there are only {len(order)} held-out pictures; give fewer")
        images = images[order[: 2 * args.pairs]]
    ways = model.interpolate(images[::2], images[1::2], args.steps, args.mode)
    rows = [f"pair {i + 1}" for i in range(len(ways))]
    columns = [f"{share:.2f}" for share in torch.linspace(0, 1, args.steps).tolist()]
    save_picture(labelled_grid(ways.flatten(0, 1), rows, columns), args.out)
    print(f"wrote {args.out}: {len(rows)} pair(s), {args.steps} pictures each, the first and last are the given ones")
    return 0
