"""Models whose network is a normalizing flow: trained by likelihood; they draw, encode, decode and edit images."""

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.models.base import HELD_OUT, VALIDATION_SEED, Batch, checked_temperature, temperature_lines
from lit_gans.models.conditional import Conditional
from lit_gans.models.conditions import Conditions
from lit_gans.models.latent_space import LatentSpace
from lit_gans.models.single_network import SingleNetwork
from lit_gans.networks.flow.denoising import denoised
from lit_gans.networks.flow.latents import Latents
from lit_gans.networks.flow.quantization import IN_CUBE, bits_per_dim, dequantize, from_cube, to_cube
from lit_gans.networks.modes import inference
from lit_gans.training.seeding import batch_seed, generator

SAMPLING_BATCH = 128


class NormalizingFlow(LatentSpace, Conditional, SingleNetwork):
    """A flow between images and latents, given a condition, trained by the negative log-likelihood of uniformly
    dequantized images, or of images with Gaussian noise, in bits a value of the image (C * H * W).

    Its network has `forward(x, u) -> (Latents, log|det|)`, `inverse(latents, u) -> x`, `log_prob(x, u)`,
    `initialize(x, u)`, `guided(label, guidance, low) -> u` and `shapes` (those of the latents), x in [-1/2, 1/2]. What
    it is told of the images, u, a subclass makes: in `features` of a batch, in `known` of what a user gives.

    What reaches the user (images, latents, likelihoods) is computed in float32 whatever the trainer's precision, and in
    float64 where the images or latents that are handed in are float64; see also `inversion_dtype`.

    Args:
        network: the flow.
        num_classes, class_names: of the condition.
        image_size: height and width of the images.
        label_drop: share of training images whose label is left out; 0 for a flow that always has one.
        bits: 8, or fewer to train on coarser colours.
        noise: standard deviation, images being in [-1, 1], of Gaussian noise in the place of dequantization; what is
            drawn loses it again by one step up the gradient of the density, x + noise^2 * grad log p(x | label) (Zhai
            et al. 2024, arXiv 2412.06329). The likelihood is then that of noisy images. 0 for dequantization.
        temperature, guidance: where `sample` is given none.
        training: the hyperparameters of SingleNetwork.
    """

    network_name = pictures_from = "flow"
    loss_name = "loss/bits_per_dim"
    lr_drop: float | None = None
    flow: Any

    def __init__(
        self,
        network: nn.Module,
        *,
        num_classes: int,
        class_names: Sequence[str] | None,
        image_size: int,
        label_drop: float,
        bits: int,
        noise: float = 0.0,
        temperature: float,
        guidance: float,
        **training: Any,
    ) -> None:
        super().__init__(network, **training)
        self.set_classes(num_classes, class_names)
        self.image_size, self.dims = image_size, 3 * image_size**2
        self.label_drop = label_drop
        self.bits = checks.whole("bits", bits, at_least=1, at_most=8, hint="the bits of a colour that are modelled")
        self.noise = checks.number("noise", noise, at_least=0, hint="0 for dequantization, or 0.05")
        if noise and bits != 8:
            raise InputError(f"bits is {bits}, and noise {noise} takes the place of dequantization; set bits to 8")
        self.temperature, self.guidance = self.checked(temperature, guidance)
        self.held_out_bits: list[Tensor] = []
        self.reconstruction_errors: list[Tensor] = []

    def features(self, flow: Any, batch: Batch, noise: torch.Generator | None = None) -> Any:
        """u for a batch's images; with `noise` as in training, where parts of it are left out at random."""
        raise NotImplementedError

    def known(self, flow: Any, x: Tensor, c: Conditions | None, lr: Tensor | None, guidance: float = 0.0) -> Any:
        """u for what the user tells about images or latents x."""
        raise NotImplementedError

    def given_lr(self, lr: Tensor, count: int) -> Tensor:
        """What a flow with low-resolution input is told of such images."""
        raise InputError("this flow has no low-resolution input and would ignore lr; train one with lr_drop 0.5")

    def initialize(self, batch: Batch) -> None:
        """One pass of the first batch, over all processes."""
        x = self.dequantized(batch, generator(batch_seed(self.seed, 0), self.device))
        self.flow.initialize(x, self.features(self.flow, batch))

    def training_loss(self, batch: Batch, noise: torch.Generator) -> Tensor:
        x = self.dequantized(batch, noise)
        u = self.features(self.flow, batch, noise)
        return bits_per_dim(self.flow.log_prob(x, u), self.dims, self.bits).mean()

    def dequantized(self, batch: Batch, noise: torch.Generator) -> Tensor:
        image = batch["image"]
        draw = self.normal if self.noise else self.uniform
        x = self.continuous(image, draw(image.shape, noise))
        # as the weights are: no other layer brings the image into their layout, and sums of both layouts are slow
        return x.contiguous(memory_format=torch.channels_last)

    def continuous(self, image: Tensor, noise: Tensor) -> Tensor:
        """The points of the cube that the flow is trained on; `noise` is normal if there is noise, else uniform."""
        return to_cube(image + self.noise * noise) if self.noise else dequantize(image, noise, self.bits)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        bits = self.dequantized_bits(batch, VALIDATION_SEED + batch_idx * self.trainer.world_size + self.global_rank)
        self.log("val/bits_per_dim", bits.mean(), prog_bar=True, batch_size=len(bits), sync_dist=True)

    def dequantized_bits(self, batch: Batch, seed: int) -> Tensor:
        """Bits a dimension of each image under its condition, (B,), with dequantization noise of this seed."""
        image = batch["image"].float()
        draw = torch.randn if self.noise else torch.rand
        x = self.continuous(image, draw(image.shape, generator=generator(seed)).to(image.device))
        with self.exact(image.dtype, self.use_ema) as flow:
            return bits_per_dim(flow.log_prob(x, self.features(flow, batch)), self.dims, self.bits)

    def on_test_start(self) -> None:
        self.held_out_bits, self.reconstruction_errors = [], []

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        if "image" in batch and batch.get("name", HELD_OUT) == HELD_OUT:
            self.held_out_bits.append(self.dequantized_bits(batch, VALIDATION_SEED + batch_idx).cpu())
            self.reconstruction_errors.append(self.reconstruction_error(batch).cpu())

    def reconstruction_error(self, batch: Batch) -> Tensor:
        """The largest difference of each image to what is decoded of its latents, (B,), images being in [-1, 1]."""
        image, label, ema = batch["image"].float(), batch["condition"], self.use_ema
        low = image if self.lr_drop is not None else None
        again = self.decode(self.encode(image, label, low, ema), label, low, ema=ema)
        return (again - image).abs().amax((1, 2, 3))

    def own_scores(self) -> tuple[dict[str, Any], list[str]]:
        facts: dict[str, Any] = {"temperature": self.temperature, "guidance": self.guidance}
        lines = temperature_lines(self.temperature)
        if not self.held_out_bits:
            lines.append("held-out bits/dim and reconstruction: not measured, the data has no held-out images here")
            return facts | {"bits_per_dim": None, "reconstruction_error": None}, lines
        bits = torch.cat(self.held_out_bits).double()
        mean, error = bits.mean().item(), (bits.std() / len(bits) ** 0.5).item()
        noise = f"Gaussian noise of {self.noise:g}" if self.noise else "uniform dequantization"
        bpd = {"mean": mean, "standard_error": error, "images": len(bits), "bits": self.bits, "noise": self.noise}
        reconstruction = torch.cat(self.reconstruction_errors).max().item()
        lines += [
            f"held-out bits/dim: {mean:.4f} (standard error {error:.4f}, {len(bits)} images, {self.bits} bits, "
            f"{noise}, C*H*W, {'ema' if self.use_ema else 'raw'} weights)",
            f"reconstruction: largest error {reconstruction:.2e} of values in [-1, 1] (the same images, float32)",
        ]
        return facts | {"bits_per_dim": bpd, "reconstruction_error": reconstruction}, lines

    def sample(
        self,
        conditions: Conditions,
        n: int = 1,
        seed: int | None = None,
        ema: bool = True,
        temperature: float | None = None,
        guidance: float | None = None,
        lr: Tensor | None = None,
    ) -> Tensor:
        """Pictures for labels, as in `Conditional.sample`.

        Args:
            temperature: factor of all latents; 1 draws from the flow's distribution, 0 gives the same picture always.
            guidance: w: the Gaussian p of every layer becomes p ** (1 + w) / q ** w, q being the one without the label.
                0 draws from the flow's distribution; 1 to 3 show the label more clearly.
            lr: (B, 3, h, w) images in [-1, 1] whose 8x8 mean colours the pictures shall have, for a flow with
                low-resolution input.
        """
        low = None if lr is None else self.given_lr(lr, len(conditions)).repeat_interleave(n, dim=0)
        return self.draw_each(conditions, n, seed, ema, temperature=temperature, guidance=guidance, low=low)

    def draw(
        self,
        conditions: Tensor,
        noise: torch.Generator,
        ema: bool,
        temperature: float | None = None,
        guidance: float | None = None,
        low: Tensor | None = None,
    ) -> Tensor:
        temperature, guidance = self.checked(
            self.temperature if temperature is None else temperature, self.guidance if guidance is None else guidance
        )
        labels = self.asked(conditions, noise)
        pictures = []
        with self.exact(torch.float32, ema) as flow:
            for start in range(0, len(conditions), SAMPLING_BATCH):
                label = labels[start : start + SAMPLING_BATCH]
                eps = temperature * torch.randn(len(label), self.dims, generator=noise).to(self.device)
                known = None if low is None else low[start : start + SAMPLING_BATCH]
                x = flow.inverse(Latents.unflatten(eps, flow.shapes), flow.guided(label, guidance, known))
                if self.noise:
                    x = denoised(flow, x, self.noise * IN_CUBE, label, known)
                pictures.append(from_cube(x).clamp(-1, 1))
        return torch.cat(pictures)

    def asked(self, conditions: Tensor, noise: torch.Generator) -> Tensor:
        """What the flow is told to draw for these conditions, a row each."""
        return conditions

    def log_prob(self, x: Tensor, c: Conditions | None = None, lr: Tensor | None = None, ema: bool = True) -> Tensor:
        """Natural logarithm of the density p(x | label), (B,), of points of [-1, 1]^(C*H*W): no noise is added.

        Args:
            x, c, lr, ema: as in `encode`.
        """
        x = self.given_images(x)
        with self.exact(x.dtype, ema) as flow:
            density = flow.log_prob(to_cube(x), self.known(flow, x, c, lr))
        return density + self.dims * math.log(IN_CUBE)

    def encode(self, x: Tensor, c: Conditions | None = None, lr: Tensor | None = None, ema: bool = True) -> Latents:
        """All latents of images.

        Args:
            x: (B, 3, image_size, image_size) in [-1, 1]; in float64 everything is computed in float64.
            c: what each image shows, multi-hot or names; None for latents that say all of it themselves.
            lr: as in `sample`.
            ema: the averaged weights where there are any, else the trained ones.

        Raises:
            InputError: images of another size, labels that do not fit, or none for a flow that always has one.
        """
        x = self.given_images(x)
        wide = x.to(self.inversion_dtype(x.dtype))
        with self.exact(wide.dtype, ema) as flow:
            return flow(to_cube(wide), self.known(flow, wide, c, lr))[0].to(x.dtype)

    def decode(
        self,
        latents: Latents | Tensor,
        c: Conditions | None = None,
        lr: Tensor | None = None,
        guidance: float = 0.0,
        ema: bool = True,
    ) -> Tensor:
        """The images of latents (or of their flat form), not clipped. The inverse of `encode` for the same c and lr,
        if guidance is 0; see `sample` for guidance.

        Returns:
            (B, 3, image_size, image_size), in [-1, 1] up to what the flow makes of unlikely latents; in the latents'
            precision.
        """
        if isinstance(latents, Tensor):
            latents = Latents.unflatten(latents.to(self.device), self.flow.shapes)
        _, guidance = self.checked(0.0, guidance)
        if guidance and c is None:
            raise InputError("guidance strengthens the label, and decode was given none; give c, or guidance 0")
        given = latents.parts[0].dtype
        wide = latents.to(self.inversion_dtype(given))
        with self.exact(wide.parts[0].dtype, ema) as flow:
            pyramid = self.known(flow, wide.parts[0], c, lr, guidance)
            return from_cube(flow.inverse(wide, pyramid)).to(given)

    def inversion_dtype(self, given: torch.dtype) -> torch.dtype:
        """What `encode` and `decode` compute in, where they are given this."""
        return given

    @contextmanager
    def exact(self, dtype: torch.dtype, ema: bool) -> Iterator[Any]:
        """The flow in eval mode, without gradients and autocast, in the precision that is asked for."""
        chosen = self.chosen(ema)
        if dtype == torch.float64:
            chosen = copy.deepcopy(chosen).double()
        with inference(chosen):
            yield chosen

    def given_images(self, x: Tensor) -> Tensor:
        expected = (3, self.image_size, self.image_size)
        if x.ndim != 4 or tuple(x.shape[1:]) != expected or not x.is_floating_point():
            raise InputError(
                f"images have shape {tuple(x.shape)} and type {x.dtype}; expected (B, {', '.join(map(str, expected))}) "
                "and floats in [-1, 1]: resize them first"
            )
        return x.to(self.device, torch.float64 if x.dtype == torch.float64 else torch.float32)

    def checked(self, temperature: float, guidance: float) -> tuple[float, float]:
        guidance = checks.number("guidance", guidance, at_least=0, hint="0 for none")
        if guidance and not self.label_drop:
            raise InputError("guidance needs a flow that also knows images without label; train with label_drop 0.15")
        return checked_temperature(temperature), guidance
