"""`lit-gans export evaluator|generator CKPT FILE`: a file without training state, or as ONNX."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from lit_gans.commands.device import add_device_argument, device_of

# Endings of a generator's file -> its format.
FORMATS = {
    ".ckpt": "ckpt",
    ".pt": "ckpt",
    ".pth": "ckpt",
    ".safetensors": "safetensors",
    ".onnx": "onnx",
    ".pt2": "pt2",
}
GRAPHS = ("onnx", "pt2")


def add_arguments(parser: ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    evaluator = kinds.add_parser(
        "evaluator", help='{"model": state_dict} of a resnet18 with head fc.0, as the iCLEVR course has it'
    )
    evaluator.add_argument("checkpoint", type=Path, metavar="CKPT", help="of lit_gans.Evaluator")
    evaluator.add_argument("file", type=Path, metavar="FILE", help="where to write, such as evaluator.pth")
    generator = kinds.add_parser(
        "generator",
        help="the network that draws alone, its averaged weights: for sample, predict, test and load, or as a graph "
        "for other programs",
    )
    generator.add_argument("checkpoint", type=Path, metavar="CKPT", help="of a GAN, a flow or a CycleGAN")
    generator.add_argument("file", type=Path, metavar="FILE", help="where to write, such as generator.ckpt")
    add_device_argument(generator)
    generator.add_argument(
        "--format",
        choices=tuple(dict.fromkeys(FORMATS.values())),
        help="ckpt or safetensors: weights for this package; onnx or pt2 (torch.export): a graph, compared with the "
        "model before it is written (default: by FILE's ending)",
    )
    generator.add_argument("--direction", choices=("a2b", "b2a"), help="of a CycleGAN's graph (default: both)")
    generator.add_argument("--guidance", type=float, help="of a flow's graph (default: the model's)")
    generator.add_argument("--steps", type=int, help="of a flow matching's graph (default: the model's)")
    for kind in (evaluator, generator):
        kind.add_argument("--half", action="store_true", help="store the weights in float16: half as large")
        kind.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")


def run(args: Namespace) -> int:
    import torch

    from lit_gans.errors import InputError
    from lit_gans.files import replacing, sha256
    from lit_gans.safe_files import to_safetensors

    if args.file.exists() and not args.overwrite:
        raise InputError(f"{args.file} exists; choose another name or give --overwrite")
    kind = format_of(args) if args.kind == "generator" else "evaluator"
    with replacing(args.file) as temporary:
        if kind in GRAPHS:
            write_graph(args, kind, temporary)
        elif kind == "safetensors":
            temporary.write_bytes(to_safetensors(generator(args.checkpoint, args.device, args.half)))
        elif kind == "ckpt":
            torch.save(generator(args.checkpoint, args.device, args.half), temporary)
        else:
            torch.save(evaluator(args.checkpoint, args.half), temporary)
    print(f"wrote {args.file}, {args.file.stat().st_size / 1e6:.1f} MB, sha256 {sha256(args.file)}")
    return 0


def format_of(args: Namespace) -> str:
    """Raises InputError: an ending that is no format's, or options of a graph for weights."""
    from lit_gans.errors import InputError

    kind = args.format or FORMATS.get(args.file.suffix.lower() or ".ckpt")
    if kind is None:
        raise InputError(f"{args.file}: expected {', '.join(FORMATS)}; choose another ending or give --format")
    if args.half and kind in GRAPHS:
        raise InputError("--half goes with weights, --format ckpt or safetensors; a graph holds float32: leave it out")
    for name in ("direction", "guidance", "steps"):
        if kind not in GRAPHS and getattr(args, name) is not None:
            raise InputError(f"--{name} goes with a graph, --format onnx or pt2; a {kind} file holds all of the model")
    return kind


def write_graph(args: Namespace, kind: str, file: Path) -> None:
    import lit_gans
    from lit_gans.commands.graph_files import write_graph
    from lit_gans.inference.graphs import graph_of

    model = lit_gans.load(args.checkpoint)  # a graph is made and compared on the CPU
    graph = graph_of(model, args.direction, args.guidance, args.steps)
    inputs = {name: f"(batch, {', '.join(shape)}) {words}" for name, (shape, words) in graph.described().items()}
    facts = {"model": model.model_name, "inputs": inputs, "output": f"{', '.join(graph.outputs)}: RGB in [-1, 1]"}
    if names := getattr(model, "class_names", None):
        facts["class_names"] = list(names)
    difference = write_graph(graph, kind, facts, file)
    for name, text in inputs.items():
        print(f"input {name} {text}")
    print(f"output {facts['output']}; largest difference to the model's pictures: {difference:.1e}")


def evaluator(checkpoint: Path, half: bool = False) -> dict[str, Any]:
    from lit_gans.inference.evaluator import COURSE_KEY, load_evaluator

    state = load_evaluator(checkpoint).network.state_dict()
    return {COURSE_KEY: halved(state) if half else state}


def halved(weights: dict[str, Any]) -> dict[str, Any]:
    """The weights in float16.

    Raises:
        InputError: one of them is too large for it.
    """
    from lit_gans.errors import InputError

    half = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    for name, value in half.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise InputError(f"--half: {name} has values beyond 65504, the largest of float16; leave --half out")
    return half


def generator(checkpoint: Path, device: str = "auto", half: bool = False) -> dict[str, Any]:
    import lit_gans
    from lit_gans.checkpoints import read_torch_file
    from lit_gans.inference.generator_file import generator_file

    model = lit_gans.load(checkpoint, device_of(device))  # nothing damaged is handed on
    content = generator_file(read_torch_file(checkpoint, "checkpoint"), model.sampling_networks)
    return content | {"state_dict": halved(content["state_dict"])} if half else content
