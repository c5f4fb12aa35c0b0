"""From the name or file a user gives to the extractor that pictures are compared with."""

from pathlib import Path

from lit_gans.checkpoints import read_torch_file
from lit_gans.errors import InputError
from lit_gans.files import sha256
from lit_gans.inference.evaluator import load_evaluator
from lit_gans.metrics.extractors import (
    EFFICIENTNET,
    RANDOM_CONV,
    Extractor,
    efficientnet_extractor,
    evaluator_extractor,
    inception_extractor,
    random_conv,
)
from lit_gans.models.pretrained import efficientnet_lite0

# a key of the Inception weights that torch-fidelity reads (pt_inception-2015-12-05), and of no resnet
INCEPTION_KEY = "Mixed_7c.branch_pool.conv.weight"


def load_extractor(name: str = RANDOM_CONV) -> Extractor:
    """The extractor called `name`.

    Args:
        name: "random-conv-v1"; "efficientnet_lite0", which needs the extra `features`; or a file: an evaluator (a
            classifier's file or a checkpoint of `lit_gans.Evaluator`), or the Inception weights of FID, which need
            torch-fidelity.

    Raises:
        InputError: neither a known name nor a file, or a file of another kind.
    """
    if name == RANDOM_CONV:
        return random_conv()
    if name == EFFICIENTNET:
        return efficientnet_extractor(efficientnet_lite0())
    path = Path(name).expanduser()
    if not path.is_file():
        raise InputError(
            f"extractor {name!r}: expected {RANDOM_CONV}, {EFFICIENTNET}, or the file of an evaluator or of "
            "the Inception weights"
        )
    content = read_torch_file(path, "extractor")
    title = f"{path.name} ({sha256(path)[:12]})"
    if isinstance(content, dict) and INCEPTION_KEY in content:
        return inception_extractor(path, title)
    return evaluator_extractor(title, load_evaluator(path).network)
