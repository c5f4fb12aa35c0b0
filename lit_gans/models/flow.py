"""The conditional normalizing flow of report 003 (section B3) as a LightningModule, with a label that is used."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.inference.base import called
from lit_gans.inference.normalizing_flow import FlowSampling, small
from lit_gans.models.base import temperature_lines
from lit_gans.models.conditional_model import Conditional
from lit_gans.models.single_network import SingleNetwork
from lit_gans.networks.flow.bijections import Features
from lit_gans.networks.flow.flow import Flow
from lit_gans.networks.flow.layouts import KEPT
from lit_gans.networks.flow.quantization import bits_per_dim, dequantize, to_cube
from lit_gans.training.batches import HELD_OUT, VALIDATION_SEED, Batch
from lit_gans.training.seeding import batch_seed, generator


class ConditionalFlow(FlowSampling, Conditional, SingleNetwork):
    """p(image | label), exactly: it draws, scores, encodes and decodes pictures.

    Trained by the negative log-likelihood of uniformly dequantized images, or of images with Gaussian noise, in bits a
    value of the image (C * H * W).

    `encode` and `decode` of a flow with attention always compute in float64, see `inversion_dtype`.

    Where report 003 conditions on a low-resolution image and ignores the label, this flow knows the label in every
    injector, coupling and prior; a low-resolution image beside it is an option.

    Args:
        num_classes: length of the multi-hot label.
        class_names: name of each class, for labels given by name.
        image_size: a multiple of 2 ** levels.
        levels, steps, hidden: L, K and the width of the coupling networks, the latter two also one a level; see Flow.
        split: see Flow.
        attention, attention_width: autoregressive maps after the last level and their channels, see Flow.
        embedding, features, growth, blocks: of the network that reads the label, see LabelPyramid.
        condition_drop: share of training images whose label is left out, which guidance and label-free encoding need;
            0 for a flow that always has a label.
        low_res_drop: share of training images without the low-resolution image; None for a flow that never has one.
        ordered_objects: of so many objects the flow is told in training which is the first, the second and so on, where
            the data knows (in iCLEVR: in which order they were put into the scene; the first stands in the middle). It
            then need not find out from the picture; samples draw the order at random. 0 for a flow that is told none.
        layout: the flow is told where each object stands, where the data knows (`data.places`); samples draw a layout
            from those of training pictures of as many objects, see Layouts. At most 4 objects in a picture.
        order_drop: share of training images whose order, or layout, is left out; `encode`, `decode` and `log_prob` do
            without it.
        bits: 8, or fewer to train on coarser colours.
        noise: standard deviation, images being in [-1, 1], of Gaussian noise in the place of dequantization; what is
            drawn loses it again by one step up the gradient of the density, x + noise^2 * grad log p(x | label) (Zhai
            et al. 2024, arXiv 2412.06329). The likelihood is then that of noisy images. 0 for dequantization.
        recompute: train in less memory and more time; see Flow.
        channels: of the images: 3, or 1 for grey.
        temperature, guidance: of the pictures of validation and test, and where `sample` is given none.
        training: the hyperparameters of SingleNetwork: lr, warmup, ema_decay, ... With `start_from` an earlier flow,
            more attention than that had and all else the same, it starts where that one stopped.
    """

    loss_name = "loss/bits_per_dim"
    measures_itself = True

    def __init__(
        self,
        num_classes: int = 24,
        class_names: Sequence[str] | None = None,
        image_size: int = 64,
        levels: int = 3,
        steps: int | Sequence[int] = 16,
        hidden: int | Sequence[int] = 64,
        split: bool = True,
        attention: int = 0,
        attention_width: int = 128,
        embedding: int = 200,
        features: int = 64,
        growth: int = 32,
        blocks: int = 4,
        condition_drop: float = 0.15,
        low_res_drop: float | None = None,
        ordered_objects: int = 0,
        layout: bool = False,
        order_drop: float = 0.1,
        bits: int = 8,
        noise: float = 0.0,
        recompute: bool = False,
        temperature: float = 1.0,
        guidance: float = 0.0,
        channels: int = 3,
        **training: Any,
    ) -> None:
        check_shares(condition_drop=condition_drop, low_res_drop=low_res_drop, order_drop=order_drop)
        check_told(num_classes, ordered_objects, layout, low_res_drop)
        super().__init__(called(Flow, locals()), **training)  # as of a checkpoint: by the names of its arguments
        self.save_hyperparameters()
        self.set_classes(num_classes, class_names)
        self.set_space(image_size, condition_drop, temperature, guidance, channels)
        self.set_told(
            ordered_objects, layout, low_res_drop, checks.number("noise", noise, at_least=0, hint="0, or 0.05")
        )
        self.bits = checks.whole("bits", bits, at_least=1, at_most=8, hint="the bits of a colour that are modelled")
        if noise and bits != 8:
            raise InputError(f"bits is {bits}, and noise {noise} takes the place of dequantization; set bits to 8")
        self.order_drop = order_drop
        self.held_out_bits: list[Tensor] = []
        self.reconstruction_errors: list[Tensor] = []

    def initialize(self, batch: Batch) -> None:
        """One pass of the first batch, over all processes."""
        x = self.dequantized(batch, generator(batch_seed(self.seed, 0), self.device))
        self.flow.initialize(x, self.features(self.flow, batch))

    def training_loss(self, batch: Batch, rng: torch.Generator) -> Tensor:
        # twice as many images as layouts: those whose objects were not all found keep none
        if self.flow.layouts is not None and self.images_seen < 2 * KEPT:
            self.flow.layouts.add(self.of_all(batch["condition"]), self.of_all(self.place_of(batch)))
        x = self.dequantized(batch, rng)
        features = self.features(self.flow, batch, rng)
        return bits_per_dim(self.flow.log_prob(x, features), self.dims, self.bits).mean()

    def of_all(self, part: Tensor) -> Tensor:
        """The union batch's part, the same in each process."""
        if self.trainer.world_size == 1:
            return part
        gathered = self.all_gather(part)
        assert isinstance(gathered, Tensor)
        return gathered.flatten(0, 1)

    def features(self, flow: Flow, batch: Batch, rng: torch.Generator | None = None) -> list[Features]:
        """What the flow is told of a batch's images; with `rng` as in training, where parts of it are left out at
        random."""
        label, low = batch["condition"], self.low_resolution(batch["image"])
        order = self.order_of(batch) if self.ordered_objects else None
        place = self.place_of(batch) if self.layout else None
        if rng is None:
            return flow.pyramid(self.with_objects(label, order, place), low=low)
        drops = (self.condition_drop, self.low_res_drop or 0, self.order_drop)
        kept, low_kept, order_kept = (self.uniform((len(label),), rng) >= drop for drop in drops)
        if order is not None:
            order = order * order_kept[:, None]
        if place is not None:
            place = torch.where(order_kept[:, None, None], place, torch.nan)
        return flow.pyramid(self.with_objects(label, order, place), kept, low, low_kept)

    def order_of(self, batch: Batch) -> Tensor:
        return told_column(batch, "order", f"ordered_objects is {self.ordered_objects}", "ordered_objects to 0")

    def place_of(self, batch: Batch) -> Tensor:
        return told_column(batch, "place", "layout is true", "data.places to true, or layout to false")

    def low_resolution(self, image: Tensor) -> Tensor | None:
        """What the flow is shown of an image beside the label: its 8x8 mean colours, if it has been built for that."""
        return None if self.low_res_drop is None else small(image)

    def dequantized(self, batch: Batch, rng: torch.Generator) -> Tensor:
        image = batch["image"]
        draw = self.normal if self.noise else self.uniform
        x = self.continuous(image, draw(image.shape, rng))
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
        image, label, use_ema = batch["image"].float(), batch["condition"], self.use_ema
        low = image if self.low_res_drop is not None else None
        again = self.decode(self.encode(image, label, low, use_ema), label, low, use_ema=use_ema)
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


def check_told(num_classes: int, ordered_objects: int, layout: bool, low_res_drop: float | None) -> None:
    """Raises InputError: more ordered objects than classes, or a layout beside what it takes the place of."""
    checks.counts(num_classes=num_classes)
    checks.whole("ordered_objects", ordered_objects, at_least=0, at_most=num_classes, hint="0: no order is told")
    if layout and (ordered_objects or low_res_drop is not None):
        raise InputError("layout tells where the objects stand; it goes with ordered_objects 0 and low_res_drop null")


def check_shares(**shares: float | None) -> None:
    """Raises InputError: one of them is below 0, or 1 or more; None is left alone."""
    for name, share in shares.items():
        if share is not None:
            checks.number(name, share, at_least=0, below=1, hint="a share, such as 0.1")


def told_column(batch: Batch, name: str, option: str, remedy: str) -> Tensor:
    """What the data tells of a batch's objects: "order" or "place".

    Raises:
        InputError: it does not; names the option that asks for it, and what to do.
    """
    if name not in batch:
        raise InputError(
            f"{option}: the model is to know the {name} of the objects, and the data does not tell it; set {remedy}"
        )
    column: Tensor = batch[name]
    return column
