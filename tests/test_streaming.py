"""Two processes that train from shards, killed and started again, see the batches that they would have seen."""

import os
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image
from processes import run_ranks
from torch.multiprocessing import ProcessExitedException

from lit_gans.cli import main
from lit_gans.models.base import ImageModel

pytest.importorskip("litdata")


def train_as_rank(rank: int, out: Path, killed_at: int | None, arguments: list[str]) -> None:
    """Trains, and keeps what each batch held; the process is killed before a batch."""

    def keeping(model: ImageModel, batch: dict[str, torch.Tensor], batch_idx: int) -> None:
        if model.global_step == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        torch.save(batch, out / f"{model.global_step}_{rank}.pt")
        original(model, batch, batch_idx)

    original = ImageModel.on_train_batch_start
    ImageModel.on_train_batch_start = keeping  # type: ignore[method-assign]
    assert main(arguments) == 0


def test_two_killed_processes_go_on_with_the_same_batches(tmp_path: Path) -> None:
    pictures, shards = tmp_path / "pictures", tmp_path / "shards"
    for i in range(44):
        file = pictures / "ab"[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (5 * i, 0, 255 - 5 * i)).save(file)
    assert main(f"data shard {pictures} {shards} --image-size 8 --pictures 6".split()) == 0
    words = f"""fit --config conditional_gan --data.root {shards} --data.image_size 8 --data.batch_size 4
        --model.width 16 --model.discriminator_width 4 --trainer.devices 2 --trainer.accelerator cpu --wandb off
        --trainer.max_steps 8 --trainer.limit_val_batches 0 --checkpoint.every 3 --samples.every 100""".split()
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    run_ranks(2, train_as_rank, whole, None, [*words, "--trainer.default_root_dir", str(whole)])
    parted = [*words, "--trainer.default_root_dir", str(parts)]
    with pytest.raises(ProcessExitedException):
        run_ranks(2, train_as_rank, parts, 4, parted)
    assert not (parts / "4_0.pt").exists()
    last = parts / "conditional_gan" / "version_0" / "checkpoints" / "last.ckpt"
    assert torch.load(last, weights_only=True)["global_step"] == 3
    run_ranks(2, train_as_rank, parts, None, [*parted, "--ckpt_path", str(last)])

    batches = [
        [torch.load(folder / f"{i}_{rank}.pt") for i in range(8) for rank in (0, 1)] for folder in (whole, parts)
    ]
    for one, other in zip(*batches, strict=True):
        assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    # 5 batches of 8 an epoch, no picture twice
    first = torch.cat([batch["image"][:, 0, 0, 0] for batch in batches[0][:10]])
    assert len(first.unique()) == len(first) == 40
    weights = [
        torch.load(runs / "conditional_gan" / f"version_{i}" / "checkpoints" / "last.ckpt", weights_only=True)
        for runs, i in ((whole, 0), (parts, 1))
    ]
    for name, weight in weights[0]["state_dict"].items():
        assert torch.equal(weight, weights[1]["state_dict"][name]), name
