"""Pictures that a visitor uploads: small enough, and pictures."""

from pathlib import Path

from PIL import Image
from torch import Tensor

from data_modules.loader import to_float
from data_modules.pictures import fitted, read_rgb, why_unreadable
from lit_gans.errors import InputError
from lit_gans.pictures import as_tensor

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MOST_BYTES = 10_000_000
# A picture of more is made smaller before anything is computed of it.
MOST_SIDE = 512
# A file of few bytes may hold a picture of any size: this many are looked at before it is read.
MOST_PIXELS = 50_000_000


def read_upload(file: str) -> Image.Image:
    """An uploaded picture, upright, RGB, of at most 512 px a side.

    Raises:
        InputError: too large, or no picture.
    """
    path = Path(file)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES // 1_000_000} MB; make it smaller")
        with Image.open(path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"{image.width}x{image.height} pixels; make it smaller")
        picture = read_rgb(path)
    except Exception as error:  # a broken file may raise anything
        raise InputError(f"{path.name}: {why_unreadable(path, error)}") from None
    picture.thumbnail((MOST_SIDE, MOST_SIDE))
    return picture


def as_batch(picture: Image.Image, channels: int, size: int | None = None) -> Tensor:
    """(1, channels, H, W) in [-1, 1]; with a size the middle square in that size."""
    if size is not None:
        picture = fitted(picture, size, size, "crop")
    return to_float(as_tensor(picture if channels == 3 else picture.convert("L"))[None])
