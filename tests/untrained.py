"""Small models of every kind with random weights, and the checkpoints that fit would write of them."""

from pathlib import Path
from typing import Any

import torch

import lit_gans

NAMES = ["red cube", "blue cube", "red sphere", "blue sphere", "gray cone"]
GIVEN: dict[str, Any] = {"num_classes": 5, "class_names": NAMES, "image_size": 16}
FLOW: dict[str, Any] = {**GIVEN, "levels": 2, "steps": 1, "hidden": 4, "features": 4, "embedding": 6}
PLACED: dict[str, Any] = {
    **FLOW,
    "layout": True,
    "split": False,
    "steps": (1, 0),
    "attention": 1,
    "attention_width": 32,
}
SMALL: dict[str, tuple[str, dict[str, Any]]] = {
    "dcgan": ("DCGAN", {"image_size": 16, "width": 4, "pixel_range": (0.0, 1.0), "latent": "uniform"}),
    "wgan_gp": ("WGANGP", {"image_size": 16, "width": 4}),
    "lsgan": ("LSGAN", {"image_size": 16, "width": 4}),
    "modulated": ("ModulatedGAN", {"image_size": 16, "width": 4, "discriminator_width": 4}),
    "cdcgan": ("CDCGAN", {**GIVEN, "width": 2}),
    "tag_dcgan": ("TagDCGAN", {**GIVEN, "width": 2}),
    "objects": ("ConditionalGAN", {**GIVEN, "width": 16, "discriminator_width": 4, "patch_size": 8}),
    "whole": ("ConditionalGAN", {**GIVEN, "width": 16, "discriminator_width": 4, "architecture": "modulated"}),
    "flow": ("ConditionalFlow", {**FLOW, "growth": 2, "blocks": 1, "guidance": 1.0}),
    "ordered_flow": ("ConditionalFlow", {**FLOW, "growth": 2, "blocks": 1, "ordered_objects": 3}),
    "placed_flow": ("ConditionalFlow", {**PLACED, "image_size": 8}),  # few patches: a graph unrolls them
    "flow_matching": ("ConditionalFlowMatching", {**GIVEN, "width": 16, "levels": 2, "blocks": 1, "steps": 1}),
    "cyclegan": ("CycleGAN", {"width": 2, "blocks": 1, "discriminator_width": 2}),
    "residual_cyclegan": ("CycleGAN", {"width": 2, "blocks": 1, "residual": True, "upsample": "resize"}),
    "masked_cyclegan": ("CycleGAN", {"width": 2, "blocks": 1, "residual": True, "masked": True, "upsample": "resize"}),
}


def untrained(system: str, **more: Any) -> Any:
    """A model of random weights in eval mode: also in layers that start at 0, and in the statistics of BatchNorm."""
    name, options = SMALL[system]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = getattr(lit_gans, name)(**options, **more)
        with torch.no_grad():
            for key, weight in model.state_dict().items():
                if weight.is_floating_point():
                    noise = 0.1 * torch.randn(weight.shape)
                    weight += noise.abs() if key.endswith("running_var") else noise
    return model.eval()


def checkpoint_of(model: Any, file: Path) -> Path:
    """Writes what a training of this model would, without the state of optimizers."""
    content = {"state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams), "epoch": 0, "global_step": 0}
    model.on_save_checkpoint(content)
    torch.save(content, file)
    return file
