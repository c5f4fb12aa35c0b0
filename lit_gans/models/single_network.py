"""THE training step of every model with one network and one loss."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, get_args

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lit_gans import checks
from lit_gans.inference.base import EMA_DECAY, Averaged
from lit_gans.models.base import ImageModel
from lit_gans.training.batches import Batch
from lit_gans.training.decay import checked_decay
from lit_gans.training.ema import update_average
from lit_gans.training.optimizers import OptimizerName, optimizer_of
from lit_gans.training.seeding import batch_seed, generator, own_part


class SingleNetwork(Averaged, ImageModel):
    """One step a batch down the loss of a network, whose weights are averaged on the way.

    A subclass hands over the network and defines `training_loss`; what its first batch sets up is its `initialize`. A
    run stops, with its weights and checkpoints whole, at the first gradient that is not finite. Random numbers of
    training come from `uniform`, `normal` or the generator they use, so that a resumed run draws what an undisturbed
    one would, and several processes what one would.

    Args:
        network: kept under the class's `network_name`, its average as `<network_name>_ema`; so in the state dict.
        optimizer: "adam", "adamax", "rmsprop" or "sgd".
        lr: learning rate, reached after `warmup` batches.
        betas: of Adam.
        warmup: batches in which the learning rate rises linearly; 0 for none.
        decay_from: share of the run after which the learning rate falls linearly to 0; None keeps it constant.
        clip_norm: largest norm of the gradient; None for no limit.
        ema_decay: of the average of the weights, once a batch; 0 for none.
        start_from: checkpoint, or exported file, of an earlier model; where its weights fit by name and shape, training
            starts from their average. None for a network that starts anew.

    Raises:
        InputError: a value that is not possible.
    """

    loss_name: ClassVar[str] = "loss/train"  # as it is logged

    def __init__(
        self,
        network: nn.Module,
        *,
        optimizer: OptimizerName = "adam",
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        warmup: int = 500,
        decay_from: float | None = None,
        clip_norm: float | None = 1.0,
        ema_decay: float = EMA_DECAY,
        start_from: str | None = None,
    ) -> None:
        super().__init__()
        self.ema_decay = checks.number("ema_decay", ema_decay, at_least=0, below=1, hint="0.999; 0 for no average")
        self.set_network(network, ema_decay > 0)
        checks.choice("optimizer", optimizer, get_args(OptimizerName))
        self.optimizer_name: OptimizerName = optimizer
        self.lr = checks.number("lr", lr, at_least=0)
        self.betas = checks.adam_betas("betas", betas)
        self.warmup = checks.whole("warmup", warmup, at_least=0)
        self.decay_from = checked_decay(decay_from)
        self.clip_norm = checks.limit("clip_norm", clip_norm)
        self.start_from = start_from

    def training_loss(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The loss of one batch, a scalar, with random numbers from this generator (on the model's device, in the same
        state in all processes)."""
        raise NotImplementedError

    def initialize(self, batch: Batch) -> None:
        """What the first batch sets up before the first step, the same in all processes; nothing here."""

    def configure_optimizers(self) -> Any:
        return optimizer_of(self.optimizer_name, self.trained.parameters(), self.lr, self.betas)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        if self.global_step == 0:
            self.initialize(batch)
            if self.averaged is not None:
                self.averaged.load_state_dict(self.trained.state_dict())
        self.set_rate()

    def set_rate(self) -> None:
        """Gives the optimizer the learning rate of this batch."""
        self.set_rates([self.lr * min(1.0, (self.global_step + 1) / max(self.warmup, 1))], self.betas)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = self.training_loss(batch, generator(batch_seed(self.seed, self.global_step), self.device))
        self.images_seen += len(batch["image"]) * self.trainer.world_size
        self.losses[self.loss_name] = loss.detach()
        return loss

    def uniform(self, shape: Sequence[int], rng: torch.Generator) -> Tensor:
        """Uniform in [0, 1), of this shape, whose first number counts the images of this process's batch."""
        return self.drawn(torch.rand, shape, rng)

    def normal(self, shape: Sequence[int], rng: torch.Generator) -> Tensor:
        """The same, standard normal."""
        return self.drawn(torch.randn, shape, rng)

    def drawn(self, draw: Callable[..., Tensor], shape: Sequence[int], rng: torch.Generator) -> Tensor:
        count, *rest = shape
        union = draw(count * self.trainer.world_size, *rest, device=self.device, generator=rng)
        return own_part(union, self.global_rank, count)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        weights = [weight for weight in self.trained.parameters() if weight.grad is not None]
        if self.clip_norm is None:
            norm = nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])
        else:
            norm = nn.utils.clip_grad_norm_(weights, self.clip_norm)
        # looked at in every batch, before the weights change: one broken step would break all that follow, and the
        # checkpoints with them. A gradient scaler (fp16) looks for itself, and leaves such steps out.
        if not torch.isfinite(norm) and getattr(self.trainer, "scaler", None) is None:
            seen = (
                f"{self.loss_name} is {self.losses[self.loss_name].item()} at batch {self.global_step} and its gradient"
            )
            raise self.diverged(f"{seen} {norm.item()}")

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        # here, before a callback saves a checkpoint
        if self.averaged is not None:
            update_average(self.averaged, self.trained, self.ema_decay, self.global_step)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        self.log_progress({"images_seen": self.images_seen})
