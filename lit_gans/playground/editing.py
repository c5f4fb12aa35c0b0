"""Edits through the latents of a flow, without any data: the flow's own pictures show what an attribute is."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from lit_gans.inference.latent_space import LatentSpace
from lit_gans.playground.shelf import Entry
from lit_gans.training.seeding import generator_of

# Pictures that a direction is the mean of, and how many are in memory at a time.
EXAMPLES, BATCH = 256, 32


class Directions:
    """The latent direction of each attribute, found when a model is first edited."""

    def __init__(self) -> None:
        self.known: dict[str, Tensor] = {}

    def of(self, entry: Entry) -> Tensor:
        """(attributes, D); see `LatentSpace.attribute_directions`."""
        if entry.name not in self.known:
            assert entry.vocabulary is not None
            names = list(range(len(entry.vocabulary.names)))
            self.known[entry.name] = entry.model.attribute_directions(own_pictures(entry), names)
        return self.known[entry.name]


def own_pictures(entry: Entry, count: int = EXAMPLES) -> Iterator[Mapping[str, Tensor]]:
    """Batches of pictures that the model draws, each attribute there or not with probability 1/2."""
    rng = generator_of(0)
    for start in range(0, count, BATCH):
        condition = (torch.rand(min(BATCH, count - start), entry.model.num_classes, generator=rng) < 0.5).float()
        yield {"image": entry.model.sample(condition, seed=start), "condition": condition}


def edited(model: LatentSpace, image: Tensor, directions: Tensor, amounts: list[float]) -> Tensor:
    """A picture whose latents are moved along all directions at once.

    Args:
        image: (1, C, H, W) in [-1, 1].
        directions: (attributes, D).
        amounts: of each attribute; 0 for all of them gives the image itself.

    Returns:
        (1, C, H, W) in [-1, 1].
    """
    return model.edit(image, torch.tensor(amounts, dtype=torch.float32) @ directions, [1.0])[0]
