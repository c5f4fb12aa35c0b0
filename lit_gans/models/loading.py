"""A checkpoint file -> the model, ready to sample."""

from inspect import signature
from pathlib import Path
from typing import Any

import torch

from lit_gans.checkpoints import one_line, read_torch_file
from lit_gans.errors import InputError
from lit_gans.models.base import ImageModel, model_name
from lit_gans.models.registry import MODELS, model_class

# What the command line tells every model about the data, and writes down also for those that do not ask for it.
OF_THE_DATA = ("num_classes", "class_names", "image_size")


def load(path: str | Path, device: str | torch.device = "cpu") -> Any:
    """The model of a checkpoint that `lit-gans fit` or a Trainer wrote, in eval mode on `device`.

    Returns:
        An instance of its class, such as `lit_gans.CDCGAN`.

    Raises:
        InputError: missing file, no checkpoint of this package, or weights that do not fit the hyperparameters.
    """
    path = Path(path).expanduser()
    checkpoint = read_torch_file(path, "checkpoint")
    name = model_name(checkpoint)
    if name is None:
        raise InputError(f"checkpoint {path}: not written by a model of lit_gans")
    if name not in MODELS:
        raise InputError(
            f"checkpoint {path}: holds a {name}, which is no class of this package; "
            f"load it with {name}.load_from_checkpoint"
        )
    # keys with an underscore are Lightning's own
    hyperparameters = {k: v for k, v in checkpoint.get("hyper_parameters", {}).items() if not k.startswith("_")}
    made_by = model_class(name)
    not_asked_for = set(OF_THE_DATA) - signature(made_by).parameters.keys()
    hyperparameters = {k: v for k, v in hyperparameters.items() if k not in not_asked_for}
    try:
        model: ImageModel = made_by(**hyperparameters)
        model.on_load_checkpoint(checkpoint)  # before, as in Lightning: it may complete the state
        model.load_state_dict(checkpoint["state_dict"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise InputError(
            f"checkpoint {path}: does not fit {name}; it is damaged or of another version of lit_gans: "
            f"{one_line(error)}"
        ) from None
    return model.to(device).eval()
