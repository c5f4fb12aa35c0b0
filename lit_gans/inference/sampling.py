"""Drawing pictures, whole or in parts: the same for every model."""

from collections.abc import Callable, Iterator, Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.inference.conditions import Conditions, as_multi_hot
from lit_gans.training.seeding import generator_of

# Pictures whose conditions and latents are in memory at a time; a multiple of 16, because torch makes normal numbers of
# a CPU in sixteens: so latents are those that one call would draw. (The orders and layouts of a flow's objects come
# before the latents of their block.)
BLOCK = 4096


class Sampling:
    """Mixin: what `sample` and `stream` of every model have in common.

    A model defines `draw(asked, rng, use_ema, *, option, ...)`: parts of the pictures, (B, 3, H, W) in [-1, 1], with
    noise from this CPU generator. Its keyword-only arguments are the model's options of sampling.
    """

    draw: Callable[..., Iterator[Tensor]]
    device: Any
    model_name: Any

    def sampling_options(self) -> list[str]:
        """Options of `sample` and `stream` that this model has, such as "temperature"."""
        parameters = signature(self.draw).parameters.values()
        return [parameter.name for parameter in parameters if parameter.kind == parameter.KEYWORD_ONLY]

    def check_options(self, options: dict[str, Any]) -> None:
        """Raises InputError: one that this model does not have."""
        known = self.sampling_options()
        for name in options:
            if name not in known:
                raise InputError(f"a {self.model_name} has no {name}; leave it out (it has {', '.join(known)})")


class UnconditionalSampling(Sampling):
    """Mixin of models that draw from noise alone; `asked` of their `draw` is the number of pictures."""

    def sample(self, n: int = 25, seed: int | None = None, use_ema: bool = True, **options: Any) -> Tensor:
        """Pictures, in eval mode and full precision.

        Args:
            n: how many.
            seed: of the noise; the same seed gives the same pictures. None: another noise in each call.
            use_ema: the averaged weights where there are any, else the trained ones.
            options: `temperature`: factor of the noise; None: the model's.

        Returns:
            (n, 3, H, W) float in [-1, 1].

        Raises:
            InputError: a value that is not possible.
        """
        return torch.cat(list(self.stream(n, seed, use_ema, **options)))

    def stream(self, n: int = 25, seed: int | None = None, use_ema: bool = True, **options: Any) -> Iterator[Tensor]:
        """The pictures of `sample`, part by part: any number of them in the memory of one part."""
        checks.whole("n", n, at_least=1, hint="pictures")
        self.check_options(options)
        rng = generator_of(seed)
        for start in range(0, n, BLOCK):
            yield from self.draw(min(BLOCK, n - start), rng, use_ema, **options)


class ConditionalSampling(Sampling):
    """Mixin of models that draw for conditions; `asked` of their `draw` are those, (B, num_classes) on the model's
    device. A model calls `set_classes`."""

    num_classes: int
    class_names: Sequence[str] | None

    def set_classes(self, num_classes: int = 24, class_names: Sequence[str] | None = None) -> None:
        """Raises InputError: names that are no texts, or another number of them than of classes."""
        if class_names is not None and not all(isinstance(name, str) for name in class_names):
            raise InputError(f"class_names are {list(class_names)[:3]}, ...; expected a text for each class")
        if class_names is not None and len(class_names) != num_classes:
            raise InputError(
                f"{len(class_names)} class_names for num_classes={num_classes}; one name a class is needed"
            )
        self.num_classes, self.class_names = num_classes, class_names

    def sample(
        self, conditions: Conditions, n: int = 1, seed: int | None = None, use_ema: bool = True, **options: Any
    ) -> Tensor:
        """Pictures for conditions, in eval mode and full precision.

        Args:
            conditions: (B, num_classes) multi-hot, or B lists of object names.
            n: pictures for each condition; those of one condition follow each other.
            seed: of the noise; the same seed gives the same pictures. None: another noise in each call.
            use_ema: the averaged weights where there are any, else the trained ones.
            options: of the model's `draw`; those that are None are the model's own. All have `temperature`, the factor
                of the noise. A tensor has a row for each condition.

        Returns:
            (B * n, 3, H, W) float in [-1, 1].

        Raises:
            InputError: a value that is not possible.
        """
        return torch.cat(list(self.stream(conditions, n, seed, use_ema, **options)))

    def stream(
        self, conditions: Conditions, n: int = 1, seed: int | None = None, use_ema: bool = True, **options: Any
    ) -> Iterator[Tensor]:
        """The pictures of `sample`, part by part: any number of them in the memory of one part."""
        checks.whole("n", n, at_least=1, hint="pictures for each condition")
        self.check_options(options)
        rows = as_multi_hot(conditions, self.num_classes, self.class_names)
        for name, value in options.items():
            if isinstance(value, Tensor) and value.ndim and len(value) != len(rows):
                raise InputError(f"{name} has shape {tuple(value.shape)}; expected a row for each of {len(rows)}")
        rng = generator_of(seed)
        for start in range(0, n * len(rows), BLOCK):
            which = torch.arange(start, min(start + BLOCK, n * len(rows))) // n
            own = {k: v[which.to(v.device)] if isinstance(v, Tensor) and v.ndim else v for k, v in options.items()}
            yield from self.draw(rows[which].to(self.device), rng, use_ema, **own)
