"""`--compile.mode`: the networks of a training through torch.compile."""

from typing import Any, Literal, get_args

import lightning as L

from lit_gans import checks
from lit_gans.errors import InputError

Mode = Literal["off", "default", "reduce-overhead", "max-autotune"]


class Compile(L.Callback):
    """Compiles what a model names in `compilable`, in place: names in checkpoints stay as they are.

    The first batch then takes a minute or more, so this is for long runs. Weights after some batches agree with those
    of an uncompiled run as two precisions do, not bit for bit.

    Args:
        mode: of torch.compile, or "off"; "reduce-overhead" records CUDA graphs, for small networks on a GPU.
        backend: of torch.compile.
    """

    def __init__(self, mode: Mode = "off", backend: str = "inductor") -> None:
        checks.choice("compile.mode", mode, get_args(Mode))
        self.mode, self.backend = mode, backend

    def on_fit_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        if self.mode == "off":
            return
        networks = pl_module.compilable()
        if not networks:
            raise InputError(
                f"compile.mode is {self.mode!r}, but {type(pl_module).__name__} has nothing to compile; leave it out"
            )
        options = {"mode": self.mode} if self.backend == "inductor" else {}  # others know no modes
        for network in networks:
            network.compile(backend=self.backend, **options)
