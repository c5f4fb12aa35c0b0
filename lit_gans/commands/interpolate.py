"""`lit-gans interpolate CKPT`: the pictures between random latents, or between pairs of pictures."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lit_gans.commands.flow_data import add_common_arguments
from lit_gans.commands.numbers import at_least

if TYPE_CHECKING:
    from torch import Tensor

PAIRS = 3
# Pairs of pictures are drawn from this many held-out ones.
POOL = 1000


def add_arguments(parser: ArgumentParser) -> None:
    add_common_arguments(parser, "interpolation.png", "a GAN of noise or of conditions, or of a flow")
    parser.add_argument("--pairs", type=partial(at_least, 1), help=f"rows of the grid (default {PAIRS})")
    parser.add_argument(
        "--steps", type=partial(at_least, 2), default=8, help="pictures a pair, both ends included (default 8)"
    )
    parser.add_argument(
        "--mode",
        choices=("lerp", "slerp"),
        help="straight, or along the great circle (default: slerp between Gaussian latents, lerp between pictures)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the latents, or which held-out pictures of the run's data (default 0)"
    )
    parser.add_argument(
        "--condition",
        action="append",
        metavar="NAMES",
        help='between random latents: what all pictures of a row show, such as "red cube"; a row each, where given '
        "several times",
    )
    parser.add_argument(
        "--image",
        type=Path,
        action="append",
        metavar="FILE",
        help="for a flow, between your own pictures instead of held-out ones: give it twice for each pair",
    )


def run(args: Namespace) -> int:
    import torch

    from lit_gans.commands.flow_data import encoder, loaded
    from lit_gans.errors import InputError
    from lit_gans.files import check_picture
    from lit_gans.inference.generators import LatentGenerator
    from lit_gans.pictures import labelled_grid, save_picture

    check_picture(args.out)
    if args.condition and args.image:
        raise InputError("--condition goes with random latents, and --image names pictures; give one of both")
    model = loaded(args.checkpoint, args.device)
    if isinstance(model, LatentGenerator) and not args.image:
        ways = between_latents(model, args)
    else:
        encodes = encoder(args.checkpoint, model)
        ways = between_latents(encodes, args) if args.condition else between_pictures(encodes, args)
    rows = args.condition if args.condition and len(args.condition) > 1 else [f"pair {i + 1}" for i in range(len(ways))]
    columns = [f"{share:.2f}" for share in torch.linspace(0, 1, args.steps).tolist()]
    save_picture(labelled_grid(ways.flatten(0, 1), rows, columns), args.out)
    print(f"wrote {args.out}: {len(rows)} pair(s), {args.steps} pictures each, both ends included")
    return 0


def between_latents(model: Any, args: Namespace) -> Tensor:
    """(pairs, steps, C, H, W) between random latents."""
    from lit_gans.commands.sample import asked_for
    from lit_gans.errors import InputError
    from lit_gans.inference.walks import random_latents, walk

    conditions, places = asked_for(args.condition)
    if any(places):
        raise InputError("--condition: a way between latents is told no places; leave out '@ X Y'")
    pairs = args.pairs or (len(conditions) if len(conditions) > 1 else PAIRS)
    if len(conditions) == 1:
        conditions *= pairs
    elif conditions and len(conditions) != pairs:
        raise InputError(f"--pairs {pairs}, and --condition was given {len(conditions)} times; leave out --pairs")
    latents = random_latents(model, 2 * pairs, args.seed)
    return walk(model, latents[::2], latents[1::2], args.steps, args.mode, conditions or None, args.seed)


def between_pictures(model: Any, args: Namespace) -> Tensor:
    """(pairs, steps, C, H, W) between pictures of the user's, or held-out ones."""
    import torch

    from lit_gans.commands.flow_data import data_of_run, read_images
    from lit_gans.errors import InputError
    from lit_gans.training.seeding import generator_of

    if args.image:
        if len(args.image) % 2:
            raise InputError(f"--image was given {len(args.image)} times; an interpolation needs pairs")
        images = read_images(args.image, model.image_size, model.channels)
    else:
        pairs = args.pairs or PAIRS
        images = data_of_run(args.checkpoint, args.data_root).preview_batch(POOL)["image"]
        order = torch.randperm(len(images), generator=generator_of(args.seed))
        if len(order) < 2 * pairs:
            raise InputError(f"--pairs {pairs}: there are only {len(order)} held-out pictures; give fewer")
        images = images[order[: 2 * pairs]]
    return model.interpolate(images[::2], images[1::2], args.steps, args.mode or "lerp")
