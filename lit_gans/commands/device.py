"""`--device`: the device of a command."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")


def add_device_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--device", choices=DEVICES, default="auto", help="where to compute; auto (default) takes what is there"
    )


def device_of(name: str) -> torch.device:
    """The device of this name; the fastest one that is there for "auto".

    Raises:
        InputError: it is not there.
    """
    import torch

    from lit_gans.errors import InputError

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, is_there in there.items() if is_there)
    if not there[name]:
        raise InputError(
            f"--device {name}: torch finds none here; give {' or '.join(filter(there.get, there))}, or auto"
        )
    return torch.device(name)
