"""Networks as other programs compute them: named tensors in, pictures in [-1, 1] out, and nothing drawn inside."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from lit_gans.kernels.base import plain_ways
from lit_gans.networks.flow.bijections import Bijection, Features, Mixing
from lit_gans.networks.flow.latents import Latents
from lit_gans.networks.flow.quantization import from_cube
from lit_gans.networks.ode import Solver, evenly, solve

Inputs = dict[str, Tensor]
# Of a traced node: where its code lies on this machine.
TRACES = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node")


@dataclass(frozen=True)
class Graph:
    """What is exported.

    Attributes:
        module: its `forward` has the inputs' names.
        inputs: (count, generator) -> random inputs for so many pictures, by name.
        meaning: of each input, in words.
        any_size: whether height and width may be any multiple of 4, at least 8.
        outputs: names of the pictures; the module gives a tuple where there are several.
    """

    module: nn.Module
    inputs: Callable[[int, torch.Generator], Inputs]
    meaning: dict[str, str]
    any_size: bool = False
    outputs: tuple[str, ...] = ("pictures",)

    def pictures(self, **inputs: Tensor) -> tuple[Tensor, ...]:
        """What the module makes, in the order of `outputs`."""
        return as_tuple(self.module(**inputs))

    def described(self) -> dict[str, tuple[list[str], str]]:
        """Of each input its shape behind the batch and its meaning, in words."""
        example = self.inputs(1, torch.Generator().manual_seed(0))
        sides = {2: "height", 3: "width"} if self.any_size else {}
        return {
            name: ([sides.get(i, str(n)) for i, n in enumerate(value.shape)][1:], self.meaning[name])
            for name, value in example.items()
        }


def as_tuple(pictures: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (pictures,) if isinstance(pictures, Tensor) else tuple(pictures)


class Drawing(nn.Module):
    """z (B, latent_dim) -> pictures, of a generator.

    Args:
        network: the generator.
        to_pictures: from its range of pixels to [-1, 1].
    """

    def __init__(self, network: nn.Module, to_pictures: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.to_pictures = network, to_pictures

    def forward(self, z: Tensor) -> Tensor:
        return self.to_pictures(self.network(z))


class ConditionalDrawing(Drawing):
    """z (B, latent_dim), condition (B, num_classes) -> pictures."""

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        return self.to_pictures(self.network(z, condition))


class Translating(nn.Module):
    """image (B, 3, H, W) -> what each of the generators makes of it."""

    def __init__(self, *networks: nn.Module) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(network(image) for network in self.networks)


class Decoding(nn.Module):
    """latents (B, D), condition (B, num_classes) -> pictures, of a normalizing flow.

    Args:
        flow: the network; a copy is kept, whose matrices are inverted once and for all.
        guidance: see Flow.guided.
        told: (condition, order, place), the latter two perhaps None -> the label that the flow is told.
    """

    def __init__(self, flow: Any, guidance: float, told: Callable[..., Tensor]) -> None:
        super().__init__()
        self.flow = copy.deepcopy(flow)
        with torch.no_grad():
            for chain in self.flow.modules():
                for name, part in list(chain.named_children()):
                    if isinstance(part, Mixing):
                        setattr(chain, name, Unmixing(part))
        self.guidance, self.told = guidance, told

    def decode(self, latents: Tensor, label: Tensor) -> Tensor:
        pyramid = self.flow.guided(label, self.guidance)
        x = self.flow.inverse(Latents.unflatten(latents, self.flow.shapes), pyramid)
        return from_cube(x).clamp(-1, 1)

    def forward(self, latents: Tensor, condition: Tensor) -> Tensor:
        return self.decode(latents, self.told(condition, None, None))


class PlacedDecoding(Decoding):
    """The same of a flow that is told where each object stands, place (B, num_classes, 2), or NaN."""

    def forward(self, latents: Tensor, condition: Tensor, place: Tensor) -> Tensor:  # type: ignore[override]
        return self.decode(latents, self.told(condition, None, place))


class OrderedDecoding(Decoding):
    """The same of a flow that is told the objects' order (B, num_classes), 1 for the first; 0 where it is not known."""

    def forward(self, latents: Tensor, condition: Tensor, order: Tensor) -> Tensor:  # type: ignore[override]
        return self.decode(latents, self.told(condition, order, None))


class Unmixing(Bijection):
    """The inverse of a Mixing, its matrix as a constant: no runtime solves triangular systems."""

    matrix: Tensor
    shift: Tensor

    def __init__(self, mixing: Mixing) -> None:
        super().__init__()
        matrix = torch.exp(mixing.norm.log_scale.double()).view(-1, 1) * mixing.conv.inverse_matrix()
        self.register_buffer("matrix", matrix.to(mixing.norm.mean.dtype)[:, :, None, None])
        self.register_buffer("shift", mixing.norm.mean.detach().view(-1))

    def forward(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def inverse(self, z: Tensor, u: Features) -> Tensor:
        return conv2d(z, self.matrix, self.shift)


class Following(nn.Module):
    """noise (B, 3, H, W), condition (B, num_classes) -> pictures: a flow matching's velocity followed in equal steps.

    Args:
        velocity: (x, time, condition) -> dx/dt.
        steps, solver: see `solve`.
    """

    def __init__(
        self,
        network: nn.Module,
        velocity: Callable[[nn.Module, Tensor, float, Tensor], Tensor],
        steps: int,
        solver: Solver,
    ) -> None:
        super().__init__()
        self.network, self.velocity = network, velocity
        self.steps, self.solver = steps, solver

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        def velocity(x: Tensor, time: float) -> Tensor:
            return self.velocity(self.network, x, time, condition)

        return solve(velocity, noise, evenly(0.0, 1.0, self.steps), self.solver).clamp(-1, 1)


def exported(graph: Graph) -> torch.export.ExportedProgram:
    """The program of a graph, for any number of pictures, without the kernels of this package."""
    batch = torch.export.Dim("batch", min=1)
    sides = {2: 4 * torch.export.Dim("rows", min=2), 3: 4 * torch.export.Dim("columns", min=2)}
    example = graph.inputs(2, torch.Generator().manual_seed(0))
    shapes = {name: {0: batch} | (sides if graph.any_size else {}) for name in example}
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # an operator of its own, which no other runtime has
    try:
        with plain_ways(), torch.no_grad():
            program = torch.export.export(graph.module.eval(), (), example, dynamic_shapes=shapes)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    for node in program.graph.nodes:
        for trace in TRACES:
            node.meta.pop(trace, None)
    return program
