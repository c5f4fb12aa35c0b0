"""THE training step of every adversarial model."""

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from lit_gans.errors import InputError
from lit_gans.losses.adversarial import BCE, Objective
from lit_gans.models.base import Batch, ImageModel
from lit_gans.training.ema import averaged_copy, update_average
from lit_gans.training.schedule import Schedule, Updates
from lit_gans.training.seeding import batch_seed, generator


class GAN(ImageModel):
    """Alternating updates of a generator and a discriminator.

    A subclass hands over the networks; where a condition goes into them it overrides `condition`, and where its loss
    is more than the objective, `discriminator_loss` or `generator_loss`.

    Exactly one optimizer step a batch is counted by Lightning (the last of the network that is updated in every
    batch), so `max_steps`, `every_n_train_steps` and `global_step` mean batches.

    Args:
        generator_network: (z, *condition) -> images (B, 3, H, W) in [-1, 1].
        discriminator_network: (images, *condition) -> logits (B,).
        latent_dim: length of z, standard normal.
        objective: the two losses.
        schedule: updates a batch, see Schedule.
        lr_generator, lr_discriminator, betas: of Adam.
        ema_decay: of the average of the generator's weights, once a batch; 0 for none.
        clip_norm: largest gradient norm of a network; None for no limit.
    """

    automatic_optimization = False

    def __init__(
        self,
        generator_network: nn.Module,
        discriminator_network: nn.Module,
        *,
        latent_dim: int,
        objective: Objective = BCE,
        schedule: Schedule | None = None,
        lr_generator: float = 2e-4,
        lr_discriminator: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.999),
        ema_decay: float = 0.999,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= ema_decay < 1:
            raise InputError(f"ema_decay is {ema_decay}; expected 0 (no average) or a number below 1, such as 0.999")
        self.generator = generator_network
        self.discriminator = discriminator_network
        self.generator_ema = averaged_copy(self.generator) if ema_decay else None
        self.latent_dim = latent_dim
        self.objective = objective
        self.updates = Updates.of(schedule)
        self.betas = (float(betas[0]), float(betas[1]))
        self.learning_rates = (lr_generator, lr_discriminator)
        self.ema_decay = ema_decay
        self.clip_norm = clip_norm
        self.generator_updates = 0
        self.discriminator_updates = 0

    def configure_optimizers(self) -> list[Optimizer]:
        networks = (self.generator, self.discriminator)
        return [
            Adam(network.parameters(), lr, self.betas, fused=True)
            for network, lr in zip(networks, self.learning_rates, strict=True)
        ]

    def on_train_start(self) -> None:
        super().on_train_start()
        # a checkpoint brings its own; what this run was asked for wins, and is the same unless it was changed
        for optimizer, lr in zip(self.trainer.optimizers, self.learning_rates, strict=True):
            for group in optimizer.param_groups:
                group.update(lr=lr, betas=self.betas)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        opt_generator, opt_discriminator = self.optimizers()  # type: ignore[attr-defined]
        # global_step rises at the batch's last update, so it numbers the batch until then
        step, updates = self.global_step, self.updates
        noise = generator(batch_seed(self.seed, step), self.device)

        for i in reversed(range(updates.of_discriminator(step))):
            counted = i == 0 and not updates.generator_counts
            self.update(opt_discriminator, lambda: self.discriminator_loss(batch, noise), "discriminator", counted)
            self.discriminator_updates += 1
        for i in reversed(range(updates.of_generator(step))):
            counted = i == 0 and updates.generator_counts
            self.update(opt_generator, lambda: self.generator_loss(batch, noise), "generator", counted)
            self.generator_updates += 1
        if self.generator_ema is not None:
            update_average(self.generator_ema, self.generator, self.ema_decay, step)

        self.images_seen += len(batch["image"]) * self.trainer.world_size
        self.log_progress(
            {
                "images_seen": self.images_seen,
                "updates/generator": self.generator_updates,
                "updates/discriminator": self.discriminator_updates,
            }
        )

    def update(self, optimizer: LightningOptimizer, loss: Callable[[], Tensor], name: str, counted: bool) -> None:
        """One step of one network; the other's weights get no gradient."""
        with self.toggled_optimizer(optimizer):
            value = loss()
            optimizer.zero_grad()
            self.manual_backward(value)
            if counted:
                optimizer.step()
            else:  # what LightningOptimizer.step calls, without the count
                self.trainer.strategy.optimizer_step(optimizer.optimizer, closure=lambda: None)
        self.losses[f"loss/{name}"] = value.detach()

    def discriminator_loss(self, batch: Batch, noise: torch.Generator) -> Tensor:
        condition = self.condition(batch)
        with torch.no_grad():
            fake = self.generator(self.latents(len(batch["image"]), noise), *condition)
        real = self.discriminator(batch["image"], *condition)
        return self.objective.discriminator(real, self.discriminator(fake, *condition))

    def generator_loss(self, batch: Batch, noise: torch.Generator) -> Tensor:
        condition = self.condition(batch)
        fake = self.generator(self.latents(len(batch["image"]), noise), *condition)
        return self.objective.generator(self.discriminator(fake, *condition))

    def condition(self, batch: Batch) -> tuple[Tensor, ...]:
        """What both networks get beside z or the image; nothing here."""
        return ()

    def latents(self, count: int, noise: torch.Generator) -> Tensor:
        """(count, latent_dim) standard normal: this process's part of what is drawn for the union batch, so that
        several processes train on the noise that one would."""
        world = self.trainer.world_size
        union = torch.randn(count * world, self.latent_dim, device=self.device, generator=noise)
        return union[self.global_rank * count :][:count]

    def sampler(self, ema: bool) -> nn.Module:
        """The generator that pictures are drawn from: the averaged one, if it is asked for and there is one."""
        return self.generator_ema if ema and self.generator_ema is not None else self.generator

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        if self.clip_norm is not None:  # here, after a gradient scaler has unscaled
            nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], self.clip_norm)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["updates"] = (self.generator_updates, self.discriminator_updates)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.generator_updates, self.discriminator_updates = checkpoint["updates"]
