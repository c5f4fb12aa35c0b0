"""Checkpoints of every kind of model, without a training."""

import lzma
from pathlib import Path

import pytest

OLD = Path(__file__).parents[1] / "old_checkpoints"


@pytest.fixture(scope="session")
def trained_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Those of tests/old_checkpoints, by their names there."""
    folder = tmp_path_factory.mktemp("trained")
    files = {}
    for packed in OLD.glob("*.xz"):
        name = packed.name.removesuffix(".ckpt.xz")
        files[name] = folder / f"{name}.ckpt"
        files[name].write_bytes(lzma.decompress(packed.read_bytes()))
    return files
