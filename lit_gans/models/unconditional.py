"""Models that draw pictures from noise alone."""

from torch import Tensor

from lit_gans.inference.generators import UnconditionalGenerator
from lit_gans.models.gan import GAN
from lit_gans.training.batches import Batch


class UnconditionalGAN(UnconditionalGenerator, GAN):
    """A GAN of networks `generator(z)` and `discriminator(images)`."""

    held_out_needed = 2  # of the kernel distance in validation

    def preview(self, batch: Batch, seed: int) -> Tensor:
        """As many pictures as the batch has, or as it asks for."""
        n = len(batch["image"]) if "image" in batch else batch["count"]
        return self.sample(n, seed=seed, use_ema=self.use_ema)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Nothing of its own; scores are taken by the callback in scoring/."""

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """(count, 3, H, W)"""
        return self.preview(batch, self.draw_seed)
