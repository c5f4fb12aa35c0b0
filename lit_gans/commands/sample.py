"""`lit-gans sample CKPT`: pictures for conditions given by name."""

from argparse import ArgumentParser, Namespace
from inspect import signature
from pathlib import Path


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="written by lit-gans fit")
    parser.add_argument(
        "--condition",
        action="append",
        required=True,
        metavar="NAMES",
        help='what shall be in the picture, such as "red cube, blue sphere"; may be given several times',
    )
    parser.add_argument("--n", type=int, default=8, help="pictures for each condition, one row of the grid (default 8)")
    parser.add_argument("--seed", type=int, default=None, help="of the noise; other pictures each time without it")
    parser.add_argument("--raw", action="store_true", help="the trained weights instead of their average")
    parser.add_argument("--temperature", type=float, help="of a flow: factor of the noise, 0 to 1")
    parser.add_argument("--guidance", type=float, help="of a flow: how much more clearly the condition shows, 0 to 3")
    parser.add_argument("--labels", action="store_true", help="write each condition beside its row")
    parser.add_argument("--out", type=Path, default=Path("grid.png"), help="grid picture (default grid.png)")
    parser.add_argument("--individual", type=Path, metavar="DIR", help="also one PNG a picture, in this folder")


def run(args: Namespace) -> int:
    import lit_gans
    from lit_gans.errors import InputError
    from lit_gans.models.conditional import ScoredByEvaluator
    from lit_gans.pictures import grid, labelled_grid, save_png, to_uint8

    model = lit_gans.load(args.checkpoint)
    if not isinstance(model, ScoredByEvaluator):
        raise InputError(f"{args.checkpoint} holds a {type(model).__name__}, which draws no pictures from conditions")
    conditions = [[name.strip() for name in text.split(",") if name.strip()] for text in args.condition]
    given = {name: getattr(args, name) for name in ("temperature", "guidance")}
    options = {name: value for name, value in given.items() if value is not None}
    for name in options.keys() - signature(model.sample).parameters.keys():
        raise InputError(
            f"--{name}: {args.checkpoint} holds a {type(model).__name__}, which has no {name}; leave it out"
        )
    images = model.sample(conditions, n=args.n, seed=args.seed, ema=not args.raw, **options)
    rows = ["\n".join(names) for names in conditions]
    save_png(labelled_grid(images, rows) if args.labels else grid(images, per_row=args.n), args.out)
    print(f"wrote {args.out}: a row of {args.n} for each of {len(conditions)} condition(s)")
    if args.individual:
        for i, image in enumerate(images):
            names = "_".join("-".join(name.lower().split()) for name in conditions[i // args.n])
            save_png(to_uint8(image), args.individual / f"{i:03d}_{names}.png")
        print(f"wrote {len(images)} pictures to {args.individual}")
    return 0
