"""What of each model is exported for other programs."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.inference.flow_matching import VelocitySampling
from lit_gans.inference.generators import ConditionalGenerator, LatentGenerator
from lit_gans.inference.normalizing_flow import FlowSampling
from lit_gans.inference.translation import Direction, Translation
from lit_gans.networks.flow.order import random_order
from lit_gans.networks.graphs import (
    ConditionalDrawing,
    Decoding,
    Drawing,
    Following,
    Graph,
    Inputs,
    OrderedDecoding,
    PlacedDecoding,
    Translating,
)
from lit_gans.networks.noise_layers import is_stochastic
from lit_gans.training.tips import draw_latents, from_range

LATENTS = {"gaussian": "standard normal", "uniform": "uniform in [-1, 1]"}
MULTI_HOT = "1 for each class that is asked for, else 0"
# Of a condition that a model is compared with.
CLASSES = 3


def graph_of(
    model: Any, direction: Direction | None = None, guidance: float | None = None, steps: int | None = None
) -> Graph:
    """The averaged network of a loaded model, on the CPU, as a graph.

    Args:
        direction: of a CycleGAN; None: both.
        guidance: of a flow; None: the model's.
        steps: of a flow matching; None: the model's.

    Raises:
        InputError: a model that draws nothing, or whose pictures are random for the same input; an option of another
            model.
    """
    model = model.cpu()
    flows = (FlowSampling, VelocitySampling)
    for name, value, kinds in (
        ("direction", direction, (Translation,)),
        ("guidance", guidance, flows),
        ("steps", steps, (VelocitySampling,)),
    ):
        if value is not None and not isinstance(model, kinds):
            raise InputError(f"--{name}: a {model.model_name} has no {name}; leave it out")
    if isinstance(model, Translation):
        return of_cyclegan(model, ("a2b", "b2a") if direction is None else (direction,))
    if isinstance(model, FlowSampling):
        return of_flow(model, guidance)
    if isinstance(model, VelocitySampling):
        return of_flow_matching(model, guidance, steps)
    if isinstance(model, LatentGenerator):
        return of_gan(model)
    raise InputError(f"{model.model_name}: draws no pictures; `export evaluator` writes a classifier")


def of_gan(model: LatentGenerator) -> Graph:
    network = model.chosen(use_ema=True)
    if is_stochastic(network):
        raise InputError(
            "generator_dropout is above 0: this generator draws random numbers in every pass, and a graph cannot; "
            "write a .ckpt or .safetensors file instead"
        )

    conditional = isinstance(model, ConditionalGenerator)

    def inputs(count: int, rng: torch.Generator) -> Inputs:
        z = draw_latents(model.latent, (count, model.latent_dim), rng)
        return {"z": z, "condition": conditions(model, count, rng)} if conditional else {"z": z}

    kind = ConditionalDrawing if conditional else Drawing
    module = kind(network, partial(from_range, pixel_range=model.pixel_range))
    return Graph(module, inputs, {"z": LATENTS[model.latent], "condition": MULTI_HOT})


def of_flow(model: FlowSampling, guidance: float | None) -> Graph:
    _, guidance = model.settings(None, guidance)

    def inputs(count: int, rng: torch.Generator) -> Inputs:
        condition = conditions(model, count, rng)
        found = {"latents": torch.randn(count, model.dims, generator=rng), "condition": condition}
        if model.layout:
            place = torch.rand(*condition.shape, 2, generator=rng)
            found["place"] = torch.where(condition[..., None] > 0, place, torch.nan)
        if model.ordered_objects:
            found["order"] = random_order(condition, rng).float()
        return found

    kind = PlacedDecoding if model.layout else OrderedDecoding if model.ordered_objects else Decoding
    meaning = {
        "latents": "standard normal",
        "condition": MULTI_HOT,
        "place": "x and y of each asked object in shares of the picture, from the left and the top; NaN: not told",
        "order": "1 for the object put into the scene first, 2 for the second; 0: not told",
    }
    return Graph(kind(model.chosen(use_ema=True), guidance, model.with_objects), inputs, meaning)


def of_flow_matching(model: VelocitySampling, guidance: float | None, steps: int | None) -> Graph:
    _, guidance = model.settings(None, guidance)

    def inputs(count: int, rng: torch.Generator) -> Inputs:
        picture = torch.randn(count, model.channels, model.image_size, model.image_size, generator=rng)
        return {"noise": picture, "condition": conditions(model, count, rng)}

    velocity = partial(model.velocity, guidance=guidance)
    steps = model.steps if steps is None else checks.whole("--steps", steps, at_least=1)
    module = Following(model.chosen(use_ema=True), velocity, steps, model.solver)
    return Graph(module, inputs, {"noise": "standard normal", "condition": MULTI_HOT})


def of_cyclegan(model: Translation, directions: tuple[Direction, ...]) -> Graph:
    def inputs(count: int, rng: torch.Generator) -> Inputs:
        return {"image": torch.rand(count, model.generator_a2b.channels, 32 + 4 * count, 32, generator=rng) * 2 - 1}

    meaning = {"image": "RGB in [-1, 1]; height and width are multiples of 4, at least 8"}
    module = Translating(*(model.generator(direction) for direction in directions))
    return Graph(module, inputs, meaning, any_size=True, outputs=directions)


def conditions(model: Any, count: int, rng: torch.Generator) -> Tensor:
    """(count, num_classes): random ones, of one class or more."""
    most = min(getattr(model, "slots", CLASSES), model.num_classes)
    asked = torch.randint(1, most + 1, (count, 1), generator=rng)
    rank = torch.rand(count, model.num_classes, generator=rng).argsort(dim=1).argsort(dim=1)
    return (rank < asked).float()
