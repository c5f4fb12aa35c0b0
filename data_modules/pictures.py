"""One picture file, whatever its format and mode, as 8-bit RGB; and in words, why it cannot be read."""

import warnings
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

# Pillow warns from half of its limit on; within the limit there is nothing to tell.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)

MOST_PIXELS = 178_956_970
"""Pictures of more pixels are refused, by Pillow: a file of a kilobyte can ask for gigabytes of memory."""


def read_rgb(path: Path) -> Image.Image:
    """One image file as 8-bit RGB, upright (EXIF orientation is applied).

    Transparent images are laid on white; 16-bit greyscale is scaled to 8 bits; of several frames the first is taken.

    Raises:
        Exception: whatever Pillow raises for a file that is missing, truncated or no image; see `why_unreadable`.
    """
    with Image.open(path) as image:
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode.startswith("I"):
            # Pillow cuts such values off at 255 (or drops the low byte, by version); 65535 must become 255.
            levels = np.asarray(image).astype(np.int64)
            if levels.min() < 0 or levels.max() > 65535:
                raise ValueError("32-bit pixels have no known range")
            return Image.fromarray(((levels + 128) // 257).astype(np.uint8)).convert("RGB")
        if image.mode == "F":
            raise ValueError("floating-point pixels have no known range")
        if image.has_transparency_data:
            # The colour under full transparency is arbitrary, often black; only laying the image on something hides it.
            layer = image.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
        return image.convert("RGB")


def why_unreadable(path: Path, error: Exception) -> str:
    """What is wrong with a picture file that raised this error, in a few words."""
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MOST_PIXELS:,} pixels (a decompression bomb?); make it smaller"
    if isinstance(error, IsADirectoryError):
        return "a folder"
    if isinstance(error, UnidentifiedImageError):
        try:
            empty = path.stat().st_size == 0
        except OSError:
            empty = False
        return "empty file (0 bytes)" if empty else "no picture in a format that is read"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


Fit = Literal["crop", "pad", "squash"]


def fitted(image: Image.Image, height: int, width: int, fit: Fit) -> Image.Image:
    """The image in another size (Lanczos): "crop" takes the largest centred part of the wanted aspect ratio, "pad" adds
    edges of the mean colour of the image's border, "squash" changes the aspect ratio."""
    if image.size == (width, height):
        return image
    if fit == "crop":
        image = centre(image, width / height)
    elif fit == "pad":
        scale = min(width / image.width, height / image.height)
        inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        whole = Image.new(image.mode, (width, height), _border_colour(image))
        corner = (width - inner[0]) // 2, (height - inner[1]) // 2
        whole.paste(image.resize(inner, Image.Resampling.LANCZOS), corner)
        return whole
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _border_colour(image: Image.Image) -> int | tuple[int, ...]:
    pixels = np.asarray(image, dtype=np.float64)
    border = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    colour = np.concatenate(border).mean(axis=0).round().astype(int).tolist()
    return colour if image.mode == "L" else tuple(colour)


def centre(image: Image.Image, aspect: float) -> Image.Image:
    """The largest centred part of the image whose width is ``aspect`` times its height, to whole pixels."""
    width = min(image.width, round(image.height * aspect))
    height = min(image.height, round(image.width / aspect))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))
