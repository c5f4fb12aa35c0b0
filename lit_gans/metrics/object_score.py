"""The score of the iCLEVR task: how many of the asked objects a classifier sees."""

import torch
from torch import Tensor
from torchmetrics import Metric

from lit_gans.networks.evaluator import object_hits


class ObjectScore(Metric):
    """Micro-averaged top-k accuracy: of an image with k asked objects, the k highest outputs count.

    Hits over all images divided by the sum of k, in 0..1. Ties go to the lower class index. States are summed across
    processes, so the value does not depend on how images are spread over batches or ranks.
    Source: NYCU DLP lab 7 (2021), evaluator.py; report 003, section B4.
    """

    full_state_update = False
    higher_is_better = True
    hits: Tensor
    asked: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("hits", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("asked", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, outputs: Tensor, target: Tensor) -> None:
        """
        Args:
            outputs: (B, num_classes) class scores; only their order matters.
            target: (B, num_classes) multi-hot, the asked objects.
        """
        self.hits += object_hits(outputs, target).sum()
        self.asked += target.bool().sum()

    def compute(self) -> Tensor:
        return self.hits / self.asked
