"""Every model computes the same with the kernels and without them."""

from inspect import signature
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lit_gans.kernels.base import Kernel
from lit_gans.models.registry import MODELS, model_class

SIZE, CLASSES = 32, 4
WIDTHS = {"width": 4, "discriminator_width": 4, "blocks": 1, "num_classes": CLASSES, "image_size": SIZE}
WITHOUT_KERNELS = {"ConditionalFlow", "ConditionalFlowMatching", "Evaluator"}


def tiny(name: str) -> nn.Module:
    kind = model_class(name)
    known = {parameter for base in kind.mro() for parameter in signature(base.__init__).parameters}
    model: nn.Module = kind(**{key: value for key, value in WIDTHS.items() if key in known})
    return model.double().eval()


def given(network: nn.Module, model: Any) -> list[Tensor]:
    """Inputs for the parameters that its forward pass needs."""
    makes = {
        "z": lambda: torch.randn(3, model.latent_dim),
        "image": lambda: torch.rand(3, 3, SIZE, SIZE) * 2 - 1,
        "condition": lambda: torch.eye(3, CLASSES),
    }
    makes["tags"] = makes["condition"]
    needed = (name for name, p in signature(network.forward).parameters.items() if p.default is p.empty)
    return [makes[name]().double() for name in needed]


def results(network: nn.Module, inputs: list[Tensor]) -> list[Tensor]:
    """The output and the gradients of all weights."""
    y = network(*inputs)
    weight = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    weights = [p for p in network.parameters() if p.requires_grad]
    return [y, *torch.autograd.grad((y * weight).sum(), weights, materialize_grads=True)]


@pytest.mark.parametrize("name", sorted(MODELS.keys() - WITHOUT_KERNELS))
def test_outputs_and_gradients_of_its_networks_are_the_same_in_float64(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny(name)
    networks = [(key, child) for key, child in model.named_children() if not key.endswith("_ema")]
    fast = [(key, child) for key, child in networks if any(isinstance(layer, Kernel) for layer in child.modules())]
    assert fast
    for key, network in fast:
        inputs = given(network, model)
        monkeypatch.setattr(Kernel, "enabled", True)
        found = results(network, inputs)
        monkeypatch.setattr(Kernel, "enabled", False)
        torch.testing.assert_close(found, results(network, inputs), msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.parametrize("name", sorted(MODELS.keys() & WITHOUT_KERNELS))
def test_the_others_have_none(name: str) -> None:
    model = model_class(name)(num_classes=CLASSES)
    model.configure_model()
    assert not any(isinstance(layer, Kernel) for layer in model.modules())
