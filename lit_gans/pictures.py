"""Images in [-1, 1] -> picture files."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from lit_gans.files import replacing


def to_uint8(images: Tensor) -> Tensor:
    """float in [-1, 1], any shape -> uint8, rounded; values outside are clipped."""
    return images.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def grid(images: Tensor, per_row: int = 8) -> Tensor:
    """(B, 3, H, W) in [-1, 1] -> one uint8 picture (3, H', W'), `per_row` in a row, 2 px apart."""
    return make_grid(to_uint8(images.cpu()), nrow=per_row, padding=2, pad_value=255)


def save_png(picture: Tensor, path: Path) -> None:
    """Writes one uint8 picture (3, H, W)."""
    with replacing(path) as temporary:
        Image.fromarray(picture.permute(1, 2, 0).cpu().numpy()).save(temporary, format="PNG")
