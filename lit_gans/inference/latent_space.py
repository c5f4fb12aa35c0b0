"""What can be done with the latents of any model that encodes images and decodes them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.inference.base import checked_temperature
from lit_gans.inference.conditions import Conditions, as_multi_hot, known_name
from lit_gans.networks.flow.latents import between


class LatentSpace:
    """Mixin: the way between two images, edits of attributes, and other labels.

    The model has `encode(x, conditions)`, whose latents have `flatten() -> (B, dims)`, and its inverse `decode(latents
    or their flat form, conditions, guidance=...)`; `pictures_of(flat latents, rng, use_ema, conditions)`, which draws
    as `sample` does; and the names of its classes.

    Attributes:
        image_size, dims: height and width of the images, and the numbers in one.
        condition_drop: share of the training images whose condition was left out; 0: the model always needs one.
        temperature, guidance: where `sample` is given none.
    """

    num_classes: int
    class_names: Sequence[str] | None
    encode: Any
    decode: Any
    pictures_of: Any
    model_name: Any
    device: Any

    def set_space(
        self,
        image_size: int,
        condition_drop: float,
        temperature: float = 1.0,
        guidance: float = 0.0,
        channels: int = 3,
    ) -> None:
        self.image_size, self.channels, self.dims = image_size, channels, channels * image_size**2
        self.condition_drop = checks.number(
            "condition_drop", condition_drop, at_least=0, below=1, hint="a share, such as 0.1"
        )
        self.temperature, self.guidance = self.settings(temperature, guidance)

    def settings(self, temperature: float | None, guidance: float | None) -> tuple[float, float]:
        """Both, the model's own where they are None.

        Raises:
            InputError: a value that is not possible, or guidance of a model that always needs a condition.
        """
        guidance = (
            self.guidance if guidance is None else checks.number("guidance", guidance, at_least=0, hint="0: none")
        )
        if guidance and not self.condition_drop:
            raise InputError(
                "guidance needs a model that also knows images without condition; train with condition_drop 0.1"
            )
        return (self.temperature if temperature is None else checked_temperature(temperature)), guidance

    def told(self, conditions: Conditions | None, count: int) -> Tensor | None:
        """The conditions of so many images or latents, (count, num_classes); None where none is told.

        Raises:
            InputError: another number of them, or none where one is needed.
        """
        if conditions is None:
            if not self.condition_drop:
                raise InputError(
                    "this model was trained with condition_drop 0, so it always needs a condition; give conditions"
                )
            return None
        rows = as_multi_hot(conditions, self.num_classes, self.class_names)
        if len(rows) != count:
            raise InputError(f"{len(rows)} conditions for {count} images or latents; expected one for each")
        return rows

    def check_guided(self, conditions: Conditions | None, guidance: float) -> None:
        """Raises InputError: guidance that is not possible, or without a condition."""
        self.settings(None, guidance)
        if guidance and conditions is None:
            raise InputError(
                "guidance strengthens the condition, and decode was given none; give conditions, or guidance 0"
            )

    def interpolate(
        self, first: Tensor, second: Tensor, steps: int = 8, mode: str = "lerp", conditions: Conditions | None = None
    ) -> Tensor:
        """Pictures on the way from each image to its partner.

        Args:
            first, second: (B, 3, image_size, image_size) in [-1, 1].
            steps: pictures, both ends included.
            mode: "lerp", straight; "slerp", along the great circle.
            conditions: what both show; none by default, so that the latents hold all that differs.

        Returns:
            (B, steps, 3, image_size, image_size) in [-1, 1]; the ends are the images.
        """
        if steps < 2:
            raise InputError(f"steps is {steps}; expected at least 2, the two images themselves")
        start, end = (self.encode(x, conditions).flatten() for x in (first, second))
        shares = torch.linspace(0, 1, steps).tolist()
        return torch.stack([self.decode(between(start, end, t, mode), conditions).clamp(-1, 1) for t in shares], dim=1)

    def attribute_directions(self, batches: Iterable[Mapping[str, Tensor]], attributes: Sequence[str | int]) -> Tensor:
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
