"""Conditions as users write them -> multi-hot tensors."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from lit_gans.errors import InputError, few

Conditions = Tensor | np.ndarray | Sequence[Sequence[str]] | Sequence[Sequence[float]]


def as_multi_hot(conditions: Conditions, num_classes: int, class_names: Sequence[str] | None) -> Tensor:
    """
    Args:
        conditions: (B, num_classes) multi-hot, as a tensor, an array or lists of numbers; or for each picture the list
            of names that it shall hold.

    Returns:
        (B, num_classes) float.

    Raises:
        InputError: wrong shape; values other than 0 and 1; none at all; no or unknown names (the nearest valid ones are
            named).
    """
    if isinstance(conditions, Tensor | np.ndarray) or are_numbers(conditions):
        return checked_multi_hot(conditions, num_classes)
    if isinstance(conditions, str) or not isinstance(conditions, Sequence) or not len(conditions):
        raise InputError(f"conditions are {conditions!r}; expected a list of names for each of one picture or more")
    if class_names is None:
        raise InputError("this model was trained without class_names; give conditions as a multi-hot tensor")
    index = {name: i for i, name in enumerate(class_names)}
    result = torch.zeros(len(conditions), num_classes)
    for row, names in zip(result, conditions, strict=True):
        if isinstance(names, str) or not isinstance(names, Sequence) or not names:
            raise InputError(f"condition {names!r} is not a list of names such as {list(class_names[:2])}")
        for name in names:
            row[index[known_name(name, class_names)]] = 1
    return result


def as_places(
    places: Sequence[Mapping[str, tuple[float, float]]], num_classes: int, class_names: Sequence[str] | None
) -> Tensor:
    """
    Args:
        places: for each picture, x and y of objects by name, in shares of the picture from the left and from the top.

    Returns:
        (B, num_classes, 2), NaN for the others: `places` of a flow that is told where objects stand.

    Raises:
        InputError: an unknown name.
    """
    names = list(class_names or ())
    result = torch.full((len(places), num_classes, 2), torch.nan)
    for row, one in zip(result, places, strict=True):
        for name, place in one.items():
            row[names.index(known_name(name, names))] = torch.tensor(place)
    return result


def are_numbers(conditions: object) -> bool:
    """Whether these are rows of numbers, [[0, 1], ...]."""
    if not isinstance(conditions, Sequence) or isinstance(conditions, str) or not conditions:
        return False
    first = conditions[0]
    return isinstance(first, Sequence) and not isinstance(first, str) and len(first) > 0 and isinstance(first[0], Real)


def checked_multi_hot(conditions: object, num_classes: int) -> Tensor:
    try:
        rows = torch.as_tensor(conditions).float()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"conditions are no numbers of one shape: {error}; expected (B, {num_classes})") from None
    if rows.ndim != 2 or rows.shape[1] != num_classes or not len(rows):
        raise InputError(f"conditions have shape {tuple(rows.shape)}; expected (B, {num_classes}): a row a picture")
    strange = rows[(rows != 0) & (rows != 1)]
    if len(strange):
        raise InputError(f"conditions hold {strange[0].item():g}; expected 1 for what is in a picture, 0 for the rest")
    return rows


def known_name(name: object, class_names: Sequence[str]) -> str:
    """The class of this name; capitals and the number of spaces do not matter.

    Raises:
        InputError: if it is none of them; the message names the nearest ones.
    """
    if not isinstance(name, str):
        raise InputError(f"object {name!r} is no name; known names: {few(class_names)}")
    by_spelling = {_spelling(known): known for known in class_names}
    wanted = _spelling(name)
    if wanted in by_spelling:
        return by_spelling[wanted]
    near = [by_spelling[match] for match in get_close_matches(wanted, by_spelling, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known names: {few(class_names)}"
    raise InputError(f"unknown object {name!r}: {hint}")


def _spelling(name: str) -> str:
    return " ".join(name.lower().split())
