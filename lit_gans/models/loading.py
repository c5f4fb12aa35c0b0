"""A checkpoint file -> the model, ready to sample."""

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import torch

from lit_gans.checkpoints import check_finite, one_line, read_torch_file
from lit_gans.errors import InputError
from lit_gans.models.base import ImageModel
from lit_gans.models.checkpoint import CHECKPOINT_KEY, hyperparameters_of, model_name, shapes_in, shapes_on_paper
from lit_gans.models.registry import MODELS, model_class

# What the command line tells every model about the data, and writes down also for those that do not ask for it.
OF_THE_DATA = ("num_classes", "class_names", "image_size")
# A width, depth or size up to which a model of this package fits into any memory.
LARGE = 1024


def load(path: str | Path, device: str | torch.device = "cpu", *, allow_nan: bool = False) -> Any:
    """The model of a checkpoint that `lit-gans fit` or a Trainer wrote, in eval mode on `device`.

    Args:
        path: the file.
        device: where the model goes.
        allow_nan: take weights that are not finite too, to look at what became of a training.

    Returns:
        An instance of its class, such as `lit_gans.CDCGAN`.

    Raises:
        InputError: missing or damaged file, no checkpoint of this package, weights that do not fit the hyperparameters,
            or that are not finite.
    """
    path = Path(path).expanduser()
    source = f"checkpoint {path}"
    checkpoint = read_torch_file(path, "checkpoint")
    name = model_name(checkpoint)
    if name is None:
        raise InputError(f"{source}: not written by a model of lit_gans")
    if name not in MODELS:
        raise InputError(
            f"{source}: holds a {name}, which is no class of this package; load it with {name}.load_from_checkpoint"
        )
    if not allow_nan:
        check_finite(checkpoint, source)
    made_by = model_class(name)
    not_asked_for = set(OF_THE_DATA) - signature(made_by).parameters.keys()
    hyperparameters = {k: v for k, v in hyperparameters_of(checkpoint).items() if k not in not_asked_for}
    check_possible(checkpoint, made_by, hyperparameters, source)
    try:
        model: ImageModel = made_by(**hyperparameters)
        model.on_load_checkpoint(checkpoint)  # before, as in Lightning: it may complete the state
        model.load_state_dict(checkpoint["state_dict"])
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    except Exception as error:  # a stranger's hyperparameters may be of any type, and raise anything
        raise InputError(
            f"{source}: does not fit {name}; it is damaged or of another version of lit_gans: {one_line(error)}"
        ) from None
    return model.to(device).eval()


def check_possible(checkpoint: Mapping[str, Any], model: type, hyperparameters: Mapping[str, Any], source: str) -> None:
    """
    Raises:
        InputError: the model of these hyperparameters would have more weights than the file; told before there is
            memory for them.
    """
    if "only" in checkpoint[CHECKPOINT_KEY] or not any(above(value, LARGE) for value in hyperparameters.values()):
        return  # planning a flow takes seconds
    planned = shapes_on_paper(model, hyperparameters)
    if planned is None:
        return
    stored = sum(shape.numel() for shape in shapes_in(checkpoint, source).values())
    wanted = sum(shape.numel() for shape in planned.values())
    if wanted > 2 * stored + 1000:
        raise InputError(
            f"{source}: does not fit {model.__name__}: its hyperparameters ask for {wanted:,} weights and it holds "
            f"{stored:,}; it is damaged or made to harm"
        )


def above(value: Any, limit: float) -> bool:
    """Whether a number, or one in a sequence, is above the limit."""
    if isinstance(value, list | tuple):
        return any(above(part, limit) for part in value)
    return isinstance(value, int | float) and value > limit
