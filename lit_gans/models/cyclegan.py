"""CycleGAN: two generators between two sets of pictures that nobody has paired."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from torch.optim import Optimizer

from lit_gans import checks
from lit_gans.inference.checkpoint import networks_alone
from lit_gans.inference.translation import Direction, Translation
from lit_gans.losses.adversarial import OBJECTIVES, ObjectiveName
from lit_gans.models.base import ImageModel
from lit_gans.models.contrast import Contrast
from lit_gans.networks.contexts import frozen
from lit_gans.networks.cyclegan import DiscriminatorNorm, GeneratorNorm, PatchDiscriminator, ResnetGenerator, Upsampling
from lit_gans.networks.pretrained import projected_discriminator
from lit_gans.training.augment import AugmentName
from lit_gans.training.augment_pipe import AugmentPipe
from lit_gans.training.batches import Batch
from lit_gans.training.cycle_weights import CycleWeights
from lit_gans.training.decay import checked_decay
from lit_gans.training.ema import update_average
from lit_gans.training.image_pool import ImagePool
from lit_gans.training.optimizers import optimizer_of
from lit_gans.training.penalty import PenaltyConfig, checked_penalties
from lit_gans.training.seeding import batch_seed, generator, own_part

BACK: dict[Direction, Direction] = {"a2b": "b2a", "b2a": "a2b"}
DISCRIMINATORS = ("discriminator_a", "discriminator_b")


class CycleGAN(Translation, ImageModel):
    """Pictures of domain A as domain B would show them, and back (Zhu et al. 2017, arXiv 1703.10593).

    One update of both generators, then one of both discriminators a batch; the latter is the step that Lightning
    counts, so `max_steps` and `global_step` mean batches. Batches are `{"image_a": (B, 3, H, W), "image_b": ...}`,
    float in [-1, 1]. At the defaults the training is the paper's.

    Args:
        width, blocks, upsample, residual, generator_norm, masked: of the generators, see ResnetGenerator.
        discriminator_width, discriminator_layers, discriminator_norm: see PatchDiscriminator.
        projected: height and width, a multiple of 32, at which a frozen ImageNet network sees the images; small
            discriminators of its features take the place of the patches', see ProjectedDiscriminator. Goes with
            `objective: hinge`, and needs the extra `features`. None for patches.
        objective: name of the adversarial losses, see losses/adversarial.py; not "rpgan", which pairs images.
        penalties: gradient penalties of each discriminator, see PenaltyConfig; an image's logit is the mean of its
            patches'.
        augment, augment_share, augment_until: changes of what the discriminators see, see GAN.
        warm_start: batches at the start in which the generators learn to give back their own domain's images (mean
            absolute difference), and nothing else is trained.
        cycle_weight: of the mean absolute difference between an image and its way there and back; 0, with contrast in
            its place, saves its computation.
        cycle_weight_end: what it falls to, linearly, until the share `cycle_falls_until` of the run; None keeps it.
        identity_weight: times cycle_weight, of the change of an image that is of the target domain already; 0 saves
            its computation.
        identity_every: batches from one identity loss to the next; it counts that many times, so that the weight means
            the same.
        contrast_weight: of the contrastive loss of each generator (Park et al. 2020, arXiv 2007.15651): a place of the
            translation shall be recognised among other places of its source, in what the generator's own layers make of
            both. Learnt heads compare them. 0 for none.
        contrast_patches: places compared in each layer.
        pool_size: past images that each discriminator is shown beside new ones; 0 for none.
        ema_decay: of the average of the generators' weights, once a batch, which translates where there is one; 0 for
            none.
        start_from: checkpoint, or exported file, of an earlier CycleGAN, of images of any size: where its weights fit
            by name and shape, the generators start from their average.
        start_discriminator_from: such a checkpoint for the discriminators.
        lr_generator, lr_discriminator, betas: of Adam.
        decay_from: share of the run after which the learning rates fall linearly to 0; None keeps them constant.
        channels: of the images: 3, or 1 for grey.
    """

    automatic_optimization = False
    discriminator_a: nn.Module
    discriminator_b: nn.Module

    def __init__(
        self,
        width: int = 64,
        blocks: int = 9,
        upsample: Upsampling = "transpose",
        residual: bool = False,
        generator_norm: GeneratorNorm = "instance",
        masked: bool = False,
        discriminator_width: int = 64,
        discriminator_layers: int = 3,
        discriminator_norm: DiscriminatorNorm = "instance",
        projected: int | None = None,
        objective: ObjectiveName = "lsgan",
        penalties: Sequence[PenaltyConfig] | None = None,
        augment: Sequence[AugmentName] | None = None,
        augment_share: float = 1.0,
        augment_until: float = 1.0,
        warm_start: int = 0,
        cycle_weight: float = 10.0,
        cycle_weight_end: float | None = None,
        cycle_falls_until: float = 0.5,
        identity_weight: float = 0.5,
        identity_every: int = 1,
        contrast_weight: float = 0.0,
        contrast_patches: int = 64,
        pool_size: int = 50,
        ema_decay: float = 0.0,
        start_from: str | None = None,
        start_discriminator_from: str | None = None,
        lr_generator: float = 2e-4,
        lr_discriminator: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.999),
        decay_from: float | None = 0.5,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.ema_decay = checks.number("ema_decay", ema_decay, at_least=0, below=1, hint="0.999; 0 for no average")
        self.set_generators(
            lambda: ResnetGenerator(width, blocks, upsample, residual, channels, generator_norm, masked), ema_decay > 0
        )
        for name in DISCRIMINATORS:
            patches = PatchDiscriminator(discriminator_width, discriminator_layers, channels, discriminator_norm)
            setattr(self, name, patches if projected is None else projected_discriminator(projected, 0))
        checks.choice("objective", objective, [name for name, each in OBJECTIVES.items() if not each.relativistic])
        self.objective = OBJECTIVES[objective]
        # the paper's least-squares loss of a generator has no factor 1/2
        self.adversarial_weight = 2.0 if objective == "lsgan" else 1.0
        self.penalties = checked_penalties(penalties, self.discriminator_a)
        self.augment = AugmentPipe(augment, augment_share, augment_until, noise=0.0)
        self.warm_start = checks.whole("warm_start", warm_start, at_least=0, hint="batches, such as 2000; 0 for none")
        self.weights = CycleWeights(cycle_weight, cycle_weight_end, cycle_falls_until, identity_weight, identity_every)
        channels_of = {name: getattr(self, name).encoded_channels for name in self.sampling_networks}
        self.contrast = Contrast(contrast_weight, contrast_patches, channels_of)
        self.pool_a, self.pool_b = ImagePool(pool_size), ImagePool(pool_size)
        self.start_from, self.start_discriminator_from = start_from, start_discriminator_from
        rates = {"lr_generator": lr_generator, "lr_discriminator": lr_discriminator}
        self.learning_rates = [checks.number(name, rate, at_least=0) for name, rate in rates.items()]
        self.betas = checks.adam_betas("betas", betas)
        self.decay_from = checked_decay(decay_from)

    def configure_optimizers(self) -> list[Optimizer]:
        sides = ((self.generator_a2b, self.generator_b2a, self.contrast), (self.discriminator_a, self.discriminator_b))
        return [
            optimizer_of("adam", [weight for network in networks for weight in network.parameters()], lr, self.betas)
            for networks, lr in zip(sides, self.learning_rates, strict=True)
        ]

    def start_networks(self) -> None:
        super().start_networks()
        if self.start_discriminator_from is not None:
            for name in DISCRIMINATORS:
                self.start_network(name, self.start_discriminator_from, "start_discriminator_from")

    def scheduled_options(self) -> list[str]:
        return super().scheduled_options() + self.weights.scheduled_options() + self.augment.scheduled_options()

    def compilable(self) -> list[nn.Module]:
        return [self.generator_a2b, self.generator_b2a, self.discriminator_a, self.discriminator_b]

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        self.set_rates(self.learning_rates, self.betas)
        self.augment.at(self.progress)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        opt_generators, opt_discriminators = self.optimizers()  # type: ignore[attr-defined]
        real_a, real_b = batch["image_a"], batch["image_b"]
        step = self.global_step  # until the counted step
        rng = generator(batch_seed(self.seed, step), self.device)

        if step < self.warm_start:
            self.minimize(opt_generators, self.autoencoder_loss(real_a, real_b), counted=True)
        else:
            loss, fake_a, fake_b = self.generator_loss(real_a, real_b, step, rng)
            self.minimize(opt_generators, loss, counted=False)
            fake_a, fake_b = self.pooled(self.pool_a, fake_a, rng), self.pooled(self.pool_b, fake_b, rng)
            loss = self.discriminator_loss(real_a, real_b, fake_a, fake_b, step)
            self.minimize(opt_discriminators, loss, counted=True)
        if self.ema_decay:
            for name in self.sampling_networks:
                update_average(getattr(self, f"{name}_ema"), getattr(self, name), self.ema_decay, step)

        self.images_seen += (len(real_a) + len(real_b)) * self.trainer.world_size
        self.log_progress({"images_seen": self.images_seen})

    def autoencoder_loss(self, real_a: Tensor, real_b: Tensor) -> Tensor:
        """Of both generators in the warm start."""
        loss = l1_loss(self.generator_a2b(real_a).float(), real_a) + l1_loss(self.generator_b2a(real_b).float(), real_b)
        self.losses = {"loss/autoencoder": loss.detach()}
        return loss

    def generator_loss(
        self, real_a: Tensor, real_b: Tensor, step: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(Loss of both generators, images translated to A, images translated to B); the loss has no gradient for the
        discriminators."""
        identity_weight = self.weights.identity(self.progress, step)
        fake_b, same_b = self.translated_and_same(self.generator_a2b, real_a, real_b, identity_weight > 0)
        fake_a, same_a = self.translated_and_same(self.generator_b2a, real_b, real_a, identity_weight > 0)
        with frozen(self.discriminator_a, self.discriminator_b):
            adversarial = self.objective.generator(self.discriminator_a(self.augment(fake_a)), None)
            adversarial = adversarial + self.objective.generator(self.discriminator_b(self.augment(fake_b)), None)
            adversarial = self.adversarial_weight * adversarial
        loss = adversarial
        self.losses.pop("loss/autoencoder", None)
        self.losses["loss/generators"] = adversarial.detach()
        if self.weights.in_use:
            cycle_a, cycle_b = self.generator_b2a(fake_b), self.generator_a2b(fake_a)
            cycle = l1_loss(cycle_a.float(), real_a) + l1_loss(cycle_b.float(), real_b)
            loss = loss + self.weights.cycle(self.progress) * cycle
            self.losses["loss/cycle"] = cycle.detach()
        if self.contrast.weight:
            contrast = self.contrast("generator_a2b", self.generator_a2b, real_a, fake_b, rng)
            contrast = contrast + self.contrast("generator_b2a", self.generator_b2a, real_b, fake_a, rng)
            loss = loss + self.contrast.weight * contrast
            self.losses["loss/contrast"] = contrast.detach()
        if same_a is not None and same_b is not None:
            identity = l1_loss(same_a.float(), real_a) + l1_loss(same_b.float(), real_b)
            loss = loss + identity_weight * identity
            self.losses["loss/identity"] = identity.detach()
        return loss, fake_a.detach(), fake_b.detach()

    def translated_and_same(
        self, network: nn.Module, source: Tensor, target: Tensor, identity: bool
    ) -> tuple[Tensor, Tensor | None]:
        """One pass of a generator over a batch of its source and, for the identity loss, of its target domain.

        Nothing in the network mixes the images of a batch, so one pass equals two.
        """
        if not identity:
            return network(source), None
        translated, same = network(torch.cat([source, target])).split([len(source), len(target)])
        return translated, same

    def discriminator_loss(self, real_a: Tensor, real_b: Tensor, fake_a: Tensor, fake_b: Tensor, step: int) -> Tensor:
        """Loss of both discriminators, each in one pass over real and generated images."""
        loss = penalty = torch.zeros((), device=self.device)
        due = [one for one in self.penalties if step % one.every == 0]
        sides = ((self.discriminator_a, real_a, fake_a), (self.discriminator_b, real_b, fake_b))
        for discriminator, real, fake in sides:
            real, fake = self.augment(real), self.augment(fake)
            logits_real, logits_fake = discriminator(torch.cat([real, fake])).split([len(real), len(fake)])
            loss = loss + self.objective.discriminator(logits_real, logits_fake)
            for one in due:
                penalty = penalty + one(mean_logit(discriminator), real, fake)
        self.losses["loss/discriminators"] = loss.detach()
        return loss + penalty

    def pooled(self, pool: ImagePool, fake: Tensor, rng: torch.Generator) -> Tensor:
        """The generated images that a discriminator is shown: this process's part of what the pool gives for the union
        batch. All processes keep the same pool, so any of them can save it, and it does not depend on their number."""
        union = fake.float()
        if self.trainer.world_size > 1:
            union = torch.cat(list(self.all_gather(union)))
        return own_part(pool.exchange(union, rng), self.global_rank, len(fake))

    def preview(self, batch: Batch, seed: int) -> Tensor:
        """For sample grids: the images of A, their translations and those translated back; then the same for B."""
        return torch.cat([*self.there_and_back(batch["image_a"], "a2b"), *self.there_and_back(batch["image_b"], "b2a")])

    def there_and_back(self, images: Tensor, direction: Direction) -> tuple[Tensor, Tensor, Tensor]:
        """(Images, translated, translated back)."""
        translated = self.translate(images, direction, self.use_ema)
        return images, translated, self.translate(translated, BACK[direction], self.use_ema)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["pools"] = {"a": self.pool_a.state_dict(), "b": self.pool_b.state_dict()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        if not networks_alone(checkpoint):
            self.pool_a.load_state_dict(checkpoint["pools"]["a"])
            self.pool_b.load_state_dict(checkpoint["pools"]["b"])


def mean_logit(discriminator: nn.Module) -> Callable[[Tensor], Tensor]:
    """An image's mean logit (B,), past torch.compile, which has no second derivative."""
    return lambda image: discriminator.forward(image).flatten(1).mean(1)
