"""A checkpoint file -> the model, ready to be used. Lightning is imported for a LightningModule alone."""

from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import torch

from lit_gans import hub
from lit_gans.checkpoints import check_finite, one_line, read_torch_file
from lit_gans.errors import InputError
from lit_gans.inference.base import picked
from lit_gans.inference.checkpoint import hyperparameters_of, model_name, networks_alone, shapes_in, shapes_on_paper
from lit_gans.inference.registry import INFERENCE, inference_model
from lit_gans.models.registry import MODELS, model_class

# What the command line tells every model about the data, and writes down also for those that do not ask for it.
OF_THE_DATA = ("num_classes", "class_names", "channels", "image_size")
# A width, depth or size up to which a model of this package fits into any memory.
LARGE = 1024


def load(
    path: str | Path, device: str | torch.device = "cpu", *, allow_nan: bool = False, lightning: bool = False
) -> Any:
    """The model of a checkpoint that `lit-gans fit` or a Trainer wrote, in eval mode on `device`.

    Args:
        path: the file, a name in the zoo such as "conditional_gan_iclevr", or `hf://owner/name` for a model on the
            Hugging Face Hub.
        device: where the model goes.
        allow_nan: take weights that are not finite too, to look at what became of a training.
        lightning: give the LightningModule, with what only training needs, for a Trainer.

    Returns:
        An InferenceModel: plain torch, with the networks and methods that the model is used with (`sample`, `stream`,
        `encode`, `translate`, ...). Or an instance of its class, such as `lit_gans.CDCGAN`, with the same methods.

    Raises:
        InputError: missing or damaged file, no checkpoint of this package, weights that do not fit the hyperparameters,
            or that are not finite.
    """
    path = hub.found(path)
    source = f"checkpoint {path}"
    checkpoint = read_torch_file(path, "checkpoint")
    name = model_name(checkpoint)
    if name is None:
        raise InputError(f"{source}: not written by a model of lit_gans; expected a checkpoint of a run")
    if name not in MODELS:
        raise InputError(
            f"{source}: holds a {name}, which is no class of this package; load it with {name}.load_from_checkpoint"
        )
    if not allow_nan:
        check_finite(checkpoint, source)
    hyperparameters = hyperparameters_of(checkpoint)
    only = bool(networks_alone(checkpoint))
    make: Callable[[], Any]
    if lightning:
        made_by = model_class(name)
        not_asked_for = set(OF_THE_DATA) - signature(made_by).parameters.keys()
        sizes = {k: v for k, v in hyperparameters.items() if k not in not_asked_for}
        make = partial(made_by, **sizes)
    else:
        sizes = picked(INFERENCE[name][1], hyperparameters)
        make = partial(inference_model, name, hyperparameters, only)
    try:
        if not (lightning and only) and any(above(value, LARGE) for value in sizes.values()):
            check_possible(checkpoint, make, source)
        model = make()
        model.load_checkpoint(checkpoint)
    except InputError as error:
        raise InputError(f"{source}: {str(error).removeprefix(f'{source}: ')}") from None
    except Exception as error:  # a stranger's hyperparameters may be of any type, and raise anything
        raise InputError(
            f"{source}: does not fit {name}; it is damaged or of another version of lit_gans: {one_line(error)}"
        ) from None
    return model.to(device).eval()


def check_possible(checkpoint: Mapping[str, Any], make: Callable[[], Any], source: str) -> None:
    """
    Raises:
        InputError: the model of these hyperparameters would have more weights than the file; told before there is
            memory for them.
    """
    planned = shapes_on_paper(make, {})
    if planned is None:
        return
    stored = sum(shape.numel() for shape in shapes_in(checkpoint, source).values())
    wanted = sum(shape.numel() for shape in planned.values())
    if wanted > 2 * stored + 1000:
        raise InputError(
            f"does not fit {model_name(checkpoint)}: its hyperparameters ask for {wanted:,} weights and it holds "
            f"{stored:,}; it is damaged or made to harm"
        )


def above(value: Any, limit: float) -> bool:
    """Whether a number, or one in a sequence, is above the limit."""
    if isinstance(value, list | tuple):
        return any(above(part, limit) for part in value)
    return isinstance(value, int | float) and value > limit
