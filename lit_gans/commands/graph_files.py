"""Export of a network to ONNX or torch.export, with a comparison of its outputs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.networks.graphs import Graph, Inputs, as_tuple, exported

TOLERANCE = 1e-4
FACTS = "lit_gans"
# Pictures of each comparison; the graph is traced with two.
COMPARED = (1, 3)

Runtime = Callable[[Inputs], tuple[Tensor, ...]]


def write_graph(graph: Graph, kind: str, facts: dict[str, Any], file: Path) -> float:
    """Writes a graph file, reads it again and compares its outputs with the network's.

    Args:
        kind: "onnx" or "pt2".
        facts: plain values that the file tells its reader.

    Returns:
        The largest difference between the pictures of the file and those of the network, from the same random inputs.

    Raises:
        InputError: a difference above 1e-4, or a package that is missing.
    """
    program = exported(graph)
    runtime = write_onnx(program, facts, file, graph.outputs) if kind == "onnx" else write_pt2(program, facts, file)
    difference = largest_difference(graph, runtime)
    if not difference <= TOLERANCE:
        raise InputError(
            f"the {kind} file computes other pictures than the network: they differ by up to {difference:.2g}, and by "
            f"{TOLERANCE:g} at most they may; it is not written. Write a .ckpt or .safetensors file instead"
        )
    return difference


def write_onnx(
    program: torch.export.ExportedProgram, facts: dict[str, Any], file: Path, outputs: tuple[str, ...]
) -> Runtime:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(f"onnx: {error.name} is not installed; pip install 'lit_gans[onnx]' brings it") from None
    onnx = torch.onnx.export(program, dynamo=True, output_names=outputs, verbose=False)
    assert onnx is not None
    for node in onnx.model.graph.all_nodes():
        node.metadata_props.clear()
    onnx.model.metadata_props[FACTS] = json.dumps(facts)
    onnx.save(file, external_data=False)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])

    def run(inputs: Inputs) -> tuple[Tensor, ...]:
        found = session.run(list(outputs), {name: value.numpy() for name, value in inputs.items()})
        return tuple(map(torch.from_numpy, found))

    return run


def write_pt2(program: torch.export.ExportedProgram, facts: dict[str, Any], file: Path) -> Runtime:
    torch.export.save(program, file, extra_files={f"{FACTS}.json": json.dumps(facts)})
    module = torch.export.load(file).module()
    return lambda inputs: as_tuple(module(**inputs))


@torch.no_grad()
def largest_difference(graph: Graph, runtime: Runtime) -> float:
    differences = []
    for count in COMPARED:
        inputs = graph.inputs(count, generator())
        pairs = zip(runtime(inputs), graph.pictures(**inputs), strict=True)
        differences += [(theirs - ours).abs().max() for theirs, ours in pairs]
    return torch.stack(differences).max().item()  # NaN stays NaN


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
