"""The ten training tips of report 000 (section A6), each a plain hyperparameter.

The numbers are those of "ganhacks" (Chintala et al. 2016, "How to train a GAN"). With a tip / without it:

| tip | what | hyperparameter |
|---|---|---|
| 1 | images in [-1, 1], generator ends in Tanh | `pixel_range: [-1, 1]` / `[0, 1]`; `output: tanh` / `linear` |
| 2 | generator maximises log D, which does not saturate | `objective: bce` / `minimax` |
| 3 | z from a Gaussian | `latent: gaussian` / `uniform` |
| 4 | real and generated images in batches of their own | `separate_batches: true` / `false`; `norm: instance` |
| 5 | no sparse gradients: no ReLU, no max pooling | `report_model: 2` / `1` (of DCGAN) |
| 6 | soft, noisy, sometimes flipped labels for the discriminator | `soft_labels: {real: [0.7, 1.2], ...}` / `null` |
| 9 | Adam for the generator, SGD for the discriminator | `optimizer_discriminator: sgd` / `adam` |
| 13 | noise on the discriminator's inputs, in the generator's layers | `input_noise`, `generator_noise` / `0` |
| 14 | the discriminator trained more than the generator | `schedule: {discriminator: 2}` / `{}` |
| 17 | dropout in the generator, on when testing too | `generator_dropout: 0.5` / `0` |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.losses.adversarial import OBJECTIVES, Objective, ObjectiveName

LatentName = Literal["gaussian", "uniform"]
# Objectives that compare a logit with a label; the others have none to soften.
LABELLED = ("bce", "minimax", "lsgan")


def checked_pixel_range(pixel_range: Sequence[float], generator: nn.Module) -> tuple[float, float]:
    """
    Raises:
        InputError: not two rising numbers, or numbers that the generator's Tanh does not reach.
    """
    if len(pixel_range) != 2 or not pixel_range[0] < pixel_range[1]:
        raise InputError(f"pixel_range is {list(pixel_range)}; expected the lowest and the highest value, [-1, 1]")
    low, high = (checks.number("pixel_range", end) for end in pixel_range)
    is_linear = isinstance(getattr(generator, "output", None), nn.Identity)
    if not is_linear and (low < -1 or high > 1):
        raise InputError(
            f"pixel_range is [{low:g}, {high:g}], and the generator ends in Tanh, which gives -1 to 1: "
            "take a range inside of that, or a generator with output: linear"
        )
    return low, high


def to_range(image: Tensor, pixel_range: tuple[float, float]) -> Tensor:
    """Images in [-1, 1] -> the same in `pixel_range` (tip 1)."""
    low, high = pixel_range
    return image if pixel_range == (-1.0, 1.0) else (image + 1) * ((high - low) / 2) + low


def from_range(image: Tensor, pixel_range: tuple[float, float]) -> Tensor:
    """Images in `pixel_range` -> the same in [-1, 1]; what lies outside is clipped."""
    low, high = pixel_range
    return image if pixel_range == (-1.0, 1.0) else ((image - low) * (2 / (high - low)) - 1).clamp(-1, 1)


def checked_latent(name: LatentName) -> LatentName:
    """
    Raises:
        InputError: an unknown name.
    """
    if name not in get_args(LatentName):
        raise InputError(f"latent is {name!r}; expected one of {', '.join(get_args(LatentName))}")
    return name


def draw_latents(name: LatentName, shape: tuple[int, int], noise: torch.Generator) -> Tensor:
    """(B, latent_dim) on the generator's device: standard normal, or uniform in the cube [-1, 1] (tip 3)."""
    if name == "gaussian":
        return torch.randn(shape, device=noise.device, generator=noise)
    return torch.rand(shape, device=noise.device, generator=noise) * 2 - 1


class SoftLabels(TypedDict, total=False):
    """Labels of the discriminator's loss (tip 6), uniform in a range for each image anew; what is left out is hard.

    The tip's are `{"real": [0.7, 1.2], "fake": [0.0, 0.3], "flip": 0.05}`; `flip` is the share of the images that get a
    label of the other kind.
    """

    real: tuple[float, float]
    fake: tuple[float, float]
    flip: float


@dataclass(frozen=True)
class Labels:
    """A checked SoftLabels."""

    real: tuple[float, float] = (1.0, 1.0)
    fake: tuple[float, float] = (0.0, 0.0)
    flip: float = 0.0

    @classmethod
    def of(cls, given: SoftLabels) -> "Labels":
        """
        Raises:
            InputError: unknown key, a range that does not rise, or a share that is none.
        """
        if unknown := given.keys() - cls.__dataclass_fields__.keys():
            raise InputError(f"soft_labels has no {', '.join(sorted(unknown))}; expected real, fake, flip")
        real, fake, flip = given.get("real", cls.real), given.get("fake", cls.fake), given.get("flip", cls.flip)
        for key, ends in (("real", real), ("fake", fake)):
            if len(ends) != 2 or not ends[0] <= ends[1]:
                raise InputError(f"soft_labels.{key} is {list(ends)}; expected lowest and highest label, [0.7, 1.2]")
            for end in ends:
                checks.number(f"soft_labels.{key}", end)
        checks.number("soft_labels.flip", flip, at_least=0, below=0.5, hint="a share, such as 0.05")
        return cls((real[0], real[1]), (fake[0], fake[1]), flip)

    def draw(self, logits: Tensor, real: bool) -> Tensor:
        """A label for each logit of real or of generated images, in float32."""
        mine, other = (self.real, self.fake) if real else (self.fake, self.real)
        share = torch.rand(logits.shape, device=logits.device)
        is_flipped = torch.rand(logits.shape, device=logits.device) < self.flip
        return torch.where(is_flipped, torch.lerp(*_ends(other, share), share), torch.lerp(*_ends(mine, share), share))


def _ends(ends: tuple[float, float], like: Tensor) -> tuple[Tensor, Tensor]:
    return torch.full_like(like, ends[0]), torch.full_like(like, ends[1])


def objective_of(name: ObjectiveName, soft_labels: SoftLabels | None) -> Objective:
    """The objective of this name, its discriminator's loss with these labels (tip 6).

    With label t the binary cross-entropy of a logit x is `-t log s(x) - (1 - t) log(1 - s(x))`, also for t > 1; the
    least squares are `(x - t)^2 / 2`.

    Raises:
        InputError: an unknown name, or labels for an objective without any.
    """
    if name not in OBJECTIVES:
        raise InputError(f"objective is {name!r}; expected one of {', '.join(OBJECTIVES)}")
    if soft_labels is None:
        return OBJECTIVES[name]
    if name not in LABELLED:
        raise InputError(
            f"soft_labels are given for objective {name!r}, which compares no logit with a label; "
            f"take one of {', '.join(LABELLED)}, or soft_labels: null"
        )
    labels = Labels.of(soft_labels)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        x = logits.float()
        each = (x - target).square() / 2 if name == "lsgan" else softplus(x) - target * x
        return each.mean()

    def discriminator(real: Tensor, fake: Tensor) -> Tensor:
        return loss(real, labels.draw(real, real=True)) + loss(fake, labels.draw(fake, real=False))

    return OBJECTIVES[name]._replace(discriminator=discriminator)


def check_batches(separate: bool, discriminator: nn.Module) -> None:
    """
    Raises:
        InputError: mixed batches (without tip 4) where nothing in the network looks at the batch.
    """
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)
    if not separate and not any(isinstance(module, kinds) for module in discriminator.modules()):
        raise InputError(
            "separate_batches: false makes no difference, as the discriminator has no BatchNorm; take norm: batch"
        )
