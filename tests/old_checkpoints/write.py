"""Writes the checkpoints beside it and what their models give: `python tests/old_checkpoints/write.py FOLDER`.

They are of commit 39de994, the last one before hyperparameters, modules and options got other names. Do not write them
again: run from a checkout of that commit (PYTHONPATH) only to see how they came about.

Each is a training of two batches by the command line. Then its weights are moved away from where they started, so that
every one of them has a part in what the model gives; large ones get few different values, so that the file is small.
"""

import lzma
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import lit_gans
from data_modules.rendered import animals
from data_modules.rendered.faces import write_dataset as write_faces
from data_modules.rendered.scenes import write_dataset as write_scenes
from lit_gans.cli import main

LARGE = 1024
OBJECTS = "--data.image_size 16 --model.width 16 --model.discriminator_width 4"
FLOW = "--data.image_size 16 --model.levels 2 --model.steps 1 --model.hidden 4 --model.features 4 --model.growth 2"
FLOW += " --model.blocks 1 --model.embedding 8 --model.warmup 1"
FACES = "--data.image_size 16 --model.width 4 --model.latent_dim 8"
# name of the file -> the config and data of its run, and what makes it tiny
RUNS = {
    "cdcgan": f"cdcgan_iclevr scenes {FACES} --model.condition_dim 8",
    "conditional_gan_objects": f"conditional_gan_iclevr scenes {OBJECTS} --model.patch_size 8",
    "conditional_gan_whole": f"conditional_gan_celeba celeba {OBJECTS} --data.attributes null",
    "flow": f"flow_iclevr scenes {FLOW}",
    "flow_with_attention": f"flow_iclevr scenes {FLOW} --model.attention 1 --model.attention_width 32",
    "flow_without_places": f"flow_iclevr scenes {FLOW} --model.places 0 --model.lr_drop 0.5 --model.bits 8",
    "cyclegan": "cyclegan_horse2zebra animals --data.image_size 24 --data.load_size 26 --model.width 2 "
    "--model.blocks 1 --model.discriminator_width 2 --model.pool_size 2",
    "evaluator": "evaluator_iclevr scenes --data.image_size 32",
    "dcgan": f"dcgan_anime faces {FACES}",
    "lsgan": f"lsgan_anime faces {FACES}",
    "tag_dcgan": f"tag_dcgan_anime faces {FACES}",
    "wgan": f"wgan_anime faces {FACES}",
    "wgan_gp": f"wgan_gp_anime faces {FACES}",
}
# what a training continues from is kept of these
WHOLE = ("cdcgan", "flow")
FOR_CONTINUING = ("optimizer_states", "lr_schedulers", "callbacks", "loops")


def write_faces_with_tags(folder: Path) -> None:
    (folder / "faces").mkdir(parents=True)
    random = np.random.default_rng(0)
    lines = []
    for i in range(24):
        Image.fromarray(random.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(folder / "faces" / f"{i}.png")
        lines.append(f"{i},{('red', 'blue')[i % 2]} hair {('green', 'red')[i % 4 // 2]} eyes\n")
    (folder / "tags.csv").write_text("".join(lines))


def moved(weight: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    if weight.numel() < LARGE:
        return (weight + 0.05 * torch.randn(weight.shape, generator=random)).mul(64).round().div(64)
    scale = 2.0 ** round(np.log2(weight[0].numel() ** -0.5))
    pattern = scale * torch.randint(-2, 3, (997,), generator=random).float()
    return pattern.repeat(weight.numel() // 997 + 1)[: weight.numel()].reshape(weight.shape)


def waves(*shape: int) -> torch.Tensor:
    """Numbers in [-1, 1] that no random generator is needed for."""
    return torch.sin(0.7 * torch.arange(np.prod(shape))).reshape(shape)


def given(model: Any) -> dict[str, torch.Tensor]:
    """What a model draws, encodes, translates or classifies, by the names that its methods have in this commit."""
    if isinstance(model, lit_gans.Evaluator):
        with torch.no_grad():
            return {"probabilities": model(waves(2, 3, 32, 32))}
    if isinstance(model, lit_gans.CycleGAN):
        return {direction: model.translate(waves(2, 3, 24, 24), direction) for direction in ("a2b", "b2a")}
    if not hasattr(model, "class_names"):
        return {kind: model.sample(2, seed=3, ema=kind == "ema") for kind in ("ema", "raw")}
    names = [[model.class_names[1]], [model.class_names[2], model.class_names[0]]]
    result = {kind: model.sample(names, seed=3, ema=kind == "ema") for kind in ("ema", "raw")}
    if isinstance(model, lit_gans.ConditionalFlow):
        image = waves(2, 3, 16, 16)
        result["guided"] = model.sample(names, seed=3, guidance=1.0, temperature=0.7)
        result["latents"] = model.encode(image, names).flatten()
        result["decoded"] = model.decode(0.5 * waves(2, 768), names)
        result["log_prob"] = model.log_prob(image, names)
    return result


def train(name: str, out: Path) -> dict[str, torch.Tensor]:
    config, data, tiny = RUNS[name].split(maxsplit=2)
    arguments = f"""fit --config {config} --run_name {name} --data.root {data} {tiny} --data.batch_size 4 --wandb off
        --trainer.max_steps 2 --trainer.limit_val_batches 1 --trainer.accelerator cpu --trainer.precision 32-true
        --trainer.log_every_n_steps 1 --trainer.default_root_dir runs"""
    assert main(arguments.split()) == 0
    run = Path("runs") / name / "version_0"
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    random = torch.Generator().manual_seed(1)
    model = lit_gans.load(run / "checkpoints" / "last.ckpt")
    averaged = {key for key in checkpoint["state_dict"] if "_ema." in key and ".running_" not in key}
    for key in sorted({key for key, _ in model.named_parameters()} | averaged):
        if checkpoint["state_dict"][key].is_floating_point():
            checkpoint["state_dict"][key] = moved(checkpoint["state_dict"][key], random)
    if name not in WHOLE:  # as Lightning's save_weights_only leaves them
        checkpoint = {key: value for key, value in checkpoint.items() if key not in FOR_CONTINUING}
    torch.save(checkpoint, run / "moved.ckpt")
    (out / f"{name}.ckpt.xz").write_bytes(lzma.compress((run / "moved.ckpt").read_bytes(), preset=9))
    (out / f"{name}.yaml").write_text((run / "config.yaml").read_text())
    return given(lit_gans.load(run / "moved.ckpt"))


def main_here(folder: Path) -> None:
    write_scenes(Path("scenes"), 12, size=16, workers=1, progress=False)
    write_faces(Path("celeba"), 12, size=16, progress=False)
    animals.write_dataset(Path("animals"), train=4, test=2, size=24, progress=False)
    write_faces_with_tags(Path("faces"))
    expected = {f"{name}/{key}": value.numpy() for name in RUNS for key, value in train(name, folder).items()}
    np.savez_compressed(folder / "expected.npz", **expected)


if __name__ == "__main__":
    import os
    import tempfile

    target = Path(sys.argv[1]).resolve()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        os.chdir(temporary)
        main_here(target)
