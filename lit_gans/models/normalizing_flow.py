"""Models whose network is a normalizing flow, trained by likelihood."""

from typing import Any

import torch
from torch import Tensor

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.inference.normalizing_flow import FlowSampling
from lit_gans.models.base import HELD_OUT, VALIDATION_SEED, Batch, temperature_lines
from lit_gans.models.conditional import Conditional
from lit_gans.models.single_network import SingleNetwork
from lit_gans.networks.flow.flow import Flow
from lit_gans.networks.flow.quantization import bits_per_dim, dequantize, to_cube
from lit_gans.training.seeding import batch_seed, generator


class NormalizingFlow(FlowSampling, Conditional, SingleNetwork):
    """A flow between images and latents, given a condition, trained by the negative log-likelihood of uniformly
    dequantized images, or of images with Gaussian noise, in bits a value of the image (C * H * W).

    What the flow is told of the images, u, a subclass makes: in `features` of a batch.

    Args:
        network: the flow.
        bits: 8, or fewer to train on coarser colours.
        noise: standard deviation, images being in [-1, 1], of Gaussian noise in the place of dequantization; what is
            drawn loses it again by one step up the gradient of the density, x + noise^2 * grad log p(x | label) (Zhai
            et al. 2024, arXiv 2412.06329). The likelihood is then that of noisy images. 0 for dequantization.
        training: the hyperparameters of SingleNetwork.
    """

    loss_name = "loss/bits_per_dim"

    def __init__(self, network: Flow, *, bits: int, noise: float = 0.0, **training: Any) -> None:
        super().__init__(network, **training)
        self.bits = checks.whole("bits", bits, at_least=1, at_most=8, hint="the bits of a colour that are modelled")
        self.noise = checks.number("noise", noise, at_least=0, hint="0 for dequantization, or 0.05")
        if noise and bits != 8:
            raise InputError(f"bits is {bits}, and noise {noise} takes the place of dequantization; set bits to 8")
        self.held_out_bits: list[Tensor] = []
        self.reconstruction_errors: list[Tensor] = []

    def features(self, flow: Any, batch: Batch, noise: torch.Generator | None = None) -> Any:
        """u for a batch's images; with `noise` as in training, where parts of it are left out at random."""
        raise NotImplementedError

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
