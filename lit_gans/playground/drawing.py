"""Pictures for a page: drawn, walked through and judged. Plain torch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lit_gans import checks
from lit_gans.inference.generators import LatentGenerator
from lit_gans.inference.latent_space import LatentSpace
from lit_gans.networks.flow.latents import between
from lit_gans.playground.shelf import Entry
from lit_gans.training.seeding import generator_of
from lit_gans.training.tips import draw_latents

# Of one request, so that nobody waits long for another's pictures.
MOST_PICTURES = 32


def draw(entry: Entry, condition: Tensor | None, n: int, seed: int, temperature: float | None = None) -> Tensor:
    """Pictures of a model.

    Args:
        condition: (B, classes), n pictures for each row; None for a model without conditions.
        temperature: factor of the noise; None: the model's.

    Returns:
        (B * n, C, H, W) in [-1, 1].

    Raises:
        InputError: a value that is not possible.
    """
    checks.whole("number of pictures", n, at_least=1, at_most=MOST_PICTURES)
    checks.seed("seed", seed)
    if condition is None:
        return entry.model.sample(n, seed=seed, temperature=temperature)
    return entry.model.sample(condition, n=n, seed=seed, temperature=temperature)


def random_pictures(entry: Entry, n: int, seed: int, temperature: float | None = None) -> tuple[Tensor, list[str]]:
    """Pictures of random conditions, or of noise alone, and what each was asked for; empty texts without conditions."""
    checks.whole("number of pictures", n, at_least=1, at_most=MOST_PICTURES)
    if entry.vocabulary is None:
        return draw(entry, None, n, seed, temperature), [""] * n
    rows = random_conditions(entry, n, seed)
    return draw(entry, rows, 1, seed, temperature), [", ".join(asked_of(row, entry.vocabulary.names)) for row in rows]


def random_conditions(entry: Entry, n: int, seed: int) -> Tensor:
    assert entry.vocabulary is not None
    return entry.vocabulary.random(n, generator_of(seed), getattr(entry.model, "slots", 3))


def walk(entry: Entry, seeds: tuple[int, int], steps: int) -> tuple[Tensor, str]:
    """The pictures of the latents between those of two seeds, of one random condition of the first seed, and the
    condition in words. Gaussian latents go along the great circle, uniform ones straight.

    Returns:
        (steps, C, H, W) in [-1, 1].

    Raises:
        InputError: a value that is not possible.
    """
    model = entry.model
    checks.whole("steps", steps, at_least=2, at_most=MOST_PICTURES)
    shape = (1, model.latent_dim if isinstance(model, LatentGenerator) else model.dims)
    latent = model.latent if isinstance(model, LatentGenerator) else "gaussian"
    start, end = (
        model.temperature * draw_latents(latent, shape, generator_of(checks.seed("seed", one))) for one in seeds
    )
    mode = "slerp" if latent == "gaussian" else "lerp"
    z = torch.cat([between(start, end, share, mode) for share in torch.linspace(0, 1, steps).tolist()])
    condition = None if entry.vocabulary is None else random_conditions(entry, 1, seeds[0])
    names = entry.vocabulary.names if entry.vocabulary else ()
    words = "" if condition is None else ", ".join(asked_of(condition[0], names))
    rows = [] if condition is None else [condition.expand(steps, -1).to(model.device)]
    if isinstance(model, LatentSpace):
        return model.decode(z, *rows, guidance=model.guidance).clamp(-1, 1), words
    return torch.cat(list(model.pictures_of(z.to(model.device), generator_of(seeds[0]), True, *rows))), words


def asked_of(row: Tensor, names: Sequence[str]) -> list[str]:
    """The names of the classes with 1."""
    return [name for name, value in zip(names, row.tolist(), strict=True) if value]
