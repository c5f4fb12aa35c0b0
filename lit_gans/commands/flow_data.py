"""Shared parts of `interpolate` and `edit`: a trained model, the data of its run, pictures of the user."""

from __future__ import annotations

from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lit_gans.commands.device import add_device_argument, device_of

if TYPE_CHECKING:
    from torch import Tensor

    from lit_gans.inference.latent_space import LatentSpace


def add_common_arguments(parser: ArgumentParser, out: str, model: str) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help=f"of {model}, written by lit-gans fit")
    parser.add_argument("--out", type=Path, default=Path(out), help=f"grid picture (default {out})")
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="the data set, if it is not where the run's config.yaml has it"
    )
    add_device_argument(parser)


def loaded(checkpoint: Path, device: str = "auto") -> Any:
    """The model of a checkpoint, on the device of this name.

    Raises:
        InputError: no checkpoint of this package.
    """
    import lit_gans

    place = device_of(device)
    if device == "auto" and place.type == "mps":
        place = device_of("cpu")  # a flow with attention computes in float64, which mps has not
    return lit_gans.load(checkpoint, place)


def encoder(checkpoint: Path, model: Any) -> LatentSpace:
    """The model of a checkpoint, which encodes images.

    Raises:
        InputError: it does not.
    """
    from lit_gans.errors import InputError
    from lit_gans.inference.latent_space import LatentSpace

    if not isinstance(model, LatentSpace):
        raise InputError(
            f"{checkpoint} holds a {model.model_name}; expected one that encodes images: a ConditionalFlow "
            "or a ConditionalFlowMatching"
        )
    return model


def load_encoder(checkpoint: Path, device: str = "auto") -> LatentSpace:
    """The model of a checkpoint, one that encodes images, on the device of this name; raises as the two above."""
    return encoder(checkpoint, loaded(checkpoint, device))


def data_of_run(checkpoint: Path, root: Path | None) -> Any:
    """The data set that the checkpoint's run was trained on, set up; with another root if one is given. It is plain
    torch (data_modules/datasets), but for a data module of the user's own.

    Raises:
        InputError: no config.yaml beside the checkpoint, or one without data of a data module.
        DataError: the data set is not there or not whole.
    """
    from data_modules.datasets.base import ImageData
    from lit_gans.commands.run_checkpoint import config_of
    from lit_gans.configs import read_config
    from lit_gans.errors import InputError

    file = config_of(checkpoint, "checkpoint", "put the config.yaml of its run beside it: it says where the data are")
    data = read_config(file).get("data")
    if not isinstance(data, dict) or "." not in str(data.get("class_path")):
        raise InputError(f"{file}: has no data.class_path, so the pictures of this run cannot be found")
    module, name = data["class_path"].rsplit(".", 1)
    if module.startswith("data_modules."):  # the data set of one of the package's own, without Lightning
        module, name = f"data_modules.datasets.{module.rsplit('.', 1)[1]}", f"{name}Data"
    try:
        made_by = getattr(import_module(module), name)
        if not issubclass(made_by, ImageData):  # a stranger's file may name any function
            raise TypeError("no data module")
        loaded = made_by(**{**data.get("init_args", {}), **({"root": str(root)} if root else {})})
    except (TypeError, ImportError, AttributeError) as error:
        raise InputError(f"{file}: data: {data['class_path']}: {error}") from None
    loaded.setup("fit")
    return loaded


def read_images(files: list[Path], size: int, channels: int = 3) -> Tensor:
    """(N, channels, size, size) in [-1, 1]: the middle square of each picture, resized with antialiasing.

    Raises:
        InputError: a file that is missing or no picture.
    """
    import torch
    from PIL import ImageOps
    from PIL.Image import Resampling

    from data_modules.loader import to_float
    from data_modules.pictures import read_rgb
    from lit_gans.errors import InputError
    from lit_gans.pictures import as_tensor

    images = []
    for file in files:
        try:
            picture = read_rgb(file).convert("RGB" if channels == 3 else "L")
            picture = ImageOps.fit(picture, (size, size), Resampling.LANCZOS)
        except Exception as error:  # a broken file may raise anything
            raise InputError(f"--image {file}: {error or type(error).__name__}") from None
        images.append(as_tensor(picture))
    return to_float(torch.stack(images))
