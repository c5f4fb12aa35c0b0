"""A checkpoint file -> the model, ready to sample."""

from pathlib import Path
from typing import Any

import torch

import lit_gans
from lit_gans.checkpoints import one_line, read_torch_file
from lit_gans.errors import InputError
from lit_gans.models.base import CHECKPOINT_KEY, ImageModel


def load(path: str | Path, device: str | torch.device = "cpu") -> Any:
    """The model of a checkpoint that `lit-gans fit` or a Trainer wrote, in eval mode on `device`.

    Returns:
        An instance of its class, such as `lit_gans.CDCGAN`.

    Raises:
        InputError: missing file, no checkpoint of this package, or weights that do not fit the hyperparameters.
    """
    path = Path(path).expanduser()
    checkpoint = read_torch_file(path, "checkpoint")
    if not isinstance(checkpoint, dict) or CHECKPOINT_KEY not in checkpoint:
        raise InputError(f"checkpoint {path}: not written by a model of lit_gans")
    name = checkpoint[CHECKPOINT_KEY]["model"]
    if name not in lit_gans.__all__:
        raise InputError(
            f"checkpoint {path}: holds a {name}, which is no class of this package; "
            f"load it with {name}.load_from_checkpoint"
        )
    # keys with an underscore are Lightning's own
    hyperparameters = {k: v for k, v in checkpoint["hyper_parameters"].items() if not k.startswith("_")}
    model: ImageModel = getattr(lit_gans, name)(**hyperparameters)
    try:
        model.load_state_dict(checkpoint["state_dict"])
    except RuntimeError as error:
        raise InputError(f"checkpoint {path}: weights do not fit {name}: {one_line(error)}") from None
    model.on_load_checkpoint(checkpoint)
    return model.to(device).eval()
