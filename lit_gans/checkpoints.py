"""Reading torch files that come from anywhere."""

from pathlib import Path
from typing import Any

import torch

from lit_gans.errors import InputError


def read_torch_file(path: Path, what: str) -> Any:
    """The content of a file that `torch.save` wrote, on the CPU; nothing in it can run code.

    Raises:
        InputError: missing or unreadable; `what` ("evaluator", "checkpoint") opens the message.
    """
    if not path.is_file():
        raise InputError(f"{what} {path}: no such file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch raises many kinds for a file that is none of its own, is cut short, or asks to run code
        raise InputError(f"{what} {path}: not a readable torch file: {one_line(error)}") from None


def one_line(error: Exception, limit: int = 300) -> str:
    """The message without line breaks, cut to `limit` characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[:limit] + " ..."
