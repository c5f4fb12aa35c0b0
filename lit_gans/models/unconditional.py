"""Models that draw pictures from noise alone."""

from torch import Tensor

from lit_gans import checks
from lit_gans.models.base import Batch
from lit_gans.models.gan import GAN
from lit_gans.training.seeding import generator_of


class UnconditionalGAN(GAN):
    """A GAN of networks `generator(z)` and `discriminator(images)`."""

    held_out_needed = 2  # of the kernel distance in validation

    def sample(
        self, n: int = 25, seed: int | None = None, ema: bool = True, temperature: float | None = None
    ) -> Tensor:
        """Pictures, in eval mode and full precision.

        Args:
            n: how many.
            seed: of the noise; the same seed gives the same pictures. None: another noise in each call.
            ema: the averaged weights where there are any, else the trained ones.
            temperature: factor of the noise; None: the model's.

        Returns:
            (n, 3, H, W) float in [-1, 1].
        """
        checks.whole("n", n, at_least=1, hint="pictures")
        return self.pictures(n, generator_of(seed), ema, temperature=temperature)

    def preview(self, batch: Batch, seed: int) -> Tensor:
        """As many pictures as the batch has, or as it asks for."""
        n = len(batch["image"]) if "image" in batch else batch["count"]
        return self.sample(n, seed=seed, ema=self.use_ema)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Nothing of its own; scores are taken by the callback in scoring/."""

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """(count, 3, H, W)"""
        return self.preview(batch, self.draw_seed)
