"""Checkpoints as safetensors files: the weights, and all else as JSON in the file's metadata."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lit_gans.errors import InputError

SUFFIX = ".safetensors"
# Keys of the metadata: a checkpoint without its weights, and what the weights hash to.
FACTS, DIGEST = "lit_gans", "sha256"


def to_safetensors(content: Mapping[str, Any]) -> bytes:
    """The file of a checkpoint, plain values and, under "state_dict", tensors: the same bytes for the same content."""
    from safetensors.torch import save

    weights = {name: weight.contiguous().clone() for name, weight in content["state_dict"].items()}
    facts = json.dumps({key: value for key, value in content.items() if key != "state_dict"})
    return with_sorted_metadata(save(weights, {"format": "pt", FACTS: facts, DIGEST: digest(weights)}))


def with_sorted_metadata(file: bytes) -> bytes:
    """The same file with its metadata in the order of keys, which the library leaves to chance."""
    start = 8 + int.from_bytes(file[:8], "little")
    header = json.loads(file[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the tensors stay aligned
    return len(text).to_bytes(8, "little") + text + file[start:]


def read_safetensors(path: Path, what: str) -> dict[str, Any]:
    """The checkpoint in a file; of another program's file the weights alone.

    Raises:
        InputError: damaged or changed; `what` opens the message.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = json.loads(told.get(FACTS, "{}"))
    except OSError as error:
        raise InputError(f"{what} {path}: cannot be read: {error.strerror or error}") from None
    except (SafetensorError, ValueError, RecursionError) as error:
        raise InputError(f"{what} {path}: no readable safetensors file: {error}; take another copy of it") from None
    if DIGEST in told and told[DIGEST] != digest(weights):
        raise InputError(f"{what} {path}: was changed after it was written; take another copy of it")
    if not isinstance(facts, dict):
        raise InputError(f"{what} {path}: its metadata are no checkpoint's; take another copy of it")
    return {**facts, "state_dict": weights}


def digest(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of all weights with their names, in the order of names."""
    total = hashlib.sha256()
    for name in sorted(weights):
        total.update(name.encode())
        total.update(weights[name].contiguous().flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()
