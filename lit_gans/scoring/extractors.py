"""Feature extractors by name or file."""

from pathlib import Path

import torch

from lit_gans.checkpoints import read_torch_file
from lit_gans.errors import InputError
from lit_gans.files import sha256
from lit_gans.inference.evaluator import load_evaluator
from lit_gans.metrics.extractors import (
    DINOV2,
    EFFICIENTNET,
    INCEPTION,
    RANDOM_CONV,
    Extractor,
    dinov2_extractor,
    efficientnet_extractor,
    evaluator_extractor,
    fidelity,
    inception_extractor,
    random_conv,
)
from lit_gans.networks.pretrained import efficientnet_lite0

# a key of the Inception weights that torch-fidelity reads (pt_inception-2015-12-05), and of no resnet
INCEPTION_KEY = "Mixed_7c.branch_pool.conv.weight"


def load_extractor(name: str = RANDOM_CONV) -> Extractor:
    """The extractor called `name`.

    Args:
        name: "random-conv-v1"; "efficientnet_lite0", which needs the extra `features`; "inception" (of FID) or
            "dinov2", which need the extra `fid`; or a file: an evaluator (a classifier's file or a checkpoint of
            `lit_gans.Evaluator`), or FID's Inception weights, which need the extra `fid`.

    Raises:
        InputError: neither a known name nor a file, or a file of another kind.
    """
    if name == RANDOM_CONV:
        return random_conv()
    if name == EFFICIENTNET:
        return efficientnet_extractor(efficientnet_lite0())
    if name == DINOV2:
        return dinov2_extractor()
    path = inception_file() if name == INCEPTION else Path(name).expanduser()
    if not path.is_file():
        raise InputError(
            f"extractor {name!r}: expected {RANDOM_CONV}, {EFFICIENTNET}, {INCEPTION}, {DINOV2}, or the file of an "
            "evaluator or of the Inception weights"
        )
    content = read_torch_file(path, "extractor")
    title = f"{path.name} ({sha256(path)[:12]})"
    if isinstance(content, dict) and INCEPTION_KEY in content:
        return inception_extractor(path, title)
    return evaluator_extractor(title, load_evaluator(path).network)


def inception_file() -> Path:
    """FID's Inception weights in torch's cache, fetched once from where torch-fidelity has them.

    Raises:
        InputError: torch-fidelity is not installed, or they are not there and cannot be fetched.
    """
    url = str(fidelity("feature_extractor_inceptionv3").URL_INCEPTION_V3)
    file = Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])
    if not file.is_file():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(file), hash_prefix=file.stem.rpartition("-")[2])
        except (OSError, RuntimeError) as error:  # no network, no right to write, another file than expected
            raise InputError(
                f"extractor {INCEPTION}: its weights are not in {file} and cannot be fetched ({error}); get {url} "
                "elsewhere, and give --score.extractor FILE or put it there"
            ) from None
    return file
