"""Every kind of model on another device; run by `LIT_GANS_DEVICE=cuda pytest tests/test_device.py`."""

import os
from pathlib import Path

import pytest
import torch
from systems import SYSTEM

import lit_gans
from lit_gans.cli import main

DEVICE = os.environ.get("LIT_GANS_DEVICE")
pytestmark = pytest.mark.skipif(not DEVICE, reason="set LIT_GANS_DEVICE to cuda (or cpu) to run these")
NAMES = (
    *("cdcgan_iclevr", "conditional_gan_iclevr", "conditional_gan_celeba", "flow_iclevr", "dcgan_anime"),
    *("wgan_gp_anime", "tag_dcgan_anime", "cyclegan_horse2zebra", "evaluator_iclevr"),
)


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
@pytest.mark.parametrize("name", NAMES)
def test_it_trains_there_and_what_it_learnt_is_the_same_on_the_cpu(
    name: str, precision: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    assert DEVICE is not None
    folder, tiny = SYSTEM[name]
    accelerator = "cpu" if DEVICE == "cpu" else "gpu"
    arguments = f"""fit --config {name} --data.root {request.getfixturevalue(folder)} {tiny} --data.batch_size 4
        --data.device_resident true --trainer.max_steps 2 --trainer.log_every_n_steps 1 --trainer.precision {precision}
        --trainer.accelerator {accelerator} --trainer.devices 1 --trainer.default_root_dir {tmp_path} --wandb off"""
    assert main(arguments.split()) == 0
    checkpoint = tmp_path / name / "version_0" / "checkpoints" / "last.ckpt"
    there, here = lit_gans.load(checkpoint, device=DEVICE), lit_gans.load(checkpoint)
    if hasattr(there, "translate"):
        images = torch.rand(2, 3, 24, 24) * 2 - 1
        pictures, expected = there.translate(images), here.translate(images)
    elif hasattr(there, "class_names") and hasattr(there, "sample"):
        conditions = torch.eye(there.num_classes)[:2]
        pictures, expected = there.sample(conditions, seed=0), here.sample(conditions, seed=0)
    elif hasattr(there, "sample"):
        pictures, expected = there.sample(2, seed=0), here.sample(2, seed=0)
    else:
        images = torch.rand(2, 3, 32, 32) * 2 - 1
        pictures, expected = there(images.to(DEVICE)), here(images)
    assert pictures.device.type == DEVICE
    torch.testing.assert_close(pictures.cpu(), expected, rtol=0, atol=5e-3)  # TF32 convolutions
