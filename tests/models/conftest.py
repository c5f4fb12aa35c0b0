"""A tiny conditional GAN, batches for it, and a Trainer that writes nothing by itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from lit_gans.models.cdcgan import CDCGAN
from lit_gans.training.batches import Batch

NAMES = ["gray cube", "red cube", "red sphere", "blue cylinder"]


@pytest.fixture
def cdcgan() -> Callable[..., CDCGAN]:
    """Makes a CDCGAN of 8x8 px and 4 classes, always with the same start weights."""

    def make(**options: Any) -> CDCGAN:
        tiny: dict[str, Any] = {"num_classes": 4, "class_names": NAMES, "image_size": 8}
        tiny |= {"latent_dim": 5, "condition_dim": 3, "width": 4}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            return CDCGAN(**(tiny | options))

    return make


@pytest.fixture
def batches() -> Callable[..., DataLoader[Batch]]:
    """Makes a loader of training batches of 6 images, always the same ones."""

    def make(count: int, image_size: int = 8) -> DataLoader[Batch]:
        random = torch.Generator().manual_seed(11)
        data = [
            {
                "image": torch.rand(6, 3, image_size, image_size, generator=random) * 2 - 1,
                "condition": (torch.rand(6, 4, generator=random) < 0.5).float(),
            }
            for _ in range(count)
        ]
        return DataLoader(data, batch_size=None)  # type: ignore[arg-type]

    return make


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[..., L.Trainer]:
    """Makes a Trainer on the CPU without logger, checkpoints and output."""

    def make(**options: Any) -> L.Trainer:
        quiet: dict[str, Any] = {
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        }
        fixed: dict[str, Any] = {"accelerator": "cpu", "devices": 1, "logger": False, "default_root_dir": tmp_path}
        return L.Trainer(**(quiet | fixed | options))

    return make
