"""The training steps of the package's models in a bare loop: their own losses, optimizers and schedules, without
Lightning."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lit_gans.models.base import Batch
from lit_gans.models.cyclegan import CycleGAN
from lit_gans.models.flow import ConditionalFlow
from lit_gans.models.gan import GAN
from lit_gans.training.ema import update_average

Work = Callable[[Batch], None]


class OneProcess:
    """Stands in for a Trainer where only the number of processes and the first batch matter."""

    world_size, global_rank, global_step = 1, 0, 0


@contextmanager
def frozen(networks: Iterable[nn.Module]) -> Iterator[None]:
    weights = [p for network in networks for p in network.parameters() if p.requires_grad]
    for weight in weights:
        weight.requires_grad = False
    yield
    for weight in weights:
        weight.requires_grad = True


def gan(model: GAN) -> Work:
    """The updates of GAN.training_step."""
    optimizer_g, optimizer_d = model.configure_optimizers()
    model.trainer = OneProcess()  # type: ignore[assignment]  # all that the losses ask of a Trainer
    noise = torch.Generator(model.device)
    done = 0

    def update(optimizer: torch.optim.Optimizer, other: nn.Module, loss: Callable[..., Tensor], batch: Batch) -> None:
        with frozen([other]):
            value = loss(batch, noise)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()

    def step(batch: Batch) -> None:
        nonlocal done
        for _ in range(model.updates.of_discriminator(done)):
            update(optimizer_d, model.generator, model.discriminator_loss, batch)
            model.discriminator_updates += 1  # lazy penalties go by it
        for _ in range(model.updates.of_generator(done)):
            update(optimizer_g, model.discriminator, model.generator_loss, batch)
        if model.generator_ema is not None:
            update_average(model.generator_ema, model.generator, model.ema_decay, done)
        done += 1

    return step


def flow(model: ConditionalFlow) -> Work:
    """What Lightning's automatic optimization makes of ConditionalFlow.training_step."""
    optimizer = model.configure_optimizers()
    model.trainer = OneProcess()  # type: ignore[assignment]
    model.run_seed = 0
    done = 0

    def step(batch: Batch) -> None:
        nonlocal done
        condition = batch["condition"]
        batch = {"order": condition.cumsum(dim=1) * condition, **batch}  # any order takes the same time
        if done == 0:
            model.initialize(batch)
        loss = model.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        model.on_before_optimizer_step(optimizer)
        optimizer.step()
        if model.flow_ema is not None:
            update_average(model.flow_ema, model.flow, model.ema_decay, done)
        done += 1

    return step


def cyclegan(model: CycleGAN) -> Work:
    """CycleGAN.training_step, with its pools."""
    optimizer_g, optimizer_d = model.configure_optimizers()
    model.trainer = OneProcess()  # type: ignore[assignment]
    noise = torch.Generator(model.device)

    def step(batch: Batch) -> None:
        real_a, real_b = batch["image_a"], batch["image_b"]
        with frozen([model.discriminator_a, model.discriminator_b]):
            loss, fake_a, fake_b = model.generator_loss(real_a, real_b)
            optimizer_g.zero_grad()
            loss.backward()
            optimizer_g.step()
        shown_a, shown_b = model.shown(model.pool_a, fake_a, noise), model.shown(model.pool_b, fake_b, noise)
        loss = model.discriminator_loss(real_a, real_b, shown_a, shown_b)
        optimizer_d.zero_grad()
        loss.backward()
        optimizer_d.step()

    return step
