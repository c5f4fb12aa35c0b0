"""Every model of the package, by name. A new one is entered here and, for its use without Lightning, in
inference/registry.py."""

from importlib import import_module
from typing import Any

# Name of the class -> its module. `lit_gans.NAME`, `lit_gans.load` and `--model NAME` go by it.
MODELS = {
    "CDCGAN": "lit_gans.models.cdcgan",
    "ConditionalFlow": "lit_gans.models.flow",
    "ConditionalFlowMatching": "lit_gans.models.flow_matching",
    "ConditionalGAN": "lit_gans.models.conditional_gan",
    "CycleGAN": "lit_gans.models.cyclegan",
    "DCGAN": "lit_gans.models.dcgan",
    "Evaluator": "lit_gans.models.evaluator",
    "LSGAN": "lit_gans.models.lsgan",
    "TagDCGAN": "lit_gans.models.tag_dcgan",
    "WGAN": "lit_gans.models.wgan",
    "WGANGP": "lit_gans.models.wgan_gp",
}


def model_class(name: str) -> Any:
    """The class of this name, imported on first use.

    Raises:
        KeyError: no model has it.
    """
    return getattr(import_module(MODELS[name]), name)
