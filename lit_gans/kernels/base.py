"""What all kernels have in common: two ways to one result, and the switch between them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from torch import Tensor, nn

from lit_gans.errors import InputError

SWITCH = "LIT_GANS_KERNELS"


def switched_on() -> bool:
    """Raises InputError: the environment variable is neither "on" nor "off"."""
    value = os.environ.get(SWITCH, "on")
    if value not in ("on", "off"):
        raise InputError(f"the environment variable {SWITCH} is {value!r}; expected 'on' or 'off'")
    return value == "on"


class Kernel(nn.Module):
    """A module of torch's with a faster way to the same result. Named first among the bases, before that module.

    Attributes:
        enabled: whether the fast way may be taken; read once from LIT_GANS_KERNELS.
    """

    enabled: ClassVar[bool] = switched_on()

    def forward(self, input: Tensor, *_: Any) -> Tensor:
        return self.fast(input) if self.enabled and self.pays(input) else self.plain(input)

    def plain(self, input: Tensor) -> Tensor:
        """What is computed, by torch's own functions."""
        output: Tensor = super().forward(input)
        return output

    def fast(self, input: Tensor) -> Tensor:
        """The same, faster."""
        raise NotImplementedError

    def pays(self, input: Tensor) -> bool:
        """Whether the fast way is the faster one for this input on this machine."""
        return True


@contextmanager
def plain_ways() -> Iterator[None]:
    """In here every kernel takes the plain way, whatever LIT_GANS_KERNELS says."""
    before, Kernel.enabled = Kernel.enabled, False
    try:
        yield
    finally:
        Kernel.enabled = before
