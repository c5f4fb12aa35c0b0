"""Frozen networks whose features pictures are compared in, each with the name that must stand beside every value.

`random_conv()` needs no file; `efficientnet_extractor(network)` has weights that a package holds;
`evaluator_extractor(name, network)` takes a trained classifier of ours; `inception_extractor(path, name)` and
`dinov2_extractor()` are those of the literature. `lit_gans.scoring.extractors.load_extractor` chooses between them by
name or file.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lit_gans.checkpoints import one_line
from lit_gans.errors import InputError
from lit_gans.networks.contexts import inference
from lit_gans.networks.efficientnet_lite import EfficientNetLite0
from lit_gans.networks.random_conv import RandomConv
from lit_gans.pictures import to_uint8

RANDOM_CONV = "random-conv-v1"
EFFICIENTNET = "efficientnet_lite0"
INCEPTION = "inception"
DINOV2 = "dinov2"
NO_RESIZING = "no resizing"


@dataclass(frozen=True)
class Extractor:
    """A frozen network from pictures to features. Keep it out of a model's parameters and checkpoint.

    Attributes:
        name: says which network; for a file, with the start of its SHA-256.
        resizer: what happens to pictures before the network, in words.
        num_features: length of a picture's feature vector.
        network: (B, 3, H, W) -> (B, num_features), in eval mode.
        min_size: least height and width of a picture.
        takes_bytes: the network takes uint8 pictures rather than float in [-1, 1].
    """

    name: str
    resizer: str
    num_features: int
    network: nn.Module
    min_size: int = 1
    takes_bytes: bool = False

    @torch.no_grad()
    def __call__(self, images: Tensor, batch_size: int = 256) -> Tensor:
        """Features (B, num_features) in float32, on the images' device.

        Args:
            images: (B, 3, H, W) or, grey, (B, 1, H, W), in [-1, 1]. They are rounded to 8 bits first, as picture files
                are, so that real and generated pictures are treated alike.
            batch_size: pictures that go through the network at once.

        Raises:
            InputError: another shape, too small, or not finite.
        """
        if images.ndim != 4 or images.shape[1] not in (1, 3) or min(images.shape[2:]) < self.min_size:
            raise InputError(
                f"extractor {self.name}: pictures of shape {tuple(images.shape)}; expected (B, 3, H, W) or "
                f"(B, 1, H, W), at least {self.min_size}x{self.min_size}"
            )
        if not torch.isfinite(images).all():
            raise InputError(f"extractor {self.name}: the pictures hold NaN or infinity; take an earlier checkpoint")
        pixels = to_uint8(images).expand(-1, 3, -1, -1)
        self.network.to(images.device)
        with inference(self.network):
            parts = [part if self.takes_bytes else part.float() / 127.5 - 1 for part in pixels.split(batch_size)]
            return torch.cat([self.network(part).float() for part in parts])


def random_conv() -> Extractor:
    """`random-conv-v1`: a fixed network of random convolutions, the default because it needs no file.

    It sees colour, contrast, texture and coarse layout: blur, noise and repeated pictures raise the distance, and it
    ranks the checkpoints of one training. It knows nothing of objects or faces, so a picture with a third eye costs
    little; and no value of it compares with published ones, nor with those of another picture size.
    """
    network = RandomConv(seed=0)
    return Extractor(RANDOM_CONV, NO_RESIZING, network.num_features, network, min_size=16)


def efficientnet_extractor(network: EfficientNetLite0) -> Extractor:
    """`efficientnet_lite0`: the 1280 features of an ImageNet classifier before its head.

    It knows things and textures of photographs. Its values are none of the literature's, and it must not judge a model
    whose loss it was in: ImageNet features in the discriminator lower distances in ImageNet features without better
    pictures (Kynkaanniemi et al. 2023, arXiv 2203.06026).
    """
    return Extractor(EFFICIENTNET, NO_RESIZING, network.num_features, network, min_size=32)


def evaluator_extractor(name: str, network: nn.Module) -> Extractor:
    """The features before the head of a classifier in `networks/evaluator.py`'s layout: 512 for a resnet18.

    A classifier that also scores the generator is a poor judge here: use a second one.

    Args:
        name: how to call it, with a part of the file's SHA-256.
        network: a resnet18 whose last child is the head `fc`; its weights are shared, not copied.
    """
    head = network.fc
    assert isinstance(head, nn.Sequential) and isinstance(head[0], nn.Linear)
    body = [child for child_name, child in network.named_children() if child_name != "fc"]
    features = nn.Sequential(*body, nn.Flatten()).eval()
    return Extractor(name, NO_RESIZING, head[0].in_features, features, min_size=32)


def inception_extractor(path: Path, name: str) -> Extractor:
    """The 2048 pooling features of the InceptionV3 of FID and KID, from its weights as torch-fidelity has them.

    Pictures are resized to 299x299 as the original does it: bilinear, without antialiasing.

    Raises:
        InputError: torch-fidelity is not installed, or the file does not fit.
    """
    kind = fidelity("feature_extractor_inceptionv3").FeatureExtractorInceptionV3
    try:
        network = kind("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path))
    except Exception as error:
        # torch-fidelity passes on whatever torch raises for keys or shapes that do not fit
        raise InputError(f"extractor {path}: not the Inception weights of FID: {one_line(error)}") from None
    return Extractor(name, "bilinear to 299x299", 2048, First(network), takes_bytes=True)


def dinov2_extractor() -> Extractor:
    """The 1024 features of DINOv2's ViT-L/14, in which distances agree with people better than in Inception's (Stein et
    al. 2023, arXiv 2306.04675); code and weights by torch.hub, from its cache where they are.

    Raises:
        InputError: torch-fidelity is not installed, or the network can be neither found nor fetched.
    """
    kind = fidelity("feature_extractor_dinov2").FeatureExtractorDinoV2
    try:
        network = kind("dinov2-vit-l-14", ["dinov2"])
    except Exception as error:  # of torch.hub, urllib or the code that it fetches
        raise InputError(
            f"extractor {DINOV2}: it is not in {torch.hub.get_dir()} and cannot be fetched ({one_line(error)}); copy "
            "that folder from a machine that has run torch.hub.load('facebookresearch/dinov2', 'dinov2_vitl14')"
        ) from None
    return Extractor(DINOV2, "bilinear to 224x224", 1024, First(network), takes_bytes=True)


def fidelity(module: str) -> Any:
    """Raises InputError: torch-fidelity is not installed."""
    try:
        return import_module(f"torch_fidelity.{module}")
    except ModuleNotFoundError:
        raise InputError("this extractor needs torch-fidelity; pip install 'lit_gans[fid]'") from None


class First(nn.Module):
    """The first of the outputs of a frozen network."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network(images)[0]
        return features
