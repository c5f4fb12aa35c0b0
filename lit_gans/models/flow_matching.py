"""A conditional flow-matching model: the yardstick beside GANs and normalizing flows."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lit_gans.inference.flow_matching import VelocitySampling
from lit_gans.losses.flow_matching import logit_normal, on_the_path, velocity_loss
from lit_gans.models.base import temperature_lines
from lit_gans.models.conditional_model import Conditional
from lit_gans.models.single_network import SingleNetwork
from lit_gans.networks.contexts import inference
from lit_gans.networks.ode import Solver
from lit_gans.networks.unet import UNet
from lit_gans.training.batches import VALIDATION_SEED, Batch
from lit_gans.training.seeding import generator


class ConditionalFlowMatching(VelocitySampling, Conditional, SingleNetwork):
    """A U-Net learns the velocity from noise to images along straight paths, given the condition; images are drawn by
    following it from noise.

    Trained by the mean squared error of the velocity at a random time of the path (see losses/flow_matching.py). The
    same equation, solved backwards, encodes images as noise.

    Args:
        num_classes: length of the multi-hot condition.
        class_names: name of each class, for conditions given by name.
        image_size, width, levels, blocks, channels: see UNet.
        condition_drop: share of training images whose condition is left out, which guidance and encoding without a
            condition need; 0 for a model that always has one.
        steps: of the equation when images are drawn; more are slower and nearer to the model's distribution.
        solver: "heun" looks at the velocity twice a step, "euler" once.
        temperature, guidance: of the pictures of validation and test, and where `sample` is given none.
        training: the hyperparameters of SingleNetwork.
    """

    loss_name = "loss/velocity"
    measures_itself = True

    def __init__(
        self,
        num_classes: int = 24,
        class_names: Sequence[str] | None = None,
        image_size: int = 64,
        width: int = 64,
        levels: int = 3,
        blocks: int = 2,
        condition_drop: float = 0.1,
        steps: int = 20,
        solver: Solver = "heun",
        temperature: float = 1.0,
        guidance: float = 0.0,
        channels: int = 3,
        **training: Any,
    ) -> None:
        super().__init__(UNet(num_classes, image_size, width, levels, blocks, channels), **training)
        self.save_hyperparameters()
        self.set_classes(num_classes, class_names)
        self.set_space(image_size, condition_drop, temperature, guidance, channels)
        self.set_solver(steps, solver)

    def training_loss(self, batch: Batch, rng: torch.Generator) -> Tensor:
        image = batch["image"]
        kept = self.uniform((len(image),), rng) >= self.condition_drop
        time = logit_normal(self.normal((len(image),), rng))
        return self.loss_at(self.unet, batch, self.normal(image.shape, rng), time, kept)

    def loss_at(self, unet: Any, batch: Batch, noise: Tensor, time: Tensor, kept: Tensor | None = None) -> Tensor:
        """The loss at these times (B,) of the paths from this noise (B, 3, H, W)."""
        x, velocity = on_the_path(batch["image"], noise, time)
        x = x.contiguous(memory_format=torch.channels_last)
        return velocity_loss(unet(x, time, batch["condition"], kept), velocity)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        image = batch["image"].float()
        seeded = generator(VALIDATION_SEED + batch_idx * self.trainer.world_size + self.global_rank)
        noise = torch.randn(image.shape, generator=seeded).to(image.device)
        time = ((torch.arange(len(image)) + 0.5) / len(image)).to(image.device)  # evenly over the path
        with inference(self.chosen(self.use_ema)) as unet:
            loss = self.loss_at(unet, {**batch, "image": image}, noise, time)
        self.log("val/velocity", loss, prog_bar=True, batch_size=len(image), sync_dist=True)

    def own_scores(self) -> tuple[dict[str, Any], list[str]]:
        settings = {"temperature": self.temperature, "guidance": self.guidance}
        return {**settings, "steps": self.steps, "solver": self.solver}, temperature_lines(self.temperature)
