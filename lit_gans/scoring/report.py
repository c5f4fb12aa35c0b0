"""Writer of `scores.json`."""

import json
from pathlib import Path
from typing import Any

from lit_gans.files import replacing

# Of scores.json. 1 had a key for each condition list beside the facts, and "quality" of one unnamed set; 2 had the real
# pictures of "real_tag_accuracy" among the lists of "tag_accuracy".
SCHEMA = 3


def write_scores(path: Path, scores: dict[str, Any]) -> None:
    """Plain values as JSON, under the version of their schema."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"schema": SCHEMA, **scores}, indent=2) + "\n", encoding="utf-8")
