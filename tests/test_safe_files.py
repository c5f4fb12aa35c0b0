"""Checkpoints as safetensors files: the same model, or an error in one line."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from untrained import SMALL, checkpoint_of, untrained

import lit_gans
from lit_gans.cli import main
from lit_gans.errors import InputError
from lit_gans.safe_files import to_safetensors

DRAWING = [system for system in SMALL if "cyclegan" not in system]


def exported(system: str, folder: Path) -> Path:
    file = folder / "generator.safetensors"
    assert main(["export", "generator", str(checkpoint_of(untrained(system), folder / "a.ckpt")), str(file)]) == 0
    return file


@pytest.mark.parametrize("system", DRAWING)
def test_it_draws_what_the_checkpoint_draws(system: str, tmp_path: Path) -> None:
    file = exported(system, tmp_path)
    one, other = lit_gans.load(tmp_path / "a.ckpt"), lit_gans.load(file)
    assert one.model_name == other.model_name and one.images_seen == other.images_seen
    asked: list[Any] = [[["red cube"], ["gray cone"]]] if hasattr(one, "class_names") else [2]
    if system == "placed_flow":  # it has seen no layout to draw from
        z = torch.randn(2, one.dims)
        assert torch.equal(one.decode(z, *asked), other.decode(z, *asked))
    else:
        assert torch.equal(one.sample(*asked, seed=3), other.sample(*asked, seed=3))


def test_sample_takes_it_like_the_checkpoint(tmp_path: Path) -> None:
    file = exported("objects", tmp_path)
    for source in (file, tmp_path / "a.ckpt"):
        arguments = ["--condition", "red cube", "--seed", "1", "--out", str(tmp_path / f"{source.stem}.png")]
        assert main(["sample", str(source), *arguments]) == 0
    assert (tmp_path / "generator.png").read_bytes() == (tmp_path / "a.png").read_bytes()


def test_its_weights_and_hyperparameters_are_read_by_the_formats_own_library(tmp_path: Path) -> None:
    from safetensors import safe_open

    with safe_open(exported("cdcgan", tmp_path), "pt") as file:
        facts = json.loads(file.metadata()["lit_gans"])
        assert facts["hyper_parameters"]["width"] == 2 and facts["lit_gans"]["model"] == "CDCGAN"
        assert {name.split(".")[0] for name in file.keys()} == {"generator"}  # noqa: SIM118


def test_the_same_content_gives_the_same_bytes() -> None:
    content = {"a": 1, "state_dict": {"w": torch.ones(3), "ä": torch.zeros(2, 2)}}
    files = {to_safetensors(content) for _ in range(12)}
    assert len(files) == 1 and len(files.pop()) % 8 == (3 + 4) * 4 % 8


def test_changed_cut_and_foreign_files_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save

    content = exported("cdcgan", tmp_path).read_bytes()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    changed = content[: start + 5] + bytes([content[start + 5] ^ 1]) + content[start + 6 :]
    file = tmp_path / "other.safetensors"
    for broken, message in (
        (changed, "was changed after it was written"),
        (content[:-7], "no readable safetensors file"),
        (b"", "no readable safetensors file"),
        (save({"weight": torch.zeros(3)}), "not written by a model of lit_gans"),
        (save({"weight": torch.zeros(3)}, {"lit_gans": "[]"}), "its metadata"),
    ):
        file.write_bytes(broken)
        with pytest.raises(InputError, match=message) as caught:
            lit_gans.load(file)
        assert len(str(caught.value).splitlines()) == 1
