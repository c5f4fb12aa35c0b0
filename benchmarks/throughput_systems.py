"""What benchmarks/throughput.py measures. A new system is one entry in SYSTEMS and its plain training loop."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset
from torchvision import transforms

from data_modules.iclevr_files import image_folder
from data_modules.rendered.scenes import write_dataset
from lit_gans.models.base import Batch
from lit_gans.models.gan import GAN
from lit_gans.networks.cdcgan import CDCGANDiscriminator, CDCGANGenerator
from lit_gans.training.ema import update_average
from lit_gans.training.precision import best_precision


@dataclass(frozen=True)
class Setup:
    """What is asked for on the command line, and the data set in use."""

    device: str
    batches: int
    warmup: int
    batch_size: int
    image_size: int
    width: int
    workers: int
    data: Path

    @property
    def precision(self) -> str:
        return best_precision(self.device)


@dataclass(frozen=True)
class System:
    """What is measured for one system; everything else is common to all.

    Attributes:
        config: name of its YAML in configs/; gives the model of `fit` and `step`.
        render: writes a data set that fits the config's data module.
        dataset: the same data for the plain loop, a torch Dataset with a length; items in the order of `columns`.
        columns: names of the items in a batch of the model.
        plain: the plain loop's work for one batch of the dataset, on the device.
        step: the model's work for one batch of `columns`.
        period: batches until the update schedule repeats.
        model_options: values of Setup that the model takes beside the image size.
    """

    config: str
    render: Callable[[Path, Setup], None]
    dataset: Callable[[Setup], Any]
    columns: tuple[str, ...]
    plain: Callable[[Setup], Callable[..., None]]
    step: Callable[[Any], Callable[[Batch], None]]
    period: int = 1
    model_options: tuple[str, ...] = ("width",)


class PNGFolder(Dataset):
    """iCLEVR as the usual Dataset of a script: a PNG is opened and transformed when it is asked for."""

    def __init__(self, setup: Setup) -> None:
        self.classes: dict[str, int] = json.loads((setup.data / "objects.json").read_text())
        self.items = list(json.loads((setup.data / "train.json").read_text()).items())
        self.folder = image_folder(setup.data)
        self.transform = transforms.Compose(
            [
                transforms.Resize((setup.image_size, setup.image_size)),
                transforms.ToTensor(),
                transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
            ]
        )

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        name, objects = self.items[index]
        condition = torch.zeros(len(self.classes))
        condition[[self.classes[name] for name in objects]] = 1
        return self.transform(Image.open(self.folder / name).convert("RGB")), condition


def render_scenes(folder: Path, setup: Setup) -> None:
    images = min(setup.batch_size * (setup.warmup + setup.batches), 4096)
    # three images a scene; 5 % of the scenes are held out
    write_dataset(folder, max(images // 3 + images // 40, 4), max(setup.image_size, 16), progress=False)


def plain_cdcgan(setup: Setup) -> Callable[[Tensor, Tensor], None]:
    """Report 003: a discriminator update, then four of the generator, whose gradients also reach the discriminator's
    weights (nothing freezes them) until its next zero_grad."""
    generator = CDCGANGenerator(image_size=setup.image_size, width=setup.width).to(setup.device)
    discriminator = CDCGANDiscriminator(image_size=setup.image_size, width=setup.width).to(setup.device)
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    criterion = nn.BCEWithLogitsLoss()
    log = []

    def step(images: Tensor, conditions: Tensor) -> None:
        real = torch.ones(len(images), device=setup.device)
        fake = torch.zeros(len(images), device=setup.device)

        optimizer_d.zero_grad()
        generated = generator(torch.randn(len(images), 100, device=setup.device), conditions)
        loss_real = criterion(discriminator(images, conditions), real)
        loss_fake = criterion(discriminator(generated.detach(), conditions), fake)
        loss_d = loss_real + loss_fake
        loss_d.backward()
        optimizer_d.step()

        for _ in range(4):
            optimizer_g.zero_grad()
            generated = generator(torch.randn(len(images), 100, device=setup.device), conditions)
            loss_g = criterion(discriminator(generated, conditions), real)
            loss_g.backward()
            optimizer_g.step()
        log.append((loss_d.item(), loss_g.item()))

    return step


def gan_step(model: GAN) -> Callable[[Batch], None]:
    """The updates of GAN.training_step in a bare loop: the model's own losses, optimizers and schedule."""
    optimizer_g, optimizer_d = model.configure_optimizers()
    model.trainer = OneProcess()  # type: ignore[assignment]  # all that the losses ask of a Trainer
    noise = torch.Generator(model.device)
    networks = (model.generator, model.discriminator)
    done = 0

    def update(optimizer: torch.optim.Optimizer, trained: nn.Module, loss: Callable[..., Tensor], batch: Batch) -> None:
        frozen = [p for network in networks if network is not trained for p in network.parameters() if p.requires_grad]
        for parameter in frozen:
            parameter.requires_grad = False
        value = loss(batch, noise)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        for parameter in frozen:
            parameter.requires_grad = True

    def step(batch: Batch) -> None:
        nonlocal done
        for _ in range(model.updates.of_discriminator(done)):
            update(optimizer_d, model.discriminator, model.discriminator_loss, batch)
        for _ in range(model.updates.of_generator(done)):
            update(optimizer_g, model.generator, model.generator_loss, batch)
        if model.generator_ema is not None:
            update_average(model.generator_ema, model.generator, model.ema_decay, done)
        done += 1

    return step


class OneProcess:
    """Stands in for a Trainer where only the number of processes matters."""

    world_size, global_rank = 1, 0


SYSTEMS = {
    "cdcgan": System("cdcgan_iclevr", render_scenes, PNGFolder, ("image", "condition"), plain_cdcgan, gan_step),
}
