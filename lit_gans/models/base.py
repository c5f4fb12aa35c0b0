"""What every model of this package shares: counters, seeds and the checkpoint's name tag."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn

from lit_gans.checkpoints import read_torch_file
from lit_gans.errors import DivergedError, InputError
from lit_gans.inference.checkpoint import CHECKPOINT_KEY, check_class_names, check_origin, model_name, networks_alone
from lit_gans.inference.weights import averaged_weights, with_averaged_weights
from lit_gans.training.batches import Batch
from lit_gans.training.decay import decay_factor
from lit_gans.training.logging import is_logged_step
from lit_gans.training.optimizers import align_state
from lit_gans.training.progress import batches_of, shared_progress, time_limit
from lit_gans.training.seeding import batch_seed


class ImageModel(L.LightningModule):
    """A LightningModule whose randomness is a function of (seed, batch), so that a resumed run is the same run.

    The seed is the trainer's (`seed_everything`) when training starts, and then the checkpoint's.

    Attributes:
        images_seen: training images so far, over all processes.
        run_seed: seed of this training run; None before it has started.
        start_from: file whose weights the networks that draw start from, see `start_network`; None for none.
        decay_from: share of the run after which `set_rates` lets the learning rates fall linearly to 0; None for never.
        total_batches: of the run; infinite if no number of batches or epochs ends it. Known when training has started.
        progress: share of the run that was done when the newest batch began, in [0, 1], see `shared_progress`: what
            every schedule follows. 0 in a run without an end.
        losses: the newest value of each loss, detached, by the name it is logged under.
        use_ema, draw_seed: which weights and seed `preview` and predictions draw with; the scoring callback sets them.
        conditional: whether it draws for conditions, (B, num_classes) in a batch.
        measures_itself: whether its validation logs how well it fits, so that no distance of its pictures is needed.
        sampling_networks: names of the networks that make pictures, whose averaged copies have the same names with
            `_ema`; none of a classifier.
    """

    sampling_networks: ClassVar[tuple[str, ...]] = ()
    # what a training needs of its data, see callbacks/preflight.py
    most_labels: int | None = None
    held_out_needed: ClassVar[int] = 0
    conditional: ClassVar[bool] = False
    measures_itself: ClassVar[bool] = False
    use_ema: bool = True
    draw_seed: int = 0

    def __init__(self) -> None:
        super().__init__()
        self.images_seen = 0
        self.run_seed: int | None = None
        self.start_from: str | None = None
        self.decay_from: float | None = None
        self.total_batches = math.inf
        self.progress = 0.0
        self.losses: dict[str, Tensor] = {}

    @property
    def model_name(self) -> str:
        """The name that it has in the registry, and in its checkpoints."""
        return type(self).__name__

    def configure_model(self) -> None:
        # measured on CPUs: 1.1 to 1.2 times the speed of the default layout, in fp32 and bf16
        self.to(memory_format=torch.channels_last)

    def on_fit_start(self) -> None:
        if self.run_seed is None:
            self.run_seed = torch.initial_seed() % 2**31

    @property
    def seed(self) -> int:
        """run_seed, which exists once training has started."""
        assert self.run_seed is not None
        return self.run_seed

    def on_train_start(self) -> None:
        for optimizer in self.trainer.optimizers:
            align_state(optimizer)
        self.total_batches = batches_of(self.trainer)
        for name in self.scheduled_options():
            if math.isinf(self.total_batches) and time_limit(self.trainer) is None:
                raise InputError(
                    f"{name} needs a run with an end: set trainer.max_epochs, trainer.max_steps or trainer.max_time"
                )
        if self.global_step == 0:  # a resumed run has started
            self.start_networks()

    def start_networks(self) -> None:
        """Gives networks the weights of earlier models, where this run asks for it."""
        if self.start_from is not None:
            for name in self.sampling_networks:
                self.start_network(name, self.start_from, "start_from")

    def start_network(self, name: str, path: str, option: str) -> None:
        """Gives a network the weights that it has in the file of an earlier model, the averaged ones where there are
        any, as far as they fit by name and shape; the rest of it stays as it is. Its average starts there too.

        Raises:
            InputError: missing or unreadable, or nothing in it fits; names the option.
        """
        network = self.get_submodule(name)
        checkpoint = read_torch_file(Path(path).expanduser(), option)
        earlier = {} if model_name(checkpoint) is None else checkpoint["state_dict"]
        if earlier:
            check_class_names(checkpoint, getattr(self, "class_names", None), f"{option} {path}", others=True)
        mine = network.state_dict()
        fitting = {
            key: weight
            for key, weight in averaged_weights(earlier, name).items()
            if key in mine and weight.shape == mine[key].shape
        }
        if not fitting:
            raise InputError(
                f"{option} {path}: expected a checkpoint of a {type(self).__name__}; none of its weights fits this "
                f"model's {name} by name and shape"
            )
        network.load_state_dict(mine | fitting)
        average: nn.Module | None = getattr(self, f"{name}_ema", None)
        if average is not None:  # else the first pictures would be of random weights
            average.load_state_dict(network.state_dict())

    def scheduled_options(self) -> list[str]:
        """Hyperparameters in use whose meaning depends on the length of the run."""
        return ["decay_from"] if self.decay_from is not None else []

    def compilable(self) -> list[nn.Module]:
        """Networks that torch.compile may take in training; none here."""
        return []

    def set_rates(self, rates: Sequence[float], betas: tuple[float, float]) -> None:
        """Gives each optimizer its learning rate, as `decay_from` has it for this batch, and Adam's betas. A checkpoint
        brings the optimizers' old values; what this run was asked for wins."""
        factor = decay_factor(self.progress, self.decay_from)
        for optimizer, rate in zip(self.trainer.optimizers, rates, strict=True):
            for group in optimizer.param_groups:
                group.update({"lr": rate * factor} | ({"betas": betas} if "betas" in group else {}))

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.progress = shared_progress(self.trainer, self.total_batches)
        torch.manual_seed(batch_seed(self.seed, self.global_step, 1 + self.global_rank))

    def minimize(self, optimizer: LightningOptimizer, loss: Tensor, counted: bool) -> None:
        """One step of an optimizer under manual optimization; Lightning is to count one of the steps of a batch."""
        optimizer.zero_grad()
        self.manual_backward(loss)
        if counted:
            optimizer.step()
        else:  # what LightningOptimizer.step calls, without the count
            self.trainer.strategy.optimizer_step(optimizer.optimizer, closure=lambda: None)

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Nothing of its own; scores are taken by the callback in scoring/."""

    def own_scores(self) -> tuple[dict[str, Any], list[str]]:
        """What a test has measured inside the model, and the settings that its images were drawn with: plain values
        for scores.json, and the lines that say so."""
        return {}, []

    @property
    def log_dir(self) -> Path:
        """Folder of the run's files."""
        return Path(self.trainer.log_dir or ".")

    def log_progress(self, counts: dict[str, int]) -> None:
        """Logs `losses` and these counts, on the batches that Lightning hands to the loggers and no others: each
        `log` costs time, and each look at a loss waits for the device. Call it after the counted step.

        Raises:
            DivergedError: if a loss is not finite; it names the loss and the batch.
        """
        if not is_logged_step(self.trainer):
            return
        for name, loss in self.losses.items():
            if not torch.isfinite(loss):
                raise self.diverged(f"{name} is {loss.item()} at batch {self.global_step}")
        self.log_dict(self.losses)
        self.log_dict({name: float(count) for name, count in counts.items()})

    def diverged(self, seen: str) -> DivergedError:
        """The error of a training whose numbers are no longer finite, with what to continue from and how."""
        # the folder is asked of all processes, and this one alone may have seen it
        last = self.log_dir / "checkpoints" / "last.ckpt" if self.trainer.world_size == 1 else Path("last.ckpt")
        remedies = "a lower learning rate, --model.clip_norm 1 or --trainer.precision 32-true"
        exists = self.trainer.world_size > 1 or last.is_file()
        how = f"continue with --ckpt_path {last} and" if exists else "there is no checkpoint yet; start again with"
        return DivergedError(f"{seen}: training has diverged; {how} {remedies}")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[CHECKPOINT_KEY] = {
            "model": self.model_name,
            "run_seed": self.run_seed,
            "images_seen": self.images_seen,
            "progress": self.progress,
        }

    def load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes all that the content of a file has."""
        self.on_load_checkpoint(checkpoint)  # before, as in Lightning: it may complete the state
        self.load_state_dict(checkpoint["state_dict"])

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        fits = self._trainer is not None and self._trainer.state.fn == TrainerFn.FITTING
        file = self._trainer.ckpt_path if self._trainer is not None else None
        check_origin(checkpoint, self, f"checkpoint {file}" if file else "the checkpoint", continues=fits)
        saved = checkpoint[CHECKPOINT_KEY]
        self.run_seed, self.images_seen = saved["run_seed"], saved["images_seen"]
        self.progress = saved.get("progress", 0.0)  # older files have none
        if alone := networks_alone(checkpoint):
            state: Mapping[str, Tensor] = self.state_dict()
            for network in alone:
                state = with_averaged_weights(state, network, averaged_weights(checkpoint["state_dict"], network))
            checkpoint["state_dict"] = state


def temperature_lines(temperature: float) -> list[str]:
    """Says so where images were drawn with another noise than the model was trained with."""
    return [] if temperature == 1 else [f"images drawn with temperature {temperature:g}"]
