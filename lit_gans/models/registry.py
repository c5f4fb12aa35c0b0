"""Every model of the package, by name. A new one is entered here and, for its use without Lightning, in
inference/registry.py."""

from functools import partial
from importlib import import_module
from typing import Any

from lit_gans.old_names import OLD_MODELS as OLD_MODELS  # also for lit_gans itself

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
    "ModulatedGAN": "lit_gans.models.modulated_gan",
    "TagDCGAN": "lit_gans.models.tag_dcgan",
}


def model_class(name: str) -> Any:
    """The class of this name, imported on first use; of a name of earlier versions, the class with its settings.

    Raises:
        KeyError: no model has it.
    """
    if name in OLD_MODELS:
        today, settings = OLD_MODELS[name]
        return partial(model_class(today), **settings)
    return getattr(import_module(MODELS[name]), name)
