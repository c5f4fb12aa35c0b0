"""How far two right ways to compute the same may differ: what the arithmetic says, not what one machine gave.

Processors sum in different orders, and each order rounds differently. The error of a sum of n terms grows with the root
of n (Higham, Accuracy and Stability of Numerical Algorithms, 2.8), and those of layers in a row add up.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

# Standard deviations that the largest of some thousands of errors may lie from 0, for two results.
SPREAD = 8


def rounding(depth: int = 1, terms: int = 1, scale: float = 1.0, dtype: torch.dtype = torch.float32) -> float:
    """The largest difference that rounding explains.

    Args:
        depth: roundings in a row, such as the layers of a network.
        terms: numbers that are summed for one value.
        scale: the largest value.
        dtype: of the computation.
    """
    return SPREAD * torch.finfo(dtype).eps / 2 * depth * terms**0.5 * scale


def rounding_of(*networks: nn.Module, scale: float = 1.0, dtype: torch.dtype = torch.float32) -> float:
    """The same for a pass through each of these networks in turn; a network given twice stands for two passes."""
    weights = [p for network in networks for p in network.parameters() if p.ndim > 1]
    # a value of a convolution sums over the weights of one output, of a transposed one over those of one input
    terms = max((weight.numel() // min(weight.shape[:2]) for weight in weights), default=1)
    return rounding(max(1, len(weights)), terms, scale, dtype)


def assert_same_but_for_rounding(actual: Tensor, expected: Tensor, passes: Iterable[nn.Module]) -> None:
    """In the precision of the result, relative to its largest value, after these networks' passes."""
    scale = expected.detach().abs().max().item()
    atol = rounding_of(*passes, scale=scale, dtype=actual.dtype)
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)
