"""What a model draws, encodes, translates or classifies, for comparing two of them."""

import math
from typing import Any

import torch
from torch import Tensor


def waves(*shape: int) -> Tensor:
    """Numbers in [-1, 1] that no random generator is needed for."""
    return torch.sin(0.7 * torch.arange(math.prod(shape))).reshape(shape)


def outputs(model: Any) -> dict[str, Tensor]:
    """Of a model of 16 px, an Evaluator of 32 or a CycleGAN of any size, in eval mode."""
    if not hasattr(model, "sample") and not hasattr(model, "translate"):
        with torch.no_grad():
            return {"probabilities": model(waves(2, 3, 32, 32))}
    if hasattr(model, "translate"):
        return {direction: model.translate(waves(2, 3, 24, 24), direction) for direction in ("a2b", "b2a")}
    if not hasattr(model, "class_names"):
        return {kind: model.sample(2, seed=3, use_ema=kind == "ema") for kind in ("ema", "raw")}
    names = [[model.class_names[1]], [model.class_names[2], model.class_names[0]]]
    result = {kind: model.sample(names, seed=3, use_ema=kind == "ema") for kind in ("ema", "raw")}
    if hasattr(model, "log_prob"):
        image = waves(2, 3, 16, 16)
        result["guided"] = model.sample(names, seed=3, guidance=1.0, temperature=0.7)
        result["latents"] = model.encode(image, names).flatten()
        result["decoded"] = model.decode(0.5 * waves(2, 768), names)
        result["log_prob"] = model.log_prob(image, names)
    return result
