"""The heads of contrastive translation (Park et al. 2020, arXiv 2007.15651, section 3.2)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

WIDTH = 256


class PatchHeads(nn.Module):
    """What a generator makes of some places of a picture -> unit vectors to compare; a head for each of its layers.

    Args:
        channels: of each layer.
        patches: places that are looked at in each layer; all of one that has fewer.

    Shapes:
        features (B, C, H, W) and places (N,) of each layer -> (B, N, 256) of each
    """

    def __init__(self, channels: Sequence[int], patches: int = 64) -> None:
        super().__init__()
        self.patches = patches
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(count, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)) for count in channels
        )

    def places(self, features: Sequence[Tensor], rng: torch.Generator) -> list[Tensor]:
        """Of each layer some pixels, none twice, the same in all pictures of a batch."""
        sizes = [layer.shape[-2] * layer.shape[-1] for layer in features]
        return [torch.randperm(size, generator=rng, device=rng.device)[: self.patches] for size in sizes]

    def forward(self, features: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        chosen = [layer.flatten(2)[:, :, place].transpose(1, 2) for layer, place in zip(features, places, strict=True)]
        return [normalize(head(layer), dim=-1) for head, layer in zip(self.heads, chosen, strict=True)]
