"""Pictures for a page: drawn, walked through and judged. Plain torch."""

from collections.abc import Sequence

from torch import Tensor

from lit_gans import checks
from lit_gans.inference import walks
from lit_gans.playground.shelf import Entry
from lit_gans.training.seeding import generator_of

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
    checks.whole("steps", steps, at_least=2, at_most=MOST_PICTURES)
    start, end = (walks.random_latents(entry.model, 1, one) for one in seeds)
    condition, words = None, ""
    if entry.vocabulary is not None:
        condition = random_conditions(entry, 1, seeds[0])
        words = ", ".join(asked_of(condition[0], entry.vocabulary.names))
    return walks.walk(entry.model, start, end, steps, conditions=condition, seed=seeds[0])[0], words


def asked_of(row: Tensor, names: Sequence[str]) -> list[str]:
    """The names of the classes with 1."""
    return [name for name, value in zip(names, row.tolist(), strict=True) if value]
