"""The two generators of a CycleGAN in use."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from lit_gans.errors import InputError
from lit_gans.inference.base import InferenceModel
from lit_gans.networks.contexts import inference
from lit_gans.networks.cyclegan import ResnetGenerator

Direction = Literal["a2b", "b2a"]


class Translation:
    """Mixin: pictures of domain A as domain B would show them, and back."""

    sampling_networks: ClassVar[tuple[str, ...]] = ("generator_a2b", "generator_b2a")
    generator_a2b: Any
    generator_b2a: Any

    def translate(self, images: Tensor, direction: Direction = "a2b") -> Tensor:
        """Images as the other domain would show them, in full precision.

        Args:
            images: (B, 3, H, W) float in [-1, 1], of any size.
            direction: "a2b" or "b2a".

        Returns:
            The same shape, on the model's device.

        Raises:
            InputError: another shape or direction.
        """
        network = self.generator(direction)
        if images.ndim != 4 or images.shape[1] != network.channels:
            raise InputError(f"images of shape {tuple(images.shape)}; expected (B, {network.channels}, H, W)")
        with inference(network):
            return network(images.to(next(network.parameters()).device, torch.float32))

    def generator(self, direction: Direction) -> ResnetGenerator:
        if direction not in get_args(Direction):
            raise InputError(f"direction is {direction!r}; expected 'a2b' or 'b2a'")
        return self.generator_a2b if direction == "a2b" else self.generator_b2a

    def forward(self, images: Tensor) -> Tensor:
        """A to B, (B, 3, H, W) -> same."""
        return self.generator_a2b(images)


class TranslationModel(Translation, InferenceModel):
    """A trained CycleGAN."""

    def set_networks(self, make: Callable[[], nn.Module], has_average: bool) -> None:
        self.generator_a2b, self.generator_b2a = make(), make()
