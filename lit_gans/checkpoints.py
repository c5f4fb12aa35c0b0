"""Reading torch files that come from anywhere: whole, harmless and of a possible size, or refused."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lit_gans import hub, zoo
from lit_gans.errors import InputError
from lit_gans.safe_files import SUFFIX, read_safetensors

ZIP_MAGIC = b"PK\x03\x04"
# The parts of a checkpoint in which a value that is not finite breaks whatever is computed from them.
WEIGHTS = ("state_dict", "optimizer_states")


def read_torch_file(path: Path, what: str) -> Any:
    """The content of a file that `torch.save` wrote, or of a safetensors file, on the CPU; nothing in it can run code.

    torch.save writes a zip archive with a CRC-32 of each part, which torch.load does not look at; here it is checked,
    so that changed bytes are never taken for weights. (Files of PyTorch before 1.6 are no archives and have none.)

    Raises:
        InputError: missing or unreadable, changed or cut, of objects beside tensors and plain values, or of tensors
            larger than the file; `what` ("evaluator", "checkpoint") opens the message.
    """
    path = hub.found(path)
    if not path.is_file():
        raise InputError(f"{what} {path}: {'is a folder' if path.is_dir() else 'no such file'}{zoo.hint(path)}")
    if path.suffix == SUFFIX:
        return read_safetensors(path, what)
    try:
        check_archive(path, what)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{what} {path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:
        # torch raises many kinds for a file that is none of its own, is cut short, or asks to run code
        raise InputError(f"{what} {path}: {unreadable(error)}") from None
    check_sizes(content, path, what)
    return content


def check_archive(path: Path, what: str) -> None:
    """Raises InputError: a zip archive whose parts are not as they were written."""
    with path.open("rb") as file:
        if file.read(len(ZIP_MAGIC)) != ZIP_MAGIC:
            return
    try:
        with zipfile.ZipFile(path) as archive:
            packed = [part.filename for part in archive.infolist() if part.compress_type != zipfile.ZIP_STORED]
            damaged = packed[0] if packed else archive.testzip()
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        damaged = one_line(error)
    if damaged is not None:
        raise InputError(
            f"{what} {path}: not a readable torch file: it was cut or changed after it was written ({damaged}); "
            "take another copy of it"
        )


def unreadable(error: Exception) -> str:
    """Why torch.load refused a file."""
    asked = re.search(r"GLOBAL (\S+)", str(error))  # the pickle's word for what it wants to call
    if asked:
        return (
            f"holds {asked.group(1)}, which is neither a tensor nor a plain value; loading it could run code, so it is "
            "refused, and nothing of it was run"
        )
    return f"not a readable torch file: {one_line(error)}"


def check_sizes(content: Any, path: Path, what: str) -> None:
    """Raises InputError: a tensor of more elements than the file can hold."""
    limit = path.stat().st_size
    storages: set[int] = set()
    total = 0
    for name, tensor in tensors_of(content):
        if tensor.layout != torch.strided or tensor.is_meta:
            raise InputError(f"{what} {path}: {name} is no plain tensor; expected one with all its values in the file")
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in storages:
            storages.add(storage.data_ptr())
            total += storage.nbytes()
        if tensor.numel() * tensor.element_size() > storage.nbytes() or total > limit:
            raise InputError(
                f"{what} {path}: {name} claims {tensor.numel():,} elements, more than a file of {limit:,} bytes holds; "
                "it is damaged or made to harm"
            )


def check_finite(content: dict[str, Any], source: str) -> None:
    """
    Args:
        content: of a checkpoint.
        source: what opens the message, such as "checkpoint FILE".

    Raises:
        InputError: a weight, or a value that an optimizer keeps, is NaN or infinite; the first ones are named.
    """
    parts = {name: content[name] for name in WEIGHTS if name in content}
    broken = [
        name for name, tensor in tensors_of(parts) if tensor.is_floating_point() and not torch.isfinite(tensor).all()
    ]
    if broken:
        names = ", ".join(name.removeprefix("state_dict.") for name in broken[:3])
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        raise InputError(
            f"{source}: NaN or infinite values in {names}{more}: the training had diverged when it was written; take "
            "an earlier checkpoint"
        )


def tensors_of(content: Any) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in dicts, lists and tuples, with its dotted name."""
    rest = [("", content)]
    while rest:  # without recursion: a file may be nested as deep as it likes
        name, value = rest.pop()
        if isinstance(value, Tensor):
            yield name, value
            continue
        if isinstance(value, dict):
            parts = [(f"{name}.{key}".lstrip("."), part) for key, part in value.items()]
        elif isinstance(value, list | tuple):
            parts = [(f"{name}[{i}]", part) for i, part in enumerate(value)]
        else:
            continue
        rest += reversed(parts)


def one_line(error: BaseException, limit: int = 300) -> str:
    """The message without line breaks, cut to `limit` characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[:limit] + " ..."
