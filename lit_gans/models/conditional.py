"""Sampling from conditions: the same for every conditional model."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.models.base import Batch, ImageModel
from lit_gans.models.conditions import Conditions, as_multi_hot
from lit_gans.training.seeding import generator_of


class Conditional(ImageModel):
    """Mixin: `sample`, and images for the conditions of a batch.

    The model defines `draw` and calls `set_classes`.
    """

    conditional = True
    num_classes: int
    class_names: Sequence[str] | None

    def set_classes(self, num_classes: int, class_names: Sequence[str] | None) -> None:
        """
        Raises:
            InputError: another number of names than of classes.
        """
        if class_names is not None and len(class_names) != num_classes:
            raise InputError(
                f"{len(class_names)} class_names for num_classes={num_classes}; one name a class is needed"
            )
        self.num_classes, self.class_names = num_classes, class_names

    # (conditions, noise, ema, **options): pictures (B, 3, H, W) in [-1, 1] for (B, num_classes) conditions on the
    # model's device, with noise from this CPU generator
    draw: Callable[..., Tensor]

    def sample(
        self,
        conditions: Conditions,
        n: int = 1,
        seed: int | None = None,
        ema: bool = True,
        temperature: float | None = None,
    ) -> Tensor:
        """Pictures for conditions, in eval mode and full precision.

        Args:
            conditions: (B, num_classes) multi-hot, or B lists of object names.
            n: pictures for each condition; those of one condition follow each other.
            seed: of the noise; the same seed gives the same pictures. None: another noise in each call.
            ema: the averaged weights where there are any, else the trained ones.
            temperature: factor of the noise; None: the model's.

        Returns:
            (B * n, 3, H, W) float in [-1, 1].
        """
        return self.draw_each(conditions, n, seed, ema, temperature=temperature)

    def draw_each(self, conditions: Conditions, n: int, seed: int | None, ema: bool, **options: Any) -> Tensor:
        """`sample`, with the options that this model's `draw` has."""
        checks.whole("n", n, at_least=1, hint="pictures for each condition")
        rows = as_multi_hot(conditions, self.num_classes, self.class_names).to(self.device)
        noise = generator_of(seed)
        return self.draw(rows.repeat_interleave(n, dim=0), noise, ema, **options)

    def preview(self, batch: Batch, seed: int) -> Tensor:
        """Pictures for a batch's conditions."""
        return self.sample(batch["condition"], seed=seed, ema=self.use_ema)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Nothing of its own; scores are taken by the callback in scoring/."""

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """One picture a condition, (B, 3, H, W)."""
        return self.preview(batch, self.draw_seed)
