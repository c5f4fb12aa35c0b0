"""`lit-gans sample CKPT`: pictures for conditions given by name or in a tag file, or from noise alone."""

from argparse import ArgumentParser, Namespace
from inspect import signature
from pathlib import Path

SQUARE = 5


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="written by lit-gans fit")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--condition",
        action="append",
        metavar="NAMES",
        help='what shall be in the picture, such as "red cube, blue sphere"; may be given several times',
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
    parser.add_argument("--raw", action="store_true", help="the trained weights instead of their average")
    parser.add_argument("--temperature", type=float, help="factor of the noise, 0 to 1 (default: the model's)")
    parser.add_argument("--guidance", type=float, help="of a flow: how much more clearly the condition shows, 0 to 3")
    parser.add_argument("--labels", action="store_true", help="write each condition beside its row")
    parser.add_argument("--out", type=Path, default=Path("grid.png"), help="grid picture (default grid.png)")
    parser.add_argument("--individual", type=Path, metavar="DIR", help="also one PNG a picture, in this folder")


def run(args: Namespace) -> int:
    import lit_gans
    from lit_gans.errors import InputError
    from lit_gans.files import check_folder, check_picture
    from lit_gans.models.conditional import Conditional
    from lit_gans.models.unconditional import UnconditionalGAN
    from lit_gans.pictures import grid, labelled_grid, save_picture, to_uint8

    check_picture(args.out)
    if args.individual:
        check_folder(args.individual)
    model = lit_gans.load(args.checkpoint)
    if not isinstance(model, Conditional | UnconditionalGAN):
        raise InputError(f"{args.checkpoint} holds a {type(model).__name__}, which draws no pictures from conditions")
    given = {name: getattr(args, name) for name in ("temperature", "guidance")}
    options = {name: value for name, value in given.items() if value is not None}
    for name in options.keys() - signature(model.sample).parameters.keys():
        raise InputError(
            f"--{name}: {args.checkpoint} holds a {type(model).__name__}, which has no {name}; leave it out"
        )
    conditions = asked_for(args)
    if isinstance(model, UnconditionalGAN):
        if conditions or args.labels:
            raise InputError(
                f"{args.checkpoint} holds a {type(model).__name__}, which takes no conditions; "
                "leave out --condition, --tags and --labels"
            )
        n, conditions = SQUARE**2 if args.n is None else args.n, [[]]
        images = model.sample(n, seed=args.seed, ema=not args.raw, **options)
        per_row, told = SQUARE, f"{n} pictures"
    else:
        if not conditions:
            raise InputError(f"{args.checkpoint} holds a {type(model).__name__}: give --condition NAMES or --tags FILE")
        n = (1 if args.tags else 8) if args.n is None else args.n
        images = model.sample(conditions, n=n, seed=args.seed, ema=not args.raw, **options)
        if args.tags and n == 1:
            per_row, told = SQUARE, f"{len(conditions)} pictures"
        else:
            per_row, told = n, f"a row of {n} for each of {len(conditions)} condition(s)"
    if args.labels:
        save_picture(labelled_grid(images, [", ".join(names) for names in conditions]), args.out)
    else:
        save_picture(grid(images, per_row=per_row), args.out)
    print(f"wrote {args.out}: {told}")
    if args.individual:
        for i, image in enumerate(images):
            names = "_".join(["", *("-".join(name.lower().split()) for name in conditions[i // n])])
            save_picture(to_uint8(image), args.individual / f"{i:03d}{names[:150]}.png")
        print(f"wrote {len(images)} pictures to {args.individual}")
    return 0


def asked_for(args: Namespace) -> list[list[str]]:
    """The names of each condition that is asked for; none is an empty list."""
    if args.tags is not None:
        from data_modules.tags import read_requests

        return [[f"{hair} hair", f"{eyes} eyes"] for hair, eyes in read_requests(args.tags)]
    return [[name.strip() for name in text.split(",") if name.strip()] for text in args.condition or ()]
