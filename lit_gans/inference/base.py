"""A trained model without what trains it, and what it has in common with one that is being trained."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lit_gans import checks
from lit_gans.inference.checkpoint import CHECKPOINT_KEY
from lit_gans.training.ema import averaged_copy

# Of the average of the weights, where a model's hyperparameters say nothing else.
EMA_DECAY = 0.999


class Averaged:
    """Mixin: a network and the average of its weights, `<network_name>` and `<network_name>_ema` in the state dict."""

    network_name: ClassVar[str] = "network"

    def set_network(self, network: nn.Module, has_average: bool) -> None:
        setattr(self, self.network_name, network)
        setattr(self, f"{self.network_name}_ema", averaged_copy(network) if has_average else None)

    @property
    def trained(self) -> nn.Module:
        """The network."""
        network: nn.Module = getattr(self, self.network_name)
        return network

    @property
    def averaged(self) -> nn.Module | None:
        """The average of the network, where there is one."""
        average: nn.Module | None = getattr(self, f"{self.network_name}_ema")
        return average

    def chosen(self, use_ema: bool) -> nn.Module:
        """The averaged network, if it is asked for and there is one, else the trained one."""
        return self.averaged if use_ema and self.averaged is not None else self.trained


class Hyperparameters(dict[str, Any]):
    """By name, also as attributes: those of a LightningModule can be read so too."""

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(name)


class InferenceModel(nn.Module):
    """What `lit_gans.load` gives: the networks that a trained model is used with, in eval mode, and no more.

    A subclass says what its networks are and which hyperparameters it needs beside them.

    Attributes:
        model_name: class of the LightningModule that was trained, such as "CDCGAN".
        hparams: its hyperparameters, by name.
        images_seen: images that it was trained with.
        sampling_networks: names of the networks that make pictures; none of a classifier.
        default_ema_decay: of the average of the weights, where the hyperparameters say nothing.
    """

    sampling_networks: ClassVar[tuple[str, ...]] = ()
    default_ema_decay: ClassVar[float] = EMA_DECAY

    def __init__(
        self, name: str, make_network: Callable[..., nn.Module], hyperparameters: Mapping[str, Any], has_average: bool
    ) -> None:
        super().__init__()
        self.model_name = name
        self.hparams = Hyperparameters(hyperparameters)
        self.images_seen = 0
        self.set_networks(lambda: called(make_network, hyperparameters), has_average)
        self.set_up(hyperparameters)

    def set_networks(self, make: Callable[[], nn.Module], has_average: bool) -> None:
        raise NotImplementedError

    def set_up(self, hyperparameters: Mapping[str, Any]) -> None:
        """What is needed beside the networks; nothing here."""

    def load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Takes the weights of its networks out of those of the whole model.

        Raises:
            RuntimeError: one is missing, or has another shape.
        """
        own = {name for name, _ in self.named_children()}
        weights = checkpoint["state_dict"].items()
        self.load_state_dict({name: weight for name, weight in weights if name.partition(".")[0] in own})
        self.images_seen = checkpoint[CHECKPOINT_KEY]["images_seen"]

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def _get_name(self) -> str:
        return self.model_name  # what print(model) begins with


class AveragedModel(Averaged, InferenceModel):
    """One with a network and its average."""

    def set_networks(self, make: Callable[[], nn.Module], has_average: bool) -> None:
        self.set_network(make(), has_average)


class ClassifierModel(InferenceModel):
    """A trained Evaluator."""

    network: nn.Module

    def set_networks(self, make: Callable[[], nn.Module], has_average: bool) -> None:
        self.network = make()

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W), or grey (B, 1, H, W), in [-1, 1] -> class probabilities (B, num_classes)."""
        return self.network(as_colour(image))


def as_colour(image: Tensor) -> Tensor:
    """Grey images (B, 1, H, W) as grey RGB; colour ones as they are."""
    return image.expand(-1, 3, -1, -1)


def picked(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that are named like an argument of the function."""
    return {name: values[name] for name in signature(function).parameters if name in values}


def called(function: Callable[..., Any], hyperparameters: Mapping[str, Any]) -> Any:
    """What a function gives for those of the hyperparameters that are named like its arguments."""
    return function(**picked(function, hyperparameters))


def checked_temperature(temperature: float) -> float:
    """Raises InputError: below 0, or not finite."""
    return checks.number("temperature", temperature, at_least=0, hint="1 draws as the model was trained to")
