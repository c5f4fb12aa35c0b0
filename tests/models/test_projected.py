"""Models with a projected discriminator: any generator, by one hyperparameter."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

import lit_gans
from lit_gans.errors import InputError
from lit_gans.networks import pretrained

TINY: dict[str, dict[str, Any]] = {
    "DCGAN": {"image_size": 16, "width": 4},
    "LSGAN": {"image_size": 16, "width": 4},
    "CDCGAN": {"num_classes": 4, "image_size": 16, "width": 2},
    "ConditionalGAN": {"num_classes": 4, "image_size": 16, "width": 16, "patch_size": 8, "penalties": None},
    "ModulatedGAN": {"image_size": 16, "width": 2, "penalties": None},
    "TagDCGAN": {"num_classes": 4, "image_size": 16, "width": 2},
}


@pytest.mark.parametrize("name", TINY)
def test_any_gan_trains_against_it_and_its_checkpoint_holds_no_frozen_weights(
    name: str, trainer: Callable[..., L.Trainer], tmp_path: Path
) -> None:
    rows = [{"image": torch.rand(3, 16, 16) * 2 - 1, "condition": torch.eye(4)[i % 4]} for i in range(8)]
    model = getattr(lit_gans, name)(projected=32, objective="hinge", **TINY[name])
    before = {key: value.clone() for key, value in model.state_dict().items()}
    run = trainer(max_epochs=1)
    run.fit(model, DataLoader(rows, batch_size=4))
    changed = {key.split(".")[0] for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert {"generator", "discriminator"} <= changed
    for fixed in ("discriminator.across_channels", "discriminator.across_scales"):
        assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items() if k.startswith(fixed))
    run.save_checkpoint(tmp_path / "model.ckpt")
    assert (tmp_path / "model.ckpt").stat().st_size < 15e6  # the frozen network alone has 19 MB
    lit_gans.load(tmp_path / "model.ckpt")


def test_drawing_needs_no_frozen_network(
    trainer: Callable[..., L.Trainer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = lit_gans.DCGAN(projected=32, objective="hinge", **TINY["DCGAN"])
    run = trainer()
    run.strategy.connect(model)
    run.save_checkpoint(tmp_path / "model.ckpt")
    monkeypatch.setattr(pretrained, "find_spec", lambda name: None)
    assert lit_gans.load(tmp_path / "model.ckpt").sample(2, seed=0).shape == (2, 3, 16, 16)
    with pytest.raises(InputError, match=r"lit_gans\[features\]"):
        model.discriminator(torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize("size", [16, 48, 0])
def test_sizes_that_do_not_fit_are_refused(size: int) -> None:
    with pytest.raises(InputError, match="projected is"):
        lit_gans.DCGAN(projected=size, **TINY["DCGAN"])
