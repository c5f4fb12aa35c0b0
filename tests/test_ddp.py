"""Several processes train the model that one process with the union batch trains."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning as L
import torch
from processes import exit_code, run_ranks
from torch import Tensor, nn

from data_modules.iclevr import ICLEVR
from lit_gans.callbacks.buffers import AverageBuffers
from lit_gans.models.gan import GAN
from lit_gans.training.batches import Batch


class Generator(nn.Module):
    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.lift = nn.Linear(8 + 24, 8 * 16)
        self.norm = nn.BatchNorm2d(8) if norm else nn.Identity()
        self.paint = nn.ConvTranspose2d(8, 3, 4, stride=4)

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        x = torch.relu(self.lift(torch.cat([z, condition], 1))).view(-1, 8, 4, 4)
        return torch.tanh(self.paint(self.norm(x)))


class Discriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(3, 8, 4, stride=4)
        self.judge = nn.Linear(8 * 16 + 24, 1)

    def forward(self, image: Tensor, condition: Tensor) -> Tensor:
        x = nn.functional.leaky_relu(self.look(image), 0.2).flatten(1)
        return self.judge(torch.cat([x, condition], 1)).flatten()


class TinyGAN(GAN):
    def __init__(self, out: Path, norm: bool) -> None:
        super().__init__(Generator(norm), Discriminator(), latent_dim=8, schedule={"generator": 4}, lr_generator=1e-3)
        self.out = out

    def condition(self, batch: Batch) -> tuple[Tensor, ...]:
        return (batch["condition"],)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        buffers = {name: buffer.clone() for name, buffer in self.named_buffers()}
        torch.save(buffers, self.out / f"buffers_{self.global_rank}.pt")

    def on_train_end(self) -> None:
        if self.global_rank == 0:
            state: dict[str, Any] = {"weights": self.state_dict(), "images_seen": self.images_seen}
            torch.save(state, self.out / "weights.pt")


def work(rank: int, data: Path, out: Path, devices: int, batch_size: int, batchnorm: bool) -> None:
    """Writes OUT/weights.pt at the end, and OUT/buffers_<rank>.pt when validation has started."""
    L.seed_everything(0, verbose=False)
    trainer = L.Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp_find_unused_parameters_true" if devices > 1 else "auto",
        max_steps=9,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[AverageBuffers()],
    )
    module = ICLEVR(str(data), image_size=16, batch_size=batch_size, flip=True)
    trainer.fit(TinyGAN(out, batchnorm), module)
    if torch.distributed.is_initialized():  # see lit_gans/commands/lightning.py
        torch.distributed.destroy_process_group()


def train(data: Path, out: Path, *, devices: int, batch_size: int, batchnorm: bool = False) -> dict[str, Any]:
    out.mkdir()
    run_ranks(devices, work, data, out, devices, batch_size, batchnorm)
    state: dict[str, Any] = torch.load(out / "weights.pt", weights_only=True)
    return state


def test_two_processes_equal_one_on_the_union_batch(scenes_folder: Path, tmp_path: Path) -> None:
    """Four generator updates and one discriminator update a batch, EMA and flips included, for 9 batches."""
    two = train(scenes_folder, tmp_path / "two", devices=2, batch_size=4)
    one = train(scenes_folder, tmp_path / "one", devices=1, batch_size=8)
    assert two["images_seen"] == one["images_seen"] == 9 * 8
    for name, weight in one["weights"].items():
        # Adam divides by gradients near zero, so rounding in the all-reduce shows; measured 5e-8 to 1e-6
        torch.testing.assert_close(two["weights"][name], weight, rtol=0, atol=2e-5, msg=lambda m, n=name: f"{n}: {m}")


def test_batchnorm_statistics_are_equal_on_all_ranks_in_validation(scenes_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "two"
    train(scenes_folder, out, devices=2, batch_size=4, batchnorm=True)
    ranks = [torch.load(out / f"buffers_{rank}.pt", weights_only=True) for rank in (0, 1)]
    compared = [name for name in ranks[0] if "running" in name]
    assert compared
    for name in compared:
        assert torch.equal(ranks[0][name], ranks[1][name]), name
        assert not torch.equal(ranks[0][name], torch.zeros_like(ranks[0][name])), f"{name} was never updated"


def test_several_devices_train_from_the_command_line_without_an_overlay(scenes_folder: Path, tmp_path: Path) -> None:
    arguments = [
        *"fit --config cdcgan_iclevr --trainer.accelerator cpu --wandb off".split(),
        *"--trainer.devices 2 --trainer.max_steps 3 --model.width 2 --data.image_size 16".split(),
        *f"--data.batch_size 4 --trainer.log_every_n_steps 1 --trainer.default_root_dir {tmp_path}".split(),
        *f"--data.root {scenes_folder}".split(),
    ]
    result = subprocess.run(
        [sys.executable, "-m", "lit_gans", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    run = tmp_path / "cdcgan_iclevr" / "version_0"
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 3
    assert checkpoint["lit_gans"]["images_seen"] == 3 * 4 * 2
    assert (run / "samples" / "0000003.png").is_file()


def test_processes_that_are_forked_after_an_export_can_train() -> None:
    """Tests run in any order; see `forked_processes_can_train` in conftest.py."""

    def backward() -> int:
        (torch.ones(2, requires_grad=True) * 2).sum().backward()
        return 0

    torch.export.export(nn.Linear(2, 2), (torch.zeros(1, 2),))
    assert backward() == exit_code(backward) == 0
