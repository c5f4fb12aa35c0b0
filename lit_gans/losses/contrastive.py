"""The contrastive loss of patches (Park et al. 2020, arXiv 2007.15651, section 3.2)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

TEMPERATURE = 0.07


def patch_loss(translated: Tensor, source: Tensor) -> Tensor:
    """How badly each place of a translated picture is told apart from the other places of its source: the cross-entropy
    of finding the same one again, a scalar. log N where nothing is known, 0 where all are found.

    Args:
        translated, source: (B, N, D), unit vectors of the same N places; `source` gets no gradient.
    """
    similarity = torch.bmm(translated, source.detach().transpose(1, 2)).float() / TEMPERATURE
    places = torch.arange(similarity.shape[1], device=similarity.device)
    return cross_entropy(similarity.flatten(0, 1), places.repeat(len(similarity)))
