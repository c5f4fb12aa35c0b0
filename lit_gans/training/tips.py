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
from typing import Literal

import torch
from torch import Tensor, nn

from lit_gans import checks
from lit_gans.errors import InputError

LatentName = Literal["gaussian", "uniform"]


def checked_pixel_range(pixel_range: Sequence[float], generator: nn.Module) -> tuple[float, float]:
    """Raises InputError: not two rising numbers, or numbers that the generator's Tanh does not reach."""
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


def draw_latents(name: LatentName, shape: tuple[int, int], rng: torch.Generator) -> Tensor:
    """(B, latent_dim) on the generator's device: standard normal, or uniform in the cube [-1, 1] (tip 3)."""
    if name == "gaussian":
        return torch.randn(shape, device=rng.device, generator=rng)
    return torch.rand(shape, device=rng.device, generator=rng) * 2 - 1


def check_batches(separate: bool, discriminator: nn.Module) -> None:
    """Raises InputError: mixed batches (without tip 4) where nothing in the network looks at the batch."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)
    if not separate and not any(isinstance(module, kinds) for module in discriminator.modules()):
        raise InputError(
            "separate_batches: false makes no difference, as the discriminator has no BatchNorm; take norm: batch"
        )
