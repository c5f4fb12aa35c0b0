"""A training that test_ddp.py starts as a script: Lightning's launcher runs it again for each further process.

    python ddp_worker.py DATA OUT --devices N --batch-size B [--batchnorm]

Writes OUT/weights.pt at the end, and OUT/buffers_<rank>.pt when validation has started.
"""

import argparse
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from data_modules.iclevr import ICLEVR
from lit_gans.callbacks.buffers import AverageBuffers
from lit_gans.models.base import Batch
from lit_gans.models.gan import GAN


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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--devices", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--batchnorm", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    L.seed_everything(0, verbose=False)
    trainer = L.Trainer(
        accelerator="cpu",
        devices=args.devices,
        strategy="ddp_find_unused_parameters_true" if args.devices > 1 else "auto",
        max_steps=9,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[AverageBuffers()],
    )
    data = ICLEVR(str(args.data), image_size=16, batch_size=args.batch_size, flip=True)
    trainer.fit(TinyGAN(args.out, args.batchnorm), data)
    if torch.distributed.is_initialized():  # see lit_gans/commands/lightning.py
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
