"""`lit-gans configs`: list of the shipped configs, with a description each."""

from argparse import ArgumentParser, Namespace

from lit_gans.configs import listing


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("part", nargs="?", default="", metavar="PART", help="only those with this in their name")


def run(args: Namespace) -> int:
    from lit_gans.errors import InputError

    text = listing(args.part)
    if not text:
        raise InputError(f"no config has {args.part!r} in its name; `lit-gans configs` lists all")
    print(text, end="")
    return 0
