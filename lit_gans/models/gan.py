"""THE training step of every adversarial model."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import Optimizer

from lit_gans import checks
from lit_gans.inference.base import EMA_DECAY
from lit_gans.inference.generators import LatentGenerator
from lit_gans.losses.adversarial import ObjectiveName
from lit_gans.losses.soft_labels import SoftLabels, objective_of
from lit_gans.models.base import ImageModel, temperature_lines
from lit_gans.networks.contexts import frozen
from lit_gans.networks.pretrained import projected_discriminator
from lit_gans.training.augment import AugmentName
from lit_gans.training.augment_pipe import AugmentPipe
from lit_gans.training.batches import Batch
from lit_gans.training.decay import checked_decay
from lit_gans.training.ema import update_average
from lit_gans.training.optimizers import OptimizerName, clamp_weights, optimizer_of
from lit_gans.training.penalty import PenaltyConfig, checked_penalties
from lit_gans.training.schedule import Schedule, Updates
from lit_gans.training.seeding import batch_seed, generator, own_part
from lit_gans.training.tips import LatentName, check_batches, draw_latents, to_range

NetworkName = Literal["generator", "discriminator"]
NETWORKS: tuple[NetworkName, ...] = ("generator", "discriminator")  # in the order of the optimizers
# (the network that moves, its loss, whether Lightning counts this step): takes one step down the loss
Update = Callable[[NetworkName, Callable[[], Tensor], bool], None]


class GAN(LatentGenerator, ImageModel):
    """Alternating updates of a generator and a discriminator.

    A subclass hands over the networks; where a condition goes into them it overrides `condition`. The losses are here,
    for all of them, and each says which network gets gradients.

    Exactly one optimizer step a batch is counted by Lightning (the last of the network that is updated in every
    batch), so `max_steps`, `every_n_train_steps` and `global_step` mean batches.

    Args:
        generator_network: `(z, *condition)` -> images (B, 3, H, W) in [-1, 1].
        discriminator_network: `(images, *condition)` -> logits (B,).
        latent_dim: length of z.
        latent: "gaussian", standard normal, or "uniform" in [-1, 1] (training tip 3; all tips: training/tips.py).
        objective: name of the two losses, see losses/adversarial.py (tip 2).
        schedule: updates a batch, see Schedule (tip 14).
        optimizer_generator, optimizer_discriminator: "adam", "sgd" or "rmsprop" (tip 9).
        lr_generator, lr_discriminator, betas: learning rates, and the betas of Adam.
        decay_from: share of the run after which both learning rates fall linearly to 0; None keeps them constant.
        start_from: checkpoint, or generator file, of an earlier model: where its weights fit by name and shape, the
            generator starts from their average.
        start_discriminator_from: checkpoint of an earlier model, for the discriminator in the same way; None for one
            that starts anew.
        ema_decay: of the average of the generator's weights, once a batch; 0 for none.
        clip_norm: largest gradient norm of a network; None for no limit.
        clip_weights: after each update the discriminator's weights are put into [-c, c] (WGAN: 0.01); None for no
            limit.
        penalties: gradient penalties of the discriminator, see PenaltyConfig.
        projected: height and width, a multiple of 32, at which a frozen ImageNet network sees the images; a small
            discriminator of its features takes the place of the model's, see ProjectedDiscriminator. Goes with
            `objective: hinge` and no penalties, and needs the extra `features`. None for the model's own discriminator.
        augment: changes of the images, real and generated, before the discriminator sees them (DiffAugment: Zhao et
            al. 2020), drawn anew for each image: "flip", "translation", "cutout"; None for none.
        augment_share: share of the images that are changed so (Karras et al. 2020); below 1, the discriminator also
            sees them as they are.
        augment_until: share of the run after which no image is changed any more: what the changes blur, the generator
            may still learn then.
        pixel_range: lowest and highest value of the images that the networks see (tip 1).
        separate_batches: judge real and generated images in two batches, not in a mixed one (tip 4).
        soft_labels: labels of the discriminator's loss other than 1 and 0, see SoftLabels (tip 6).
        input_noise: standard deviation of the noise on the discriminator's inputs at the start of the run; it falls
            linearly to 0 (tip 13).
        temperature: factor of z in the pictures of validation and test, and where `sample` is given none; below 1, a
            generator that was trained with the whole of it draws more typical pictures, which differ less (the
            truncation of Brock et al. 2019, without its resampling).
        condition_size: length of the multi-hot condition that a subclass gives both networks; 0 for none.
    """

    automatic_optimization = False

    def __init__(
        self,
        generator_network: nn.Module,
        discriminator_network: nn.Module,
        *,
        latent_dim: int,
        latent: LatentName = "gaussian",
        objective: ObjectiveName = "bce",
        schedule: Schedule | None = None,
        optimizer_generator: OptimizerName = "adam",
        optimizer_discriminator: OptimizerName = "adam",
        lr_generator: float = 2e-4,
        lr_discriminator: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.999),
        decay_from: float | None = None,
        start_from: str | None = None,
        start_discriminator_from: str | None = None,
        ema_decay: float = EMA_DECAY,
        clip_norm: float | None = None,
        clip_weights: float | None = None,
        penalties: Sequence[PenaltyConfig] | None = None,
        projected: int | None = None,
        augment: Sequence[AugmentName] | None = None,
        augment_share: float = 1.0,
        augment_until: float = 1.0,
        pixel_range: tuple[float, float] = (-1.0, 1.0),
        separate_batches: bool = True,
        soft_labels: SoftLabels | None = None,
        input_noise: float = 0.0,
        temperature: float = 1.0,
        condition_size: int = 0,
    ) -> None:
        super().__init__()
        if projected is not None:
            discriminator_network = projected_discriminator(projected, condition_size)
        self.ema_decay = checks.number("ema_decay", ema_decay, at_least=0, below=1, hint="0.999; 0 for no average")
        self.set_network(generator_network, ema_decay > 0)
        self.discriminator = discriminator_network
        self.set_latents(checks.whole("latent_dim", latent_dim, at_least=1), latent, pixel_range, temperature)
        self.objective = objective_of(objective, soft_labels)
        self.updates = Updates.of(schedule)
        self.betas = checks.adam_betas("betas", betas)
        self.optimizer_names = (optimizer_generator, optimizer_discriminator)
        rate = partial(checks.number, at_least=0)
        self.learning_rates = rate("lr_generator", lr_generator), rate("lr_discriminator", lr_discriminator)
        self.decay_from = checked_decay(decay_from)
        self.start_from, self.start_discriminator_from = start_from, start_discriminator_from
        self.clip_norm = checks.limit("clip_norm", clip_norm, hint="1")
        self.clip_weights = checks.limit("clip_weights", clip_weights, hint="0.01")
        self.penalties = checked_penalties(penalties, discriminator_network)
        self.augment = AugmentPipe(augment, augment_share, augment_until, input_noise)
        check_batches(separate_batches, discriminator_network)
        self.separate_batches = separate_batches
        self.wrong_labels = 0.0  # see BaseConditionalGAN
        self.auxiliary: float | None = None  # see ConditionalGAN; None for a discriminator without a head of classes
        self.generator_updates = self.discriminator_updates = 0

    def configure_optimizers(self) -> list[Optimizer]:
        each = zip(self.optimizer_names, (self.generator, self.discriminator), self.learning_rates, strict=True)
        return [optimizer_of(name, network.parameters(), lr, self.betas) for name, network, lr in each]

    def start_networks(self) -> None:
        super().start_networks()
        if self.start_discriminator_from is not None:
            self.start_network("discriminator", self.start_discriminator_from, "start_discriminator_from")

    def compilable(self) -> list[nn.Module]:
        return [self.generator, self.discriminator]

    def scheduled_options(self) -> list[str]:
        return super().scheduled_options() + self.augment.scheduled_options()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        self.set_rates(self.learning_rates, self.betas)
        self.augment.at(self.progress)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        rng = generator(batch_seed(self.seed, self.global_step), self.device)
        # global_step rises at the batch's last update, so it numbers the batch until then
        self.train_on(batch, self.global_step, rng, self.update)
        self.images_seen += len(batch["image"]) * self.trainer.world_size
        updates = {"updates/generator": self.generator_updates, "updates/discriminator": self.discriminator_updates}
        self.log_progress({"images_seen": self.images_seen, **updates})

    def train_on(self, batch: Batch, step: int, rng: torch.Generator, update: Update) -> None:
        """All updates of one batch, the step-th of the run; `update` does one of them."""
        batch = {**batch, "image": to_range(batch["image"], self.pixel_range)}
        for i in reversed(range(self.updates.of_discriminator(step))):
            counted = i == 0 and not self.updates.generator_counts
            update("discriminator", lambda: self.discriminator_loss(batch, rng), counted)
            if self.clip_weights is not None:
                clamp_weights(self.discriminator, self.clip_weights)
            self.discriminator_updates += 1
        for i in reversed(range(self.updates.of_generator(step))):
            counted = i == 0 and self.updates.generator_counts
            update("generator", lambda: self.generator_loss(batch, rng), counted)
            self.generator_updates += 1
        if self.generator_ema is not None:
            update_average(self.generator_ema, self.generator, self.ema_decay, step)

    def update(self, name: NetworkName, loss: Callable[[], Tensor], counted: bool) -> None:
        """One step of one network."""
        value = loss()
        self.minimize(self.optimizers()[NETWORKS.index(name)], value, counted)  # type: ignore[index]
        self.losses[f"loss/{name}"] = value.detach()

    def discriminator_loss(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """A scalar with a gradient for the discriminator alone."""
        condition = self.condition(batch)
        real = self.augment(batch["image"])
        with torch.no_grad():
            fake = self.augment(self.fakes(batch, rng))
        real_logits, fake_logits, more = self.judge_both(real, fake, condition)
        loss = self.objective.discriminator(real_logits, fake_logits) + more
        if self.wrong_labels:
            wrong = self.discriminator(real, *(part.roll(1, dims=0) for part in condition))
            loss = loss + self.wrong_labels * self.objective.discriminator(real_logits, wrong)
        # past torch.compile, which has no second derivative
        return loss + self.penalty(lambda image: self.discriminator.forward(image, *condition), real, fake)

    def generator_loss(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """A scalar with a gradient for the generator alone."""
        with frozen(self.discriminator):
            fake = self.augment(self.fakes(batch, rng))
            logits, more = self.judge(fake, self.condition(batch))
            return self.objective.generator(logits, self.real_logits(batch)) + more

    def judge(self, image: Tensor, condition: tuple[Tensor, ...]) -> tuple[Tensor, Tensor | float]:
        """Logits (B,) of images, and what the head of classes adds to the loss."""
        if self.auxiliary is None:
            return self.discriminator(image, *condition), 0.0
        logits, classes = self.discriminator.judge(image, *condition)  # type: ignore[operator]
        return logits, self.auxiliary * binary_cross_entropy_with_logits(classes.float(), condition[0])

    def judge_both(
        self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor, Tensor | float]:
        """The logits of real and of generated images, and what the head adds to the loss for the real ones."""
        if self.separate_batches:
            real_logits, more = self.judge(real, condition)
            return real_logits, self.discriminator(fake, *condition), more
        mixed = self.discriminator(torch.cat([real, fake]), *(torch.cat([part, part]) for part in condition))
        return mixed[: len(real)], mixed[len(real) :], 0.0

    def fakes(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """One generated image for each of the batch."""
        return self.generator(self.latents(len(batch["image"]), rng), *self.condition(batch))

    def real_logits(self, batch: Batch) -> Tensor | None:
        """What a relativistic generator loss compares with; None for the others."""
        if not self.objective.relativistic:
            return None
        with torch.no_grad():
            return self.discriminator(self.augment(batch["image"]), *self.condition(batch))

    def penalty(self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor | float:
        """Sum of the penalties that are due in this update of the discriminator."""
        number = self.discriminator_updates
        return sum(one(discriminator, real, fake) for one in self.penalties if number % one.every == 0)

    def condition(self, batch: Batch) -> tuple[Tensor, ...]:
        """What both networks get beside z or the image; nothing here."""
        return ()

    def latents(self, count: int, rng: torch.Generator) -> Tensor:
        """(count, latent_dim) of this process."""
        union = draw_latents(self.latent, (count * self.trainer.world_size, self.latent_dim), rng)
        return own_part(union, self.global_rank, count)

    def own_scores(self) -> tuple[dict[str, Any], list[str]]:
        return {"temperature": self.temperature}, temperature_lines(self.temperature)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        if self.clip_norm is not None:  # here, after a gradient scaler has unscaled
            nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], self.clip_norm)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["updates"] = (self.generator_updates, self.discriminator_updates)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.generator_updates, self.discriminator_updates = checkpoint["updates"]
