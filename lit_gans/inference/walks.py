"""The way from latents to other latents, for every model that draws pictures from them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.inference.conditions import Conditions, as_multi_hot
from lit_gans.inference.generators import ConditionalGenerator, LatentGenerator
from lit_gans.inference.latent_space import LatentSpace
from lit_gans.inference.sampling import ConditionalSampling
from lit_gans.networks.flow.latents import between
from lit_gans.training.seeding import generator_of
from lit_gans.training.tips import LatentName, draw_latents

Walkable = LatentGenerator | LatentSpace


def random_latents(model: Walkable, count: int, seed: int) -> Tensor:
    """(count, numbers of one latent), drawn as `sample` draws them, at the model's temperature."""
    numbers = model.latent_dim if isinstance(model, LatentGenerator) else model.dims
    return model.temperature * draw_latents(kind_of(model), (count, numbers), generator_of(seed))


def kind_of(model: Walkable) -> LatentName:
    return model.latent if isinstance(model, LatentGenerator) else "gaussian"


def walk(
    model: Walkable,
    first: Tensor,
    second: Tensor,
    steps: int = 8,
    mode: str | None = None,
    conditions: Conditions | None = None,
    seed: int = 0,
) -> Tensor:
    """Pictures of the latents between each latent and its partner.

    Args:
        first, second: (B, numbers of one latent), such as `random_latents`.
        steps: pictures, both ends included.
        mode: "lerp", straight; "slerp", along the great circle, on which Gaussian latents keep their length. None:
            "lerp" for uniform latents, else "slerp".
        conditions: one for each pair; none for a model without conditions.
        seed: of what a model draws at random besides latents, such as a layout: the same all the way.

    Returns:
        (B, steps, C, H, W) in [-1, 1].

    Raises:
        InputError: a value that is not possible, a condition for a model that takes none, or none for another.
    """
    checks.whole("steps", steps, at_least=2)
    if mode is None:
        mode = "slerp" if kind_of(model) == "gaussian" else "lerp"
    rows = asked(model, conditions, len(first))
    shares = torch.linspace(0, 1, steps).tolist()
    ways = []
    for share in shares:
        z = between(first, second, share, mode).to(model.device)
        ways.append(torch.cat(list(model.pictures_of(z, generator_of(seed), True, *rows))))
    return torch.stack(ways, dim=1)


def asked(model: Walkable, conditions: Conditions | None, count: int) -> Sequence[Tensor]:
    """The conditions of so many pictures as what a model takes beside its latents: (count, classes), or nothing."""
    if not isinstance(model, ConditionalSampling):
        if conditions is not None:
            raise InputError(f"a {model.model_name} takes no conditions")
        return []
    if conditions is None:
        raise InputError(f"a {model.model_name} draws for conditions; give one for each pair of latents")
    rows = as_multi_hot(conditions, model.num_classes, model.class_names)
    if len(rows) != count:
        raise InputError(f"{len(rows)} conditions for {count} pairs of latents; expected one for each")
    if isinstance(model, ConditionalGenerator):
        model.check_conditions(rows)
    return [rows.to(model.device)]
