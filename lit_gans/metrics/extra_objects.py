"""What the object score does not punish: objects in the picture that nobody asked for."""

import torch
from torch import Tensor
from torchmetrics import Metric


class ExtraObjects(Metric):
    """Of the objects that the evaluator sees, the share that was not asked for; 0 is ideal, 0 if it sees none.

    An object is seen where its probability is above `threshold`. The object score looks only at the k highest
    outputs, so a generator can raise it by drawing more than was asked; this is the guard beside it. Sums are pooled
    across processes.

    Args:
        threshold: in 0..1.
    """

    full_state_update = False
    higher_is_better = False
    extra: Tensor
    seen: Tensor

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = threshold
        self.add_state("extra", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("seen", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, probabilities: Tensor, target: Tensor) -> None:
        """
        Args:
            probabilities: (B, num_classes) in 0..1, what a `FrozenEvaluator` gives.
            target: (B, num_classes) multi-hot, the asked objects.
        """
        seen = probabilities > self.threshold
        self.seen += seen.sum()
        self.extra += (seen & ~target.bool()).sum()

    def compute(self) -> Tensor:
        return self.extra / self.seen.clamp(min=1)
