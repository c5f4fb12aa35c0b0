"""Pictures as HTML: no file is written, every picture has a text, and rows wrap on a narrow screen."""

import base64
import io
from collections.abc import Sequence
from html import escape

from torch import Tensor

from lit_gans.pictures import as_image, to_uint8

CSS = """
.drawn { display: flex; flex-wrap: wrap; gap: 12px; margin: 0 0 12px; }
.drawn figure { margin: 0; width: 136px; }
.drawn img { width: 136px; height: auto; image-rendering: pixelated; display: block; }
.drawn figcaption { font-size: 12px; line-height: 1.4; margin-top: 4px; overflow-wrap: anywhere; }
.drawn .missing { font-weight: 600; text-decoration: underline; }
.score { font-size: 18px; margin: 0 0 12px; }
"""


def gallery(images: Tensor, texts: Sequence[str], captions: Sequence[str] | None = None) -> str:
    """Figures in rows.

    Args:
        images: (B, C, H, W) in [-1, 1].
        texts: what each picture is, for who cannot see it.
        captions: HTML below each; by default the texts.
    """
    shown = [escape(text) for text in texts] if captions is None else captions
    parts = [
        f'<figure><img src="{data_url(image)}" alt="{escape(text)}"><figcaption>{caption}</figcaption></figure>'
        for image, text, caption in zip(images, texts, shown, strict=True)
    ]
    return f'<div class="drawn">{"".join(parts)}</div>'


def data_url(image: Tensor) -> str:
    """(C, H, W) in [-1, 1] -> a PNG inside of an address."""
    content = io.BytesIO()
    as_image(to_uint8(image.cpu())).save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def ticks(asked: Sequence[str], seen: Sequence[bool]) -> str:
    """The asked objects of a picture, a line each: ticked where the evaluator sees them."""
    lines = (
        f"✓ {escape(name)}" if is_seen else f'<span class="missing">✗ {escape(name)} (missing)</span>'
        for name, is_seen in zip(asked, seen, strict=True)
    )
    return "<br>".join(lines)


def score_line(hits: int, asked: int, evaluator: str) -> str:
    """How many of the asked objects an evaluator sees."""
    told = f"{escape(evaluator)} sees {hits} of {asked} objects."
    return f'<p class="score">Object score <b>{hits / asked:.3f}</b>: {told}</p>'


def title(text: str) -> str:
    return f"<h3>{escape(text)}</h3>"


def note(text: str) -> str:
    return f"<p>{escape(text)}</p>"
