"""The classifier behind every score, loaded frozen."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lit_gans import hub
from lit_gans.checkpoints import one_line, read_torch_file
from lit_gans.errors import InputError
from lit_gans.files import sha256
from lit_gans.inference.base import as_colour
from lit_gans.inference.checkpoint import hyperparameters_of, model_name
from lit_gans.networks.contexts import inference
from lit_gans.networks.evaluator import EvaluatorNetwork, width_of

COURSE_KEY = "model"


@dataclass(frozen=True)
class FrozenEvaluator:
    """An evaluator that can only look: no gradients, eval mode, outside of every model's parameters.

    Attributes:
        name: file name, the column of its scores.
        sha256: of the file.
        network: (B, 3, H, W) in [-1, 1] -> (B, num_classes); grey images are shown as colour.
        class_names: those it was trained with, in its order; None where the file does not say.
    """

    name: str
    sha256: str
    network: EvaluatorNetwork
    class_names: list[str] | None = None

    @property
    def num_classes(self) -> int:
        return self.network.num_classes

    @torch.no_grad()
    def __call__(self, images: Tensor, batch_size: int = 256) -> Tensor:
        """Class probabilities (B, num_classes) in float32."""
        self.network.to(images.device)
        with inference(self.network):
            return torch.cat([self.network(as_colour(part).float()) for part in images.split(batch_size)])


def load_evaluator(path: str | Path) -> FrozenEvaluator:
    """Reads a file of the course's layout, `{"model": state_dict}`, or a checkpoint of `Evaluator`.

    Raises:
        InputError: missing file, another kind of file, or a state dict that does not fit exactly.
    """
    path = hub.found(path)
    content = read_torch_file(path, "evaluator")
    state = evaluator_state(content, path)
    try:
        network = EvaluatorNetwork(len(state["fc.0.bias"]), width_of(state))
        network.load_state_dict(state, strict=True)
    except Exception as error:  # a stranger's file may have anything under a weight's name
        raise InputError(f"evaluator {path}: not a resnet18 with the course's head: {one_line(error)}") from None
    names = hyperparameters_of(content).get("class_names")
    known = list(names) if names and isinstance(names, list | tuple) else None
    return FrozenEvaluator(path.name, sha256(path), network.eval().requires_grad_(False), known)


def evaluator_state(content: Any, path: Path) -> dict[str, Tensor]:
    """The state dict of the classifier in the content of either kind of file."""
    expected = 'expected {"model": state_dict} of a resnet18 with head fc.0, or a checkpoint of lit_gans.Evaluator'
    model = model_name(content)
    if model not in (None, "Evaluator"):
        raise InputError(f"evaluator {path}: is a checkpoint of {model}; {expected}")
    weights = content.get("state_dict" if model else COURSE_KEY) if isinstance(content, dict) else None
    state = {str(k).removeprefix("network."): v for k, v in weights.items()} if isinstance(weights, dict) else {}
    bias = state.get("fc.0.bias")
    if not isinstance(bias, Tensor) or bias.ndim != 1:
        keys = f"has the keys {', '.join(map(str, list(content)[:5]))}" if isinstance(content, dict) else ""
        raise InputError(f"evaluator {path}: {keys or f'holds a {type(content).__name__}'}; {expected}")
    return state
