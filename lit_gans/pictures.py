"""Images in [-1, 1] -> picture files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from lit_gans.files import picture_format, replacing

GAP = 2  # pixels between the pictures of a grid


def to_uint8(images: Tensor) -> Tensor:
    """float in [-1, 1], any shape -> uint8, rounded; values outside are clipped."""
    return images.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def grid(images: Tensor, per_row: int = 8) -> Tensor:
    """(B, C, H, W) in [-1, 1], or uint8 -> one uint8 picture (C, H', W'), `per_row` in a row, 2 px apart on white; one
    image alone has no edge."""
    images = images.cpu() if images.dtype == torch.uint8 else to_uint8(images.cpu())
    count, channels, height, width = images.shape
    if count == 1:
        return images[0]
    columns, rows = min(per_row, count), -(-count // per_row)
    page = torch.full((channels, GAP + rows * (height + GAP), GAP + columns * (width + GAP)), 255, dtype=torch.uint8)
    for i, image in enumerate(images):
        top, left = GAP + i // columns * (height + GAP), GAP + i % columns * (width + GAP)
        page[:, top : top + height, left : left + width] = image
    return page


def labelled_grid(images: Tensor, rows: Sequence[str], columns: Sequence[str] = (), text: int = 11) -> Tensor:
    """A grid with what each row and column shows written beside it.

    Args:
        images: (len(rows) * n, C, H, W) in [-1, 1], row by row.
        rows: what each row shows; written on the left.
        columns: what each of the n columns shows; written above.
        text: height of the letters in pixels.

    Returns:
        uint8 (C, H', W').
    """
    per_row = len(images) // len(rows)
    picture = grid(images, per_row)
    font = ImageFont.load_default(text)
    margin = 4
    left = margin + max(round(font.getlength(row)) for row in rows) + margin
    top = text + 2 * margin if columns else 0
    drawn = as_image(picture)
    page = Image.new(drawn.mode, (left + drawn.width, top + drawn.height), "white")
    page.paste(drawn, (left, top))
    draw = ImageDraw.Draw(page)
    height, width = images.shape[2] + 2, images.shape[3] + 2
    for i, row in enumerate(rows):
        draw.text((margin, top + 2 + (i + 0.5) * height), row, "black", font, anchor="lm")
    for i, column in enumerate(columns):
        draw.text((left + 1 + (i + 0.5) * width, top / 2), column, "black", font, anchor="mm")
    return as_tensor(page)


def as_tensor(image: Image.Image) -> Tensor:
    """A picture of mode RGB or L as uint8 (3, H, W) or (1, H, W)."""
    return torch.from_numpy(np.array(image)).view(image.height, image.width, -1).permute(2, 0, 1)


def as_image(picture: Tensor) -> Image.Image:
    """uint8 (3, H, W), or (1, H, W) for grey -> what Pillow shows and writes."""
    pixels = picture.permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(pixels if len(picture) == 3 else pixels[:, :, 0])


def save_picture(picture: Tensor, path: Path) -> None:
    """Writes one uint8 picture (3, H, W), or (1, H, W), in the format of its ending.

    Raises:
        OutputError: an ending that is no picture's, or a file that cannot be written.
    """
    kind, options = picture_format(path)
    with replacing(path) as temporary:
        as_image(picture).save(temporary, format=kind, **options)
