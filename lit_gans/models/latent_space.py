"""What can be done with the latents of any model that encodes images and decodes them."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.models.base import Batch
from lit_gans.models.conditions import Conditions, known_name
from lit_gans.networks.flow.latents import between


class LatentSpace:
    """Mixin: the way between two images, edits of attributes, and other labels.

    The model has `encode(x, c)`, whose latents have `flatten() -> (B, dims)`, and its inverse `decode(latents or their
    flat form, c, guidance=...)`; and the names of its classes.
    """

    image_size: int
    dims: int
    num_classes: int
    class_names: Sequence[str] | None
    encode: Any
    decode: Any

    def interpolate(
        self, first: Tensor, second: Tensor, steps: int = 8, mode: str = "lerp", c: Conditions | None = None
    ) -> Tensor:
        """Pictures on the way from each image to its partner.

        Args:
            first, second: (B, 3, image_size, image_size) in [-1, 1].
            steps: pictures, both ends included.
            mode: "lerp", straight; "slerp", along the great circle.
            c: what both show; none by default, so that the latents hold all that differs.

        Returns:
            (B, steps, 3, image_size, image_size) in [-1, 1]; the ends are the images.
        """
        if steps < 2:
            raise InputError(f"steps is {steps}; expected at least 2, the two images themselves")
        start, end = (self.encode(x, c).flatten() for x in (first, second))
        shares = torch.linspace(0, 1, steps).tolist()
        return torch.stack([self.decode(between(start, end, t, mode), c).clamp(-1, 1) for t in shares], dim=1)

    def attribute_directions(self, batches: Iterable[Batch], attributes: Sequence[str | int]) -> Tensor:
        """For each attribute the mean latents of images with it minus those of images without it.

        One pass over the batches, whatever their number, in the memory of one batch. The images are encoded without
        their label: latents under a label no longer hold what the label tells.

        Args:
            batches: `{"image": (B, 3, H, W) in [-1, 1], "condition": (B, num_classes)}`.
            attributes: names or indices of classes.

        Returns:
            (attributes, D) on the CPU, for the flat form of latents.

        Raises:
            InputError: an unknown attribute, or one that all or none of the images have.
        """
        columns = [self.class_index(attribute) for attribute in attributes]
        sums, counts = torch.zeros(2, len(columns), self.dims, dtype=torch.float64), torch.zeros(2, len(columns))
        for batch in batches:
            z = self.encode(batch["image"]).flatten().cpu().double()
            has = batch["condition"].cpu()[:, columns]
            for i, side in enumerate((has, 1 - has)):
                sums[i] += side.T.double() @ z
                counts[i] += side.sum(0)
        for attribute, (with_it, without) in zip(attributes, counts.T.tolist(), strict=True):
            if not with_it or not without:
                raise InputError(
                    f"attribute {attribute!r}: {with_it:.0f} images have it and {without:.0f} have not; a direction "
                    "needs some of both"
                )
        with_it, without = sums / counts[:, :, None]
        return (with_it - without).float()

    def edit(self, x: Tensor, direction: Tensor, amounts: Sequence[float]) -> Tensor:
        """Images whose latents are moved along a direction of `attribute_directions`, times each amount.

        Returns:
            (B, amounts, 3, image_size, image_size) in [-1, 1]; amount 0 is the image itself.
        """
        z = self.encode(x).flatten()
        moved = [z + amount * direction.to(z) for amount in amounts]
        return torch.stack([self.decode(one).clamp(-1, 1) for one in moved], dim=1)

    def relabel(self, x: Tensor, before: Conditions, after: Conditions, guidance: float = 0.0) -> Tensor:
        """Images decoded under another label than they were encoded with: what the label does not tell stays.

        Returns:
            (B, 3, image_size, image_size) in [-1, 1].
        """
        return self.decode(self.encode(x, before), after, guidance=guidance).clamp(-1, 1)

    def class_index(self, attribute: str | int) -> int:
        if isinstance(attribute, int):
            return attribute
        if self.class_names is None:
            raise InputError("this model was trained without class_names; give attributes by index")
        return list(self.class_names).index(known_name(attribute, self.class_names))
