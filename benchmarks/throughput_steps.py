"""The training steps of the package's models in a bare loop: their own losses, optimizers and schedules, without
Lightning."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from lit_gans.models.base import ImageModel
from lit_gans.models.cyclegan import CycleGAN
from lit_gans.models.flow import ConditionalFlow
from lit_gans.models.gan import GAN, NETWORKS, NetworkName
from lit_gans.training.batches import Batch
from lit_gans.training.ema import update_average

Work = Callable[[Batch], None]


class OneProcess:
    """Stands in for a Trainer where only the number of processes and the first batch matter."""

    world_size, global_rank, global_step = 1, 0, 0


def gan(model: GAN) -> Work:
    """GAN.training_step."""
    optimizers = dict(zip(NETWORKS, model.configure_optimizers(), strict=True))
    model.trainer = OneProcess()  # type: ignore[assignment]  # all that the losses ask of a Trainer
    rng = torch.Generator(model.device)
    batches = itertools.count()

    def update(name: NetworkName, loss: Callable[[], Tensor], counted: bool) -> None:
        minimize(model, optimizers[name], loss())

    return lambda batch: model.train_on(batch, next(batches), rng, update)


def minimize(model: ImageModel, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of an optimizer, with the model's clipping."""
    optimizer.zero_grad()
    loss.backward()
    model.on_before_optimizer_step(optimizer)
    optimizer.step()


def flow(model: ConditionalFlow) -> Work:
    """What Lightning's automatic optimization makes of ConditionalFlow.training_step."""
    optimizer = model.configure_optimizers()
    model.trainer = OneProcess()  # type: ignore[assignment]
    model.run_seed = 0
    done = 0

    def step(batch: Batch) -> None:
        nonlocal done
        condition = batch["condition"]
        # any order and places take the same time
        told = {"order": condition.cumsum(dim=1) * condition, "place": torch.rand(*condition.shape, 2).to(condition)}
        batch = {**told, **batch}
        if done == 0:
            model.initialize(batch)
        minimize(model, optimizer, model.training_step(batch, 0))
        if model.averaged is not None:
            update_average(model.averaged, model.trained, model.ema_decay, done)
        done += 1

    return step


def cyclegan(model: CycleGAN) -> Work:
    """CycleGAN.training_step, with its pools."""
    numbers = itertools.count()
    optimizer_g, optimizer_d = model.configure_optimizers()
    model.trainer = OneProcess()  # type: ignore[assignment]
    rng = torch.Generator(model.device)

    def step(batch: Batch) -> None:
        real_a, real_b = batch["image_a"], batch["image_b"]
        number = next(numbers)
        loss, fake_a, fake_b = model.generator_loss(real_a, real_b, number, rng)
        minimize(model, optimizer_g, loss)
        pooled_a, pooled_b = model.pooled(model.pool_a, fake_a, rng), model.pooled(model.pool_b, fake_b, rng)
        minimize(model, optimizer_d, model.discriminator_loss(real_a, real_b, pooled_a, pooled_b, number))

    return step
