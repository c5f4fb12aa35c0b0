"""What every conditional model does in a Trainer."""

from torch import Tensor

from lit_gans.inference.sampling import ConditionalSampling
from lit_gans.models.base import ImageModel
from lit_gans.training.batches import Batch


class Conditional(ConditionalSampling, ImageModel):
    """Mixin: images for the conditions of a batch."""

    conditional = True

    def preview(self, batch: Batch, seed: int) -> Tensor:
        """Pictures for a batch's conditions."""
        return self.sample(batch["condition"], seed=seed, use_ema=self.use_ema)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Nothing of its own; scores are taken by the callback in scoring/."""

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """One picture a condition, (B, 3, H, W)."""
        return self.preview(batch, self.draw_seed)
