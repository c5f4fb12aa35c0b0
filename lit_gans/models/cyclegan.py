"""CycleGAN: two generators between two sets of pictures that nobody has paired."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from torch.optim import Optimizer

from lit_gans import checks
from lit_gans.inference.checkpoint import networks_alone
from lit_gans.inference.translation import Direction, Translation
from lit_gans.losses.adversarial import lsgan_discriminator, lsgan_generator
from lit_gans.models.base import Batch, ImageModel
from lit_gans.networks.contexts import frozen
from lit_gans.networks.cyclegan import PatchDiscriminator, ResnetGenerator, Upsampling
from lit_gans.training.decay import checked_decay
from lit_gans.training.image_pool import ImagePool
from lit_gans.training.optimizers import optimizer_of
from lit_gans.training.seeding import batch_seed, generator, own_part

BACK: dict[Direction, Direction] = {"a2b": "b2a", "b2a": "a2b"}


class CycleGAN(Translation, ImageModel):
    """Pictures of domain A as domain B would show them, and back (Zhu et al. 2017, arXiv 1703.10593).

    One update of both generators, then one of both discriminators a batch; the latter is the step that Lightning
    counts, so `max_steps` and `global_step` mean batches. Batches are `{"image_a": (B, 3, H, W), "image_b": ...}`,
    float in [-1, 1].

    Args:
        width, blocks, upsample, residual: of the generators, see ResnetGenerator.
        discriminator_width, discriminator_layers: see PatchDiscriminator.
        cycle_weight: of the mean absolute difference between an image and its way there and back.
        identity_weight: times cycle_weight, of the change of an image that is of the target domain already; 0 saves
            its computation.
        pool_size: past images that each discriminator is shown beside new ones; 0 for none.
        lr_generator, lr_discriminator, betas: of Adam.
        decay_from: share of the run after which the learning rates fall linearly to 0; None keeps them constant.
        channels: of the images: 3, or 1 for grey.
        start_from: checkpoint, or exported file, of an earlier CycleGAN: where its weights fit by name and shape, the
            generators start from them.
    """

    automatic_optimization = False

    def __init__(
        self,
        width: int = 64,
        blocks: int = 9,
        upsample: Upsampling = "transpose",
        residual: bool = False,
        discriminator_width: int = 64,
        discriminator_layers: int = 3,
        cycle_weight: float = 10.0,
        identity_weight: float = 0.5,
        pool_size: int = 50,
        lr_generator: float = 2e-4,
        lr_discriminator: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.999),
        decay_from: float | None = 0.5,
        channels: int = 3,
        start_from: str | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.start_from = start_from
        for name, weight in (("cycle_weight", cycle_weight), ("identity_weight", identity_weight)):
            checks.number(name, weight, at_least=0)
        self.generator_a2b = ResnetGenerator(width, blocks, upsample, residual, channels)
        self.generator_b2a = ResnetGenerator(width, blocks, upsample, residual, channels)
        self.discriminator_a = PatchDiscriminator(discriminator_width, discriminator_layers, channels)
        self.discriminator_b = PatchDiscriminator(discriminator_width, discriminator_layers, channels)
        self.cycle_weight = cycle_weight
        self.identity_weight = cycle_weight * identity_weight
        self.pool_a, self.pool_b = ImagePool(pool_size), ImagePool(pool_size)
        self.learning_rates = (
            checks.number("lr_generator", lr_generator, at_least=0),
            checks.number("lr_discriminator", lr_discriminator, at_least=0),
        )
        self.betas = checks.adam_betas("betas", betas)
        self.decay_from = checked_decay(decay_from)

    def configure_optimizers(self) -> list[Optimizer]:
        pairs = ((self.generator_a2b, self.generator_b2a), (self.discriminator_a, self.discriminator_b))
        return [
            optimizer_of("adam", [weight for network in pair for weight in network.parameters()], lr, self.betas)
            for pair, lr in zip(pairs, self.learning_rates, strict=True)
        ]

    def compilable(self) -> list[nn.Module]:
        return [self.generator_a2b, self.generator_b2a, self.discriminator_a, self.discriminator_b]

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        self.set_rates(self.learning_rates, self.betas)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        opt_generators, opt_discriminators = self.optimizers()  # type: ignore[attr-defined]
        real_a, real_b = batch["image_a"], batch["image_b"]
        rng = generator(batch_seed(self.seed, self.global_step), self.device)

        loss, fake_a, fake_b = self.generator_loss(real_a, real_b)
        self.minimize(opt_generators, loss, counted=False)
        pooled_a = self.pooled(self.pool_a, fake_a, rng)
        pooled_b = self.pooled(self.pool_b, fake_b, rng)
        self.minimize(opt_discriminators, self.discriminator_loss(real_a, real_b, pooled_a, pooled_b), counted=True)

        self.images_seen += (len(real_a) + len(real_b)) * self.trainer.world_size
        self.log_progress({"images_seen": self.images_seen})

    def generator_loss(self, real_a: Tensor, real_b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(Loss of both generators, images translated to A, images translated to B); the loss has no gradient for the
        discriminators."""
        fake_b, same_b = self.translated_and_same(self.generator_a2b, real_a, real_b)
        fake_a, same_a = self.translated_and_same(self.generator_b2a, real_b, real_a)
        with frozen(self.discriminator_a, self.discriminator_b):
            # the paper's least-squares loss of a generator has no factor 1/2
            adversarial = 2 * lsgan_generator(self.discriminator_a(fake_a))
            adversarial = adversarial + 2 * lsgan_generator(self.discriminator_b(fake_b))
        cycle_a, cycle_b = self.generator_b2a(fake_b), self.generator_a2b(fake_a)
        cycle = l1_loss(cycle_a.float(), real_a) + l1_loss(cycle_b.float(), real_b)
        loss = adversarial + self.cycle_weight * cycle
        self.losses |= {"loss/generators": adversarial.detach(), "loss/cycle": cycle.detach()}
        if same_a is not None and same_b is not None:
            identity = l1_loss(same_a.float(), real_a) + l1_loss(same_b.float(), real_b)
            loss = loss + self.identity_weight * identity
            self.losses["loss/identity"] = identity.detach()
        return loss, fake_a.detach(), fake_b.detach()

    def translated_and_same(self, network: nn.Module, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """One pass of a generator over a batch of its source and, for the identity loss, of its target domain.

        Nothing in the network mixes the images of a batch, so one pass equals two.
        """
        if self.identity_weight == 0:
            return network(source), None
        translated, same = network(torch.cat([source, target])).split([len(source), len(target)])
        return translated, same

    def discriminator_loss(self, real_a: Tensor, real_b: Tensor, fake_a: Tensor, fake_b: Tensor) -> Tensor:
        """Loss of both discriminators, each in one pass over real and generated images."""
        loss = torch.zeros((), device=self.device)
        sides = ((self.discriminator_a, real_a, fake_a), (self.discriminator_b, real_b, fake_b))
        for discriminator, real, fake in sides:
            logits_real, logits_fake = discriminator(torch.cat([real, fake])).split([len(real), len(fake)])
            loss = loss + lsgan_discriminator(logits_real, logits_fake)
        self.losses["loss/discriminators"] = loss.detach()
        return loss

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
        translated = self.translate(images, direction)
        return images, translated, self.translate(translated, BACK[direction])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["pools"] = {"a": self.pool_a.state_dict(), "b": self.pool_b.state_dict()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        if not networks_alone(checkpoint):
            self.pool_a.load_state_dict(checkpoint["pools"]["a"])
            self.pool_b.load_state_dict(checkpoint["pools"]["b"])
