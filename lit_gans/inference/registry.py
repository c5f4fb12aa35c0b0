"""What each model is used with, by the model's name: beside models/registry.py, where its training is entered."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import nn

from lit_gans.inference.base import ClassifierModel, InferenceModel
from lit_gans.inference.flow_matching import VelocityModel
from lit_gans.inference.generators import (
    ConditionalGeneratorModel,
    SlotGeneratorModel,
    UnconditionalGeneratorModel,
    slot_generator,
)
from lit_gans.inference.normalizing_flow import FlowModel
from lit_gans.inference.translation import TranslationModel
from lit_gans.networks.cdcgan import CDCGANGenerator
from lit_gans.networks.cyclegan import ResnetGenerator
from lit_gans.networks.dcgan import DCGANGenerator
from lit_gans.networks.evaluator import EvaluatorNetwork
from lit_gans.networks.flow.flow import Flow
from lit_gans.networks.lsgan import LSGANGenerator
from lit_gans.networks.modulated import ModulatedGenerator
from lit_gans.networks.tag_dcgan import TagDCGANGenerator
from lit_gans.networks.unet import UNet

# Name of the model -> the class that uses it, and what makes its network of hyperparameters of the same names.
INFERENCE: dict[str, tuple[type[InferenceModel], Callable[..., nn.Module]]] = {
    "CDCGAN": (ConditionalGeneratorModel, CDCGANGenerator),
    "ConditionalFlow": (FlowModel, Flow),
    "ConditionalFlowMatching": (VelocityModel, UNet),
    "ConditionalGAN": (SlotGeneratorModel, slot_generator),
    "CycleGAN": (TranslationModel, ResnetGenerator),
    "DCGAN": (UnconditionalGeneratorModel, DCGANGenerator),
    "Evaluator": (ClassifierModel, EvaluatorNetwork),
    "LSGAN": (UnconditionalGeneratorModel, LSGANGenerator),
    "ModulatedGAN": (UnconditionalGeneratorModel, partial(ModulatedGenerator, 0)),
    "TagDCGAN": (ConditionalGeneratorModel, TagDCGANGenerator),
}


def inference_model(name: str, hyperparameters: Mapping[str, Any], only: bool) -> InferenceModel:
    """The model of this name, with new weights.

    Args:
        hyperparameters: of the whole model; those of its training are not looked at.
        only: whether the checkpoint has weights alone, see generator_file.py.
    """
    made_by, network = INFERENCE[name]
    has_average = not only and hyperparameters.get("ema_decay", made_by.default_ema_decay) > 0
    model = made_by(name, network, hyperparameters, has_average)
    # like the average that it was: attention's sums differ in their last digits where weights have gradients
    return model.requires_grad_(False) if only else model
