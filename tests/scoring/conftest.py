"""Face data and a Trainer for the scores."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest

from data_modules.anime_faces import AnimeFaces
from lit_gans.scoring.score import Score


@pytest.fixture
def faces(faces_folder: Path) -> AnimeFaces:
    return AnimeFaces(str(faces_folder), image_size=16, batch_size=6, val_fraction=0.25)


@pytest.fixture
def tagged(faces_folder: Path) -> AnimeFaces:
    return AnimeFaces(str(faces_folder), tags="tags.csv", image_size=32, batch_size=6, val_fraction=0.25)


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[..., L.Trainer]:
    """Makes a Trainer on the CPU that takes these scores."""

    def make(score: Score, **options: Any) -> L.Trainer:
        quiet: dict[str, Any] = {"enable_checkpointing": False, "enable_progress_bar": False, "logger": False}
        fixed: dict[str, Any] = {"accelerator": "cpu", "devices": 1, "default_root_dir": tmp_path}
        return L.Trainer(**quiet, **fixed, enable_model_summary=False, callbacks=[score], **options)

    return make
