"""Conditions as users write them -> multi-hot tensors."""

from collections.abc import Sequence
from difflib import get_close_matches

import torch
from torch import Tensor

from lit_gans.errors import InputError

Conditions = Tensor | Sequence[Sequence[str]]


def as_multi_hot(conditions: Conditions, num_classes: int, class_names: Sequence[str] | None) -> Tensor:
    """
    Args:
        conditions: (B, num_classes) multi-hot, or for each picture the list of names that it shall hold.

    Returns:
        (B, num_classes) float.

    Raises:
        InputError: wrong shape; no or unknown names (the nearest valid ones are named).
    """
    if isinstance(conditions, Tensor):
        if conditions.ndim != 2 or conditions.shape[1] != num_classes:
            raise InputError(
                f"conditions have shape {tuple(conditions.shape)}; expected (B, {num_classes}): a row a picture"
            )
        return conditions.float()
    if class_names is None:
        raise InputError("this model was trained without class_names; give conditions as a multi-hot tensor")
    index = {name: i for i, name in enumerate(class_names)}
    result = torch.zeros(len(conditions), num_classes)
    for row, names in zip(result, conditions, strict=True):
        if isinstance(names, str) or not names:
            raise InputError(f"condition {names!r} is not a list of names such as {list(class_names[:2])}")
        for name in names:
            row[index[known_name(name, class_names)]] = 1
    return result


def known_name(name: str, class_names: Sequence[str]) -> str:
    """The class of this name; capitals and the number of spaces do not matter.

    Raises:
        InputError: if it is none of them; the message names the nearest ones.
    """
    by_spelling = {_spelling(known): known for known in class_names}
    wanted = _spelling(name)
    if wanted in by_spelling:
        return by_spelling[wanted]
    near = [by_spelling[match] for match in get_close_matches(wanted, by_spelling, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known names: {', '.join(class_names)}"
    raise InputError(f"unknown object {name!r}: {hint}")


def _spelling(name: str) -> str:
    return " ".join(name.lower().split())
