"""`lit-gans export evaluator CKPT FILE`: the course's layout, for anybody's scoring script."""

from argparse import ArgumentParser, Namespace
from pathlib import Path


def add_arguments(parser: ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    evaluator = kinds.add_parser(
        "evaluator", help='{"model": state_dict} of a resnet18 with head fc.0, as the iCLEVR course has it'
    )
    evaluator.add_argument("checkpoint", type=Path, metavar="CKPT", help="of lit_gans.Evaluator")
    evaluator.add_argument("file", type=Path, metavar="FILE", help="where to write, such as evaluator.pth")
    evaluator.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")


def run(args: Namespace) -> int:
    import torch

    from lit_gans.errors import InputError
    from lit_gans.files import replacing, sha256
    from lit_gans.models.evaluator import COURSE_KEY, load_evaluator

    if args.file.exists() and not args.overwrite:
        raise InputError(f"{args.file} exists; choose another name or give --overwrite")
    state = load_evaluator(args.checkpoint).network.state_dict()
    with replacing(args.file) as temporary:
        torch.save({COURSE_KEY: state}, temporary)
    print(f"wrote {args.file}, sha256 {sha256(args.file)}")
    return 0
