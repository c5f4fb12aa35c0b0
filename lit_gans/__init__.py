"""lit_gans: train, score and use classic and conditional image generators with PyTorch Lightning.

The public names are imported on first use, so that `import lit_gans` (and `lit-gans --help`) does not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lit_gans.models.cdcgan import CDCGAN
    from lit_gans.models.conditional_gan import ConditionalGAN
    from lit_gans.models.cyclegan import CycleGAN
    from lit_gans.models.dcgan import DCGAN
    from lit_gans.models.evaluator import Evaluator
    from lit_gans.models.flow import ConditionalFlow
    from lit_gans.models.gan import GAN
    from lit_gans.models.loading import load
    from lit_gans.models.lsgan import LSGAN
    from lit_gans.models.tag_dcgan import TagDCGAN
    from lit_gans.models.wgan import WGAN
    from lit_gans.models.wgan_gp import WGANGP

_HOMES = {
    "CDCGAN": "lit_gans.models.cdcgan",
    "ConditionalGAN": "lit_gans.models.conditional_gan",
    "ConditionalFlow": "lit_gans.models.flow",
    "CycleGAN": "lit_gans.models.cyclegan",
    "DCGAN": "lit_gans.models.dcgan",
    "Evaluator": "lit_gans.models.evaluator",
    "GAN": "lit_gans.models.gan",
    "LSGAN": "lit_gans.models.lsgan",
    "TagDCGAN": "lit_gans.models.tag_dcgan",
    "WGAN": "lit_gans.models.wgan",
    "WGANGP": "lit_gans.models.wgan_gp",
    "load": "lit_gans.models.loading",
}

__all__ = [
    "CDCGAN",
    "DCGAN",
    "GAN",
    "LSGAN",
    "WGAN",
    "WGANGP",
    "ConditionalFlow",
    "ConditionalGAN",
    "CycleGAN",
    "Evaluator",
    "TagDCGAN",
    "__version__",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lit_gans' has no attribute {name!r}; it has {', '.join(sorted(__all__))}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
