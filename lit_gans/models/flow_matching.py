"""A conditional flow-matching model: the yardstick beside GANs and normalizing flows."""

from collections.abc import Sequence
from typing import Any, get_args

import torch
from torch import Tensor

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.losses.flow_matching import logit_normal, on_the_path, velocity_loss
from lit_gans.models.base import VALIDATION_SEED, Batch, checked_temperature, temperature_lines
from lit_gans.models.conditional import Conditional
from lit_gans.models.conditions import Conditions, as_multi_hot
from lit_gans.models.latent_space import LatentSpace
from lit_gans.models.single_network import SingleNetwork
from lit_gans.networks.flow.latents import Latents
from lit_gans.networks.modes import inference
from lit_gans.networks.ode import Solver, solve
from lit_gans.networks.unet import UNet
from lit_gans.training.seeding import generator

SAMPLING_BATCH = 64


class ConditionalFlowMatching(LatentSpace, Conditional, SingleNetwork):
    """A U-Net learns the velocity from noise to images along straight paths, given the condition; images are drawn by
    following it from noise.

    Trained by the mean squared error of the velocity at a random time of the path (see losses/flow_matching.py). The
    same equation, solved backwards, encodes images as noise.

    Args:
        num_classes: length of the multi-hot condition.
        class_names: name of each class, for conditions given by name.
        image_size, width, levels, blocks: see UNet.
        label_drop: share of training images whose condition is left out, which guidance and encoding without a
            condition need; 0 for a model that always has one.
        steps: of the equation when images are drawn; more are slower and nearer to the model's distribution.
        solver: "heun" looks at the velocity twice a step, "euler" once.
        temperature, guidance: of the pictures of validation and test, and where `sample` is given none.
        training: the hyperparameters of SingleNetwork.
    """

    network_name = pictures_from = "unet"
    loss_name = "loss/velocity"
    unet: UNet

    def __init__(
        self,
        num_classes: int = 24,
        class_names: Sequence[str] | None = None,
        image_size: int = 64,
        width: int = 64,
        levels: int = 3,
        blocks: int = 2,
        label_drop: float = 0.1,
        steps: int = 20,
        solver: Solver = "heun",
        temperature: float = 1.0,
        guidance: float = 0.0,
        **training: Any,
    ) -> None:
        super().__init__(UNet(num_classes, image_size, width, levels, blocks), **training)
        self.save_hyperparameters()
        self.set_classes(num_classes, class_names)
        self.image_size, self.dims = image_size, 3 * image_size**2
        self.label_drop = checks.number("label_drop", label_drop, at_least=0, below=1)
        self.steps = checks.whole("steps", steps, at_least=1)
        self.solver: Solver = solver
        checks.choice("solver", solver, get_args(Solver))
        self.temperature, self.guidance = self.checked(temperature, guidance)

    def training_loss(self, batch: Batch, noise: torch.Generator) -> Tensor:
        image = batch["image"]
        kept = self.uniform((len(image),), noise) >= self.label_drop
        time = logit_normal(self.normal((len(image),), noise))
        return self.loss_at(self.unet, batch, self.normal(image.shape, noise), time, kept)

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

    def sample(
        self,
        conditions: Conditions,
        n: int = 1,
        seed: int | None = None,
        ema: bool = True,
        temperature: float | None = None,
        guidance: float | None = None,
        steps: int | None = None,
    ) -> Tensor:
        """Images for conditions, as in `Conditional.sample`.

        Args:
            guidance: w: the velocity v becomes v + w * (v - the one without the condition) (Ho and Salimans 2022).
            steps: of the equation; None: the model's.
        """
        return self.draw_each(conditions, n, seed, ema, temperature=temperature, guidance=guidance, steps=steps)

    def draw(
        self,
        conditions: Tensor,
        noise: torch.Generator,
        ema: bool,
        temperature: float | None = None,
        guidance: float | None = None,
        steps: int | None = None,
    ) -> Tensor:
        temperature, guidance = self.checked(
            self.temperature if temperature is None else temperature, self.guidance if guidance is None else guidance
        )
        shape = (len(conditions), 3, self.image_size, self.image_size)
        z = temperature * torch.randn(shape, generator=noise).to(self.device)
        return self.follow(z, conditions, 0.0, 1.0, ema, guidance, steps).clamp(-1, 1)

    def encode(self, x: Tensor, c: Conditions | None = None, ema: bool = True) -> Latents:
        """The noise that images (B, 3, image_size, image_size) in [-1, 1] are drawn from, up to the error of the steps.

        Args:
            c: what each image shows, multi-hot or names; None for noise that says all of it itself.
        """
        return Latents((self.follow(x.to(self.device), self.known(c, len(x)), 1.0, 0.0, ema),))

    def decode(
        self, latents: Latents | Tensor, c: Conditions | None = None, guidance: float = 0.0, ema: bool = True
    ) -> Tensor:
        """The images of noise (or of its flat form), not clipped; the inverse of `encode` up to the error of the
        steps."""
        if isinstance(latents, Tensor):
            latents = Latents.unflatten(latents.to(self.device), [(3, self.image_size, self.image_size)])
        if guidance and c is None:
            raise InputError("guidance strengthens the condition, and decode was given none; give c, or guidance 0")
        z = latents.parts[0]
        return self.follow(z, self.known(c, len(z)), 0.0, 1.0, ema, guidance)

    def follow(
        self,
        x: Tensor,
        conditions: Tensor | None,
        start: float,
        end: float,
        ema: bool,
        guidance: float = 0.0,
        steps: int | None = None,
    ) -> Tensor:
        """Where the velocity brings x (B, 3, H, W) from one time to the other; without conditions where they are
        None."""
        steps = self.steps if steps is None else checks.whole("steps", steps, at_least=1)
        found = []
        with inference(self.chosen(ema)) as unet:
            for i in range(0, len(x), SAMPLING_BATCH):
                part = x[i : i + SAMPLING_BATCH].contiguous(memory_format=torch.channels_last)
                told = None if conditions is None else conditions[i : i + SAMPLING_BATCH]

                def velocity(point: Tensor, time: float, told: Tensor | None = told) -> Tensor:
                    return self.velocity(unet, point, time, told, guidance)

                found.append(solve(velocity, part, start, end, steps, self.solver))
        return torch.cat(found)

    def velocity(self, unet: Any, x: Tensor, time: float, conditions: Tensor | None, guidance: float) -> Tensor:
        """dx/dt at x, guided where guidance is not 0."""
        count = len(x)
        times = x.new_full((2 * count,), time)
        nothing = x.new_zeros(count, self.num_classes)
        kept = torch.arange(2 * count, device=x.device) < count
        if conditions is None:
            without: Tensor = unet(x, times[:count], nothing, kept[count:])
            return without
        if not guidance:
            told: Tensor = unet(x, times[:count], conditions.to(x))
            return told
        both = unet(torch.cat([x, x]), times, torch.cat([conditions.to(x), nothing]), kept)
        told, without = both.chunk(2)
        return told + guidance * (told - without)

    def known(self, c: Conditions | None, count: int) -> Tensor | None:
        if c is None:
            if not self.label_drop:
                raise InputError("this model was trained with label_drop 0, so it always needs a condition; give c")
            return None
        rows = as_multi_hot(c, self.num_classes, self.class_names).to(self.device)
        if len(rows) != count:
            raise InputError(f"{len(rows)} conditions for {count} images or latents; expected one for each")
        return rows

    def checked(self, temperature: float, guidance: float) -> tuple[float, float]:
        guidance = checks.number("guidance", guidance, at_least=0, hint="0 for none")
        if guidance and not self.label_drop:
            raise InputError(
                "guidance needs a model that also knows images without condition; train with label_drop 0.1"
            )
        return checked_temperature(temperature), guidance
