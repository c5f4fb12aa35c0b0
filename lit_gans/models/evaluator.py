"""The classifier behind every score, in training."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import Optimizer

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.inference.base import as_colour
from lit_gans.metrics.object_score import ObjectScore
from lit_gans.models.single_network import SingleNetwork
from lit_gans.networks.evaluator import COURSE_WIDTH, EvaluatorNetwork
from lit_gans.training.augment import random_flip, random_half_resolution, random_noise, random_shift
from lit_gans.training.batches import HELD_OUT, Batch
from lit_gans.training.decay import one_cycle
from lit_gans.training.optimizers import optimizer_of

# How far momentum swings to either side during the cycle, against the learning rate.
MOMENTUM_SWING = 0.05
# torch 2.15 with AVX2 writes beyond its memory in the backward pass of narrower networks in channels_last.
CHANNELS_LAST_FROM = 8


class Evaluator(SingleNetwork):
    """Multi-label classifier in the layout of the course's evaluator, trained from scratch with SGD and one cycle.

    Validation logs `val/score`, the object score on held-out real images: the ceiling for a generator scored with it.

    Args:
        num_classes: number of classes.
        class_names: their names.
        width: channels of the network's first stage; 64 are the course's.
        lr: highest learning rate of the cycle.
        momentum: of SGD, in the middle of the cycle; up to 0.05 more where the learning rate is low, and less where it
            is high.
        weight_decay: of SGD.
        shift: images are moved by up to this many pixels.
        noise: largest standard deviation of added noise, images being in [-1, 1].
        half_resolution: probability that an image passes through half its size, as the course's evaluator saw
            64x64 images upsampled from 32x32.
        flip: mirror images with probability 1/2.
    """

    loss_name = "loss/classifier"
    network: EvaluatorNetwork

    def __init__(
        self,
        num_classes: int = 24,
        class_names: Sequence[str] | None = None,
        width: int = COURSE_WIDTH,
        lr: float = 0.1,
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
        shift: int = 4,
        noise: float = 0.05,
        half_resolution: float = 0.3,
        flip: bool = True,
    ) -> None:
        super().__init__(EvaluatorNetwork(num_classes, width), lr=lr, clip_norm=None, ema_decay=0)
        self.save_hyperparameters()
        self.width = width
        self.momentum = checks.number(
            "momentum", momentum, at_least=MOMENTUM_SWING, below=1 - MOMENTUM_SWING, hint="it swings by 0.05"
        )
        self.weight_decay = checks.number("weight_decay", weight_decay, at_least=0, hint="5e-4; 0 for none")
        self.shift = checks.whole("shift", shift, at_least=0, hint="pixels; 0 for none")
        self.noise = checks.number("noise", noise, at_least=0, hint="0.05; 0 for none")
        self.half_resolution = checks.share("half_resolution", half_resolution)
        self.flip = flip
        self.score = ObjectScore()

    def configure_model(self) -> None:
        if self.width >= CHANNELS_LAST_FROM:
            super().configure_model()

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W), or grey (B, 1, H, W), in [-1, 1] -> class probabilities (B, num_classes)."""
        return self.network(as_colour(image))

    def configure_optimizers(self) -> Optimizer:
        more = {"momentum": self.momentum, "weight_decay": self.weight_decay, "nesterov": True}
        return optimizer_of("sgd", self.parameters(), self.lr, self.betas, **more)

    def scheduled_options(self) -> list[str]:
        return ["the one cycle of lr"]

    def set_rate(self) -> None:
        rate = one_cycle(self.progress)
        for group in self.trainer.optimizers[0].param_groups:
            group.update(lr=self.lr * rate, momentum=self.momentum + MOMENTUM_SWING * (1 - 2 * rate))

    def training_loss(self, batch: Batch, rng: torch.Generator) -> Tensor:
        seen = self.augment(as_colour(batch["image"]))
        return binary_cross_entropy_with_logits(self.network.logits(seen), batch["condition"])

    def augment(self, image: Tensor) -> Tensor:
        if self.flip:
            image = random_flip(image)
        if self.shift:
            image = random_shift(image, self.shift)
        if self.half_resolution:
            image = random_half_resolution(image, self.half_resolution)
        return random_noise(image, self.noise) if self.noise else image

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.score.update(self(batch["image"]).float(), batch["condition"])
        self.log("val/score", self.score, prog_bar=True, batch_size=len(batch["image"]))

    def on_test_start(self) -> None:
        self.score.reset()

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """Raises InputError: always; an evaluator draws nothing."""
        raise InputError("an Evaluator draws no images: use `lit-gans validate`, or `test`, to see what it recognises")

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Looks at the real images of a test that no training saw; it draws nothing for the lists."""
        if "image" in batch and batch.get("name", HELD_OUT) == HELD_OUT:
            self.score.update(self(batch["image"]).float(), batch["condition"])

    def own_scores(self) -> tuple[dict[str, Any], list[str]]:
        if not self.score.update_called:
            return {"held_out_score": None}, ["score: not measured, the data has no held-out images here"]
        score = self.score.compute().item()
        return {"held_out_score": score}, [f"object score on the held-out real images: {score:.4f}"]
