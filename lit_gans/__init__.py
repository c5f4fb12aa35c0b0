"""lit_gans: train, score and use classic and conditional image generators with PyTorch Lightning.

The public names are imported on first use, so that `import lit_gans` (and `lit-gans --help`) does not load torch.
"""

from importlib import import_module
from typing import Any

from lit_gans.models.registry import MODELS, OLD_MODELS, model_class

__version__ = "0.1.0"

_HOMES = {
    "GAN": "lit_gans.models.gan",
    "Score": "lit_gans.scoring.score",
    "load": "lit_gans.models.loading",
}

__all__ = sorted([*MODELS, *OLD_MODELS, *_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in MODELS or name in OLD_MODELS:
        return model_class(name)
    if name not in _HOMES:
        raise AttributeError(f"module 'lit_gans' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
