"""The conditional normalizing flow of report 003 (section B3) as a LightningModule, with a label that is used."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Adamax, Optimizer

from lit_gans.errors import InputError
from lit_gans.metrics.extractors import RANDOM_CONV
from lit_gans.models.base import Batch
from lit_gans.models.conditional import VALIDATION_SEED
from lit_gans.models.invertible import Invertible
from lit_gans.networks.flow.flow import Flow
from lit_gans.networks.flow.places import in_places
from lit_gans.networks.flow.quantization import bits_per_dim, dequantize
from lit_gans.training.decay import checked_decay
from lit_gans.training.ema import averaged_copy, update_average
from lit_gans.training.seeding import batch_seed, generator

LOSS = "loss/bits_per_dim"


class ConditionalFlow(Invertible):
    """p(image | label), exactly: it draws, scores, encodes and decodes pictures.

    Trained by the negative log-likelihood of uniformly dequantized images, in bits a value of the image (C * H * W).
    What reaches the user (pictures, latents, likelihoods) is computed in float32 whatever the trainer's precision, and
    in float64 where the images or latents that are handed in are float64; `encode` and `decode` of a flow with
    attention always compute in float64, see `inversion_dtype`.

    Where report 003 conditions on a low-resolution image and ignores the label, this flow knows the label in every
    injector, coupling and prior; a low-resolution image beside it is an option.

    Args:
        num_classes: length of the multi-hot label.
        class_names: name of each class, for labels given by name.
        image_size: a multiple of 2 ** levels.
        levels, steps, hidden: L, K and the width of the coupling networks, the latter two also one a level; see Flow.
        attention, attention_width: autoregressive maps after the last level and their channels, see Flow.
        embedding, features, growth, blocks: of the network that reads the label, see LabelPyramid.
        label_drop: share of training images whose label is left out, which guidance and label-free encoding need;
            0 for a flow that always has a label.
        lr_drop: share of training images without the low-resolution image; None for a flow that never has one.
        places: of so many objects the flow is told in training which is the first, the second and so on, where the data
            knows (in iCLEVR: in which order they were put into the scene; the first stands in the middle). It then need
            not find out from the picture; samples draw the order at random. 0 for a flow that is told none.
        order_drop: share of training images whose order is left out; `encode`, `decode` and `log_prob` do without it.
        bits: 8, or fewer to train on coarser colours.
        optimizer: "adam" or "adamax".
        lr: learning rate, reached after `warmup` batches.
        betas, warmup, decay_from, clip_norm: of the optimizer; see GAN for the last two.
        ema_decay: of the average of the weights, once a batch; 0 for none.
        recompute: train in less memory and more time; see Flow.
        start_from: checkpoint, or exported file, of an earlier flow; where its weights fit by name and shape, training
            starts from their average. With more attention than that flow had, and all else the same, it starts where
            that one stopped.
        temperature, guidance: of the pictures of validation and test, and where `sample` is given none.
        evaluator, draws, draw_seed, weights, extractor: see ScoredByEvaluator. A test without an evaluator tells the
            held-out bits/dim and no object scores.

    Attributes:
        flow: the network.
    """

    needs_evaluator = False

    def __init__(
        self,
        num_classes: int = 24,
        class_names: Sequence[str] | None = None,
        image_size: int = 64,
        levels: int = 3,
        steps: int | Sequence[int] = 16,
        hidden: int | Sequence[int] = 64,
        attention: int = 0,
        attention_width: int = 128,
        embedding: int = 200,
        features: int = 64,
        growth: int = 32,
        blocks: int = 4,
        label_drop: float = 0.15,
        lr_drop: float | None = None,
        places: int = 0,
        order_drop: float = 0.1,
        bits: int = 8,
        optimizer: str = "adam",
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        warmup: int = 500,
        decay_from: float | None = None,
        clip_norm: float | None = 1.0,
        ema_decay: float = 0.999,
        recompute: bool = False,
        start_from: str | None = None,
        temperature: float = 1.0,
        guidance: float = 0.0,
        evaluator: str | Sequence[str] | None = None,
        draws: int = 10,
        draw_seed: int = 0,
        weights: str = "ema",
        extractor: str = RANDOM_CONV,
    ) -> None:
        super().__init__()
        check_choices(optimizer, bits, places, num_classes)
        check_shares(label_drop=label_drop, lr_drop=lr_drop, order_drop=order_drop, ema_decay=ema_decay)
        self.save_hyperparameters()
        self.flow = Flow(
            num_classes * (1 + places),
            image_size,
            levels,
            steps,
            hidden,
            embedding,
            features,
            growth,
            blocks,
            droppable=label_drop > 0,
            low_resolution=lr_drop is not None,
            attention=attention,
            attention_width=attention_width,
            recompute=recompute,
        )
        self.flow_ema = averaged_copy(self.flow) if ema_decay else None
        self.image_size, self.dims = image_size, 3 * image_size**2
        self.label_drop, self.lr_drop, self.bits = label_drop, lr_drop, bits
        self.places, self.order_drop = places, order_drop
        self.optimizer_name, self.lr, self.betas = optimizer, lr, (float(betas[0]), float(betas[1]))
        self.warmup, self.decay_from, self.clip_norm = warmup, checked_decay(decay_from), clip_norm
        self.ema_decay = ema_decay
        self.start_from = start_from
        self.temperature, self.guidance = self.checked(temperature, guidance)
        self.set_scoring(num_classes, class_names, evaluator, draws, draw_seed, weights, extractor)

    def configure_optimizers(self) -> Optimizer:
        return OPTIMIZERS[self.optimizer_name](self.flow.parameters(), self.lr, self.betas)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        if self.global_step == 0:
            self.initialize(batch)
        self.set_rates([self.lr * min(1.0, (self.global_step + 1) / max(self.warmup, 1))], self.betas)

    def initialize(self, batch: Batch) -> None:
        """The one pass that sets the ActNorms from the first batch, over all processes."""
        noise = generator(batch_seed(self.seed, 0), self.device)
        x = self.dequantized(batch, noise)
        self.flow.initialize(
            x, self.flow.pyramid(label_of(batch, self.places), low=self.low_resolution(batch["image"]))
        )
        if self.flow_ema is not None:
            self.flow_ema.load_state_dict(self.flow.state_dict())

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        noise = generator(batch_seed(self.seed, self.global_step), self.device)
        x = self.dequantized(batch, noise)
        drops = (self.label_drop, self.lr_drop or 0, self.order_drop)
        kept, low_kept, order_kept = (self.share((len(x),), noise) >= drop for drop in drops)
        label = label_of(batch, self.places, order_kept)
        pyramid = self.flow.pyramid(label, kept, self.low_resolution(batch["image"]), low_kept)
        loss = bits_per_dim(self.flow.log_prob(x, pyramid), self.dims, self.bits).mean()
        self.images_seen += len(x) * self.trainer.world_size
        self.losses = {LOSS: loss.detach()}
        return loss

    def dequantized(self, batch: Batch, noise: torch.Generator) -> Tensor:
        x = dequantize(batch["image"], self.share(batch["image"].shape, noise), self.bits)
        # as the weights are: no other layer brings the picture into their layout, and sums of both layouts are slow
        return x.contiguous(memory_format=torch.channels_last)

    def share(self, shape: Sequence[int], noise: torch.Generator) -> Tensor:
        """Uniform in [0, 1): this process's part of what is drawn for the union batch, so that several processes train
        on the noise that one would."""
        count, *rest = shape
        union = torch.rand(count * self.trainer.world_size, *rest, device=self.device, generator=noise)
        return union[self.global_rank * count :][:count]

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        norm = nn.utils.clip_grad_norm_(self.flow.parameters(), math.inf if self.clip_norm is None else self.clip_norm)
        # looked at in every batch, before the weights change: one broken step would break all that follow, and the
        # checkpoints with them
        if not torch.isfinite(norm):
            raise RuntimeError(
                f"{LOSS} is {self.losses[LOSS].item()} at batch {self.global_step} and its gradient {norm.item()}: "
                "training has diverged. The weights before this batch and the last checkpoint are kept; continue from "
                "it with a lower learning rate, a longer warmup or precision 32-true"
            )

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        # here, before a callback saves a checkpoint
        if self.flow_ema is not None:
            update_average(self.flow_ema, self.flow, self.ema_decay, self.global_step)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        self.log_progress({"images_seen": self.images_seen})

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        super().validation_step(batch, batch_idx)
        bits = self.dequantized_bits(batch, VALIDATION_SEED + batch_idx * self.trainer.world_size + self.global_rank)
        self.log("val/bits_per_dim", bits.mean(), prog_bar=True, batch_size=len(bits), sync_dist=True)

    def dequantized_bits(self, batch: Batch, seed: int) -> Tensor:
        """Bits a dimension of each image under its label, (B,), with dequantization noise of this seed. A flow with
        places is told the order."""
        image = batch["image"].float()
        noise = torch.rand(image.shape, generator=generator(seed)).to(image.device)
        x = dequantize(image, noise, self.bits)
        with self.exact(image.dtype, self.weights == "ema") as flow:
            pyramid = flow.pyramid(label_of(batch, self.places), low=self.low_resolution(image))
            return bits_per_dim(flow.log_prob(x, pyramid), self.dims, self.bits)

    def on_test_start(self) -> None:
        super().on_test_start()
        self.held_out_bits: list[Tensor] = []
        self.reconstruction_errors: list[Tensor] = []

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        super().test_step(batch, batch_idx, dataloader_idx)
        if "image" in batch:
            self.held_out_bits.append(self.dequantized_bits(batch, VALIDATION_SEED + batch_idx).cpu())
            self.reconstruction_errors.append(self.reconstruction_error(batch).cpu())

    def reconstruction_error(self, batch: Batch) -> Tensor:
        """The largest difference of each image to what is decoded of its latents, (B,), images being in [-1, 1]."""
        image, label, ema = batch["image"].float(), batch["condition"], self.weights == "ema"
        low = image if self.lr_drop is not None else None
        again = self.decode(self.encode(image, label, low, ema), label, low, ema=ema)
        return (again - image).abs().amax((1, 2, 3))

    def more_facts(self) -> tuple[dict[str, Any], list[str]]:
        if not self.held_out_bits:
            line = "held-out bits/dim and reconstruction: not measured, the data has no held-out pictures here"
            return {"guidance": self.guidance, "bits_per_dim": None, "reconstruction_error": None}, [line]
        bits = torch.cat(self.held_out_bits).double()
        mean, error = bits.mean().item(), (bits.std() / len(bits) ** 0.5).item()
        facts = {"mean": mean, "standard_error": error, "images": len(bits), "bits": self.bits}
        reconstruction = torch.cat(self.reconstruction_errors).max().item()
        lines = [
            f"held-out bits/dim: {mean:.4f} (standard error {error:.4f}, {len(bits)} images, {self.bits} bits, uniform "
            f"dequantization, C*H*W, {self.weights} weights)",
            f"reconstruction: largest error {reconstruction:.2e} of values in [-1, 1] (the same images, float32)",
        ]
        return {"guidance": self.guidance, "bits_per_dim": facts, "reconstruction_error": reconstruction}, lines


def check_choices(optimizer: str, bits: int, places: int, num_classes: int) -> None:
    """
    Raises:
        InputError: one of them is not possible.
    """
    if optimizer not in OPTIMIZERS:
        raise InputError(f"optimizer is {optimizer!r}; expected one of {', '.join(OPTIMIZERS)}")
    if not 1 <= bits <= 8:
        raise InputError(f"bits is {bits}; expected 1 to 8, the bits of a colour that are modelled")
    if not 0 <= places <= num_classes:
        raise InputError(f"places is {places}; expected 0 (no order is told) to {num_classes}, the number of classes")


def check_shares(**shares: float | None) -> None:
    """
    Raises:
        InputError: one of them is below 0, or 1 or more; None is left alone.
    """
    for name, share in shares.items():
        if share is not None and not 0 <= share < 1:
            raise InputError(f"{name} is {share}; expected a share from 0 to below 1")


def label_of(batch: Batch, places: int, told: Tensor | None = None) -> Tensor:
    """The label of a batch's images with so many places, see `in_places`.

    Args:
        told: (B,) bool, for which of them the order of the objects is told; None for all.

    Raises:
        InputError: there are places, and the data does not tell the order.
    """
    if not places:
        return batch["condition"]
    if "order" not in batch:
        raise InputError(
            f"places is {places}: the model is to know the order of the objects, and the data does not tell it; set "
            "places to 0"
        )
    order = batch["order"] if told is None else batch["order"] * told[:, None]
    return in_places(batch["condition"], order, places)


def adam(parameters: Iterable[nn.Parameter], lr: float, betas: tuple[float, float]) -> Optimizer:
    return Adam(parameters, lr, betas, fused=True)


def adamax(parameters: Iterable[nn.Parameter], lr: float, betas: tuple[float, float]) -> Optimizer:
    return Adamax(parameters, lr, betas, foreach=True)


OPTIMIZERS = {"adam": adam, "adamax": adamax}
