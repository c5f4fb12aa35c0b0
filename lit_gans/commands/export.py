"""`lit-gans export evaluator|generator CKPT FILE`: a file to hand on."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from lit_gans.commands.device import add_device_argument, device_of


def add_arguments(parser: ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    evaluator = kinds.add_parser(
        "evaluator", help='{"model": state_dict} of a resnet18 with head fc.0, as the iCLEVR course has it'
    )
    evaluator.add_argument("checkpoint", type=Path, metavar="CKPT", help="of lit_gans.Evaluator")
    evaluator.add_argument("file", type=Path, metavar="FILE", help="where to write, such as evaluator.pth")
    evaluator.add_argument("--half", action="store_true", help="store it in float16: half as large")
    generator = kinds.add_parser(
        "generator",
        help="a checkpoint of the network that draws alone, its averaged weights: for sample, predict, test and load",
    )
    generator.add_argument("checkpoint", type=Path, metavar="CKPT", help="of a GAN or a flow")
    generator.add_argument("file", type=Path, metavar="FILE", help="where to write, such as generator.ckpt")
    add_device_argument(generator)
    for kind in (evaluator, generator):
        kind.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")


def run(args: Namespace) -> int:
    import torch

    from lit_gans.errors import InputError
    from lit_gans.files import replacing, sha256

    if args.file.exists() and not args.overwrite:
        raise InputError(f"{args.file} exists; choose another name or give --overwrite")
    if args.kind == "evaluator":
        content = evaluator(args.checkpoint, args.half)
    else:
        content = generator(args.checkpoint, args.device)
    with replacing(args.file) as temporary:
        torch.save(content, temporary)
    print(f"wrote {args.file}, {args.file.stat().st_size / 1e6:.1f} MB, sha256 {sha256(args.file)}")
    return 0


def evaluator(checkpoint: Path, half: bool = False) -> dict[str, Any]:
    from lit_gans.inference.evaluator import COURSE_KEY, load_evaluator

    state = load_evaluator(checkpoint).network.state_dict()
    if half:
        state = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    return {COURSE_KEY: state}


def generator(checkpoint: Path, device: str = "auto") -> dict[str, Any]:
    import lit_gans
    from lit_gans.checkpoints import read_torch_file
    from lit_gans.inference.generator_file import generator_file

    model = lit_gans.load(checkpoint, device_of(device))  # nothing damaged is handed on
    return generator_file(read_torch_file(checkpoint.expanduser(), "checkpoint"), model.pictures_from)
