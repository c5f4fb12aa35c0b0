"""The two generators of a CycleGAN in use."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from lit_gans.errors import InputError
from lit_gans.inference.base import InferenceModel
from lit_gans.networks.contexts import inference
from lit_gans.networks.cyclegan import ResnetGenerator
from lit_gans.training.ema import averaged_copy

Direction = Literal["a2b", "b2a"]


class Translation:
    """Mixin: pictures of domain A as domain B would show them, and back.

    Attributes:
        generator_a2b, generator_b2a: the generators.
        generator_a2b_ema, generator_b2a_ema: the averages of their weights, None where there are none.
    """

    sampling_networks: ClassVar[tuple[str, ...]] = ("generator_a2b", "generator_b2a")
    generator_a2b: Any
    generator_b2a: Any
    generator_a2b_ema: Any
    generator_b2a_ema: Any

    def set_generators(self, make: Callable[[], nn.Module], has_average: bool) -> None:
        for name in self.sampling_networks:
            network = make()
            setattr(self, name, network)
            setattr(self, f"{name}_ema", averaged_copy(network) if has_average else None)

    def translate(self, images: Tensor, direction: Direction = "a2b", use_ema: bool = True) -> Tensor:
        """Images as the other domain would show them, in full precision.

        Args:
            images: (B, 3, H, W) float in [-1, 1], of any size.
            direction: "a2b" or "b2a".
            use_ema: by the averaged weights, where there are any.

        Returns:
            The same shape, on the model's device.

        Raises:
            InputError: another shape or direction.
        """
        network = self.generator(direction, use_ema)
        if images.ndim != 4 or images.shape[1] != network.channels:
            raise InputError(f"images of shape {tuple(images.shape)}; expected (B, {network.channels}, H, W)")
        with inference(network):
            return network(images.to(next(network.parameters()).device, torch.float32))

    def generator(self, direction: Direction, use_ema: bool = True) -> ResnetGenerator:
        """The network of a direction: the averaged one, if it is asked for and there is one."""
        if direction not in get_args(Direction):
            raise InputError(f"direction is {direction!r}; expected 'a2b' or 'b2a'")
        trained, averaged = getattr(self, f"generator_{direction}"), getattr(self, f"generator_{direction}_ema")
        return averaged if use_ema and averaged is not None else trained

    def forward(self, images: Tensor) -> Tensor:
        """A to B, (B, 3, H, W) -> same."""
        return self.generator("a2b")(images)


class TranslationModel(Translation, InferenceModel):
    """A trained CycleGAN."""

    default_ema_decay: ClassVar[float] = 0.0

    def set_networks(self, make: Callable[[], nn.Module], has_average: bool) -> None:
        self.set_generators(make, has_average)
