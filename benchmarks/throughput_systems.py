"""What benchmarks/throughput.py measures. A new system is one entry in SYSTEMS and its plain training loop."""

import json
import random
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
from data_modules.rendered.animals import write_dataset as write_animals
from data_modules.rendered.scenes import write_dataset
from lit_gans.models.base import Batch
from lit_gans.models.cyclegan import CycleGAN
from lit_gans.models.gan import GAN
from lit_gans.networks.cdcgan import CDCGANDiscriminator, CDCGANGenerator
from lit_gans.networks.cyclegan import InstanceNorm2d, PatchDiscriminator, ReflectionPad2d, ResnetGenerator
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
        images: in an item of the dataset.
    """

    config: str
    render: Callable[[Path, Setup], None]
    dataset: Callable[[Setup], Any]
    columns: tuple[str, ...]
    plain: Callable[[Setup], Callable[..., None]]
    step: Callable[[Any], Callable[[Batch], None]]
    period: int = 1
    model_options: tuple[str, ...] = ("width",)
    images: int = 1


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


class PairFolder(Dataset):
    """Two unpaired folders as the usual Dataset of a script: a picture of A, and any of B, opened and transformed."""

    def __init__(self, setup: Setup) -> None:
        self.folders = [sorted(path for path in (setup.data / f"train{domain}").iterdir()) for domain in "AB"]
        self.transform = transforms.Compose(
            [
                transforms.Resize(int(setup.image_size * 1.12)),
                transforms.RandomCrop(setup.image_size),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
            ]
        )

    def __len__(self) -> int:
        return max(map(len, self.folders))

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        a, b = self.folders
        paths = a[index % len(a)], b[random.randrange(len(b))]
        return tuple(self.transform(Image.open(path).convert("RGB")) for path in paths)  # type: ignore[return-value]


def render_animals(folder: Path, setup: Setup) -> None:
    write_animals(folder, train=min(setup.batch_size * 4, 200), test=2, size=setup.image_size, progress=False)


def plain_cyclegan(setup: Setup) -> Callable[[Tensor, Tensor], None]:
    """The published algorithm with torch's own layers: each image goes through each network by itself."""
    g_ab, g_ba = (plain_layers(ResnetGenerator(setup.width)).to(setup.device) for _ in range(2))
    d_a, d_b = (plain_layers(PatchDiscriminator()).to(setup.device) for _ in range(2))
    optimizer_g = torch.optim.Adam([*g_ab.parameters(), *g_ba.parameters()], lr=2e-4, betas=(0.5, 0.999))
    optimizer_d = torch.optim.Adam([*d_a.parameters(), *d_b.parameters()], lr=2e-4, betas=(0.5, 0.999))
    mse, l1 = nn.MSELoss(), nn.L1Loss()
    pools: tuple[list[Tensor], list[Tensor]] = ([], [])
    log = []

    def judged(logits: Tensor, target: float) -> Tensor:
        return mse(logits, torch.full_like(logits, target))

    def from_pool(pool: list[Tensor], fake: Tensor) -> Tensor:
        shown = []
        for image in fake.detach():
            if len(pool) < 50:
                pool.append(image)
            elif random.random() < 0.5:
                place = random.randrange(50)
                pool[place], image = image, pool[place]
            shown.append(image)
        return torch.stack(shown)

    def step(a: Tensor, b: Tensor) -> None:
        for parameter in (*d_a.parameters(), *d_b.parameters()):
            parameter.requires_grad = False
        fake_b, fake_a = g_ab(a), g_ba(b)
        loss_g = judged(d_b(fake_b), 1) + judged(d_a(fake_a), 1)
        loss_g = loss_g + 10 * (l1(g_ba(fake_b), a) + l1(g_ab(fake_a), b)) + 5 * (l1(g_ab(b), b) + l1(g_ba(a), a))
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()

        for parameter in (*d_a.parameters(), *d_b.parameters()):
            parameter.requires_grad = True
        optimizer_d.zero_grad()
        losses = []
        for network, real, fake, pool in ((d_a, a, fake_a, pools[0]), (d_b, b, fake_b, pools[1])):
            losses.append((judged(network(real), 1) + judged(network(from_pool(pool, fake)), 0)) / 2)
            losses[-1].backward()
        optimizer_d.step()
        log.append((loss_g.item(), *(loss.item() for loss in losses)))

    return step


def plain_layers(network: nn.Module) -> nn.Module:
    """The network with torch's own norm and padding in the places of ours."""
    for parent in list(network.modules()):
        channels = 0
        for name, child in parent.named_children():
            channels = getattr(child, "out_channels", channels)
            if isinstance(child, InstanceNorm2d):
                setattr(parent, name, nn.InstanceNorm2d(channels))
            elif isinstance(child, ReflectionPad2d):
                setattr(parent, name, nn.ReflectionPad2d(child.padding))
    return network


def cyclegan_step(model: CycleGAN) -> Callable[[Batch], None]:
    """CycleGAN.training_step in a bare loop: the model's own losses, pools and optimizers."""
    optimizer_g, optimizer_d = model.configure_optimizers()
    model.trainer = OneProcess()  # type: ignore[assignment]
    noise = torch.Generator(model.device)
    frozen = [*model.discriminator_a.parameters(), *model.discriminator_b.parameters()]

    def step(batch: Batch) -> None:
        real_a, real_b = batch["image_a"], batch["image_b"]
        for parameter in frozen:
            parameter.requires_grad = False
        loss, fake_a, fake_b = model.generator_loss(real_a, real_b)
        optimizer_g.zero_grad()
        loss.backward()
        optimizer_g.step()
        for parameter in frozen:
            parameter.requires_grad = True
        shown_a, shown_b = model.shown(model.pool_a, fake_a, noise), model.shown(model.pool_b, fake_b, noise)
        loss = model.discriminator_loss(real_a, real_b, shown_a, shown_b)
        optimizer_d.zero_grad()
        loss.backward()
        optimizer_d.step()

    return step


SYSTEMS = {
    "cdcgan": System("cdcgan_iclevr", render_scenes, PNGFolder, ("image", "condition"), plain_cdcgan, gan_step),
    "cyclegan": System(
        "cyclegan_horse2zebra",
        render_animals,
        PairFolder,
        ("image_a", "image_b"),
        plain_cyclegan,
        cyclegan_step,
        images=2,
    ),
}
