"""Contrastive translation: what a CycleGAN may learn from in the place of its cycles."""

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from lit_gans import checks
from lit_gans.losses.contrastive import patch_loss
from lit_gans.networks.cyclegan import ResnetGenerator
from lit_gans.networks.patch_heads import PatchHeads


class Contrast(nn.Module):
    """The contrastive loss of each generator, with the heads that it learns (Park et al. 2020, arXiv 2007.15651).

    Args:
        weight, patches: `contrast_weight` and `contrast_patches` of CycleGAN; with weight 0 there are no heads.
        channels: the generators' `encoded_channels`, by their names.

    Raises:
        InputError: a value that is not possible.
    """

    def __init__(self, weight: float, patches: int, channels: Mapping[str, Sequence[int]]) -> None:
        super().__init__()
        self.weight = checks.number("contrast_weight", weight, at_least=0)
        checks.whole("contrast_patches", patches, at_least=2, hint="64, or 256")
        self.heads = nn.ModuleDict()
        if weight:
            self.heads.update({name: PatchHeads(widths, patches) for name, widths in channels.items()})

    def forward(
        self, name: str, network: ResnetGenerator, source: Tensor, translated: Tensor, rng: torch.Generator
    ) -> Tensor:
        """The loss of the generator of this name, the mean of its layers', a scalar.

        Args:
            source, translated: (B, C, H, W); only the latter gets a gradient.
            rng: draws the places.
        """
        heads = cast(PatchHeads, self.heads[name])
        queries = network.encoded(translated)
        places = heads.places(queries, rng)
        with torch.no_grad():
            keys = heads(network.encoded(source), places)
        return torch.stack([patch_loss(*pair) for pair in zip(heads(queries, places), keys, strict=True)]).mean()
