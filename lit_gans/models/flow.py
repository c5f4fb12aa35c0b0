"""The conditional normalizing flow of report 003 (section B3) as a LightningModule, with a label that is used."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.models.base import Batch
from lit_gans.models.conditions import Conditions, as_multi_hot
from lit_gans.models.normalizing_flow import NormalizingFlow
from lit_gans.networks.flow.bijections import Features
from lit_gans.networks.flow.conditioning import CANVAS
from lit_gans.networks.flow.flow import Flow
from lit_gans.networks.flow.layout import with_places
from lit_gans.networks.flow.layouts import KEPT
from lit_gans.networks.flow.places import in_places, random_order


class ConditionalFlow(NormalizingFlow):
    """p(image | label), exactly: it draws, scores, encodes and decodes pictures.

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
        label_drop: share of training images whose label is left out, which guidance and label-free encoding need;
            0 for a flow that always has a label.
        lr_drop: share of training images without the low-resolution image; None for a flow that never has one.
        places: of so many objects the flow is told in training which is the first, the second and so on, where the data
            knows (in iCLEVR: in which order they were put into the scene; the first stands in the middle). It then need
            not find out from the picture; samples draw the order at random. 0 for a flow that is told none.
        layout: the flow is told where each object stands, where the data knows (`data.places`); samples draw a layout
            from those of training pictures of as many objects, see Layouts. At most 4 objects in a picture.
        order_drop: share of training images whose order, or layout, is left out; `encode`, `decode` and `log_prob` do
            without it.
        bits, noise: see NormalizingFlow.
        recompute: train in less memory and more time; see Flow.
        temperature, guidance: of the pictures of validation and test, and where `sample` is given none.
        training: the hyperparameters of SingleNetwork: lr, warmup, ema_decay, ... With `start_from` an earlier flow,
            more attention than that had and all else the same, it starts where that one stopped.

    Attributes:
        flow: the network.
    """

    flow: Flow

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
        label_drop: float = 0.15,
        lr_drop: float | None = None,
        places: int = 0,
        layout: bool = False,
        order_drop: float = 0.1,
        bits: int = 8,
        noise: float = 0.0,
        recompute: bool = False,
        temperature: float = 1.0,
        guidance: float = 0.0,
        **training: Any,
    ) -> None:
        check_shares(label_drop=label_drop, lr_drop=lr_drop, order_drop=order_drop)
        check_told(num_classes, places, layout, lr_drop)
        super().__init__(
            Flow(
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
                split=split,
                layout=layout,
            ),
            num_classes=num_classes,
            class_names=class_names,
            image_size=image_size,
            label_drop=label_drop,
            bits=bits,
            noise=noise,
            temperature=temperature,
            guidance=guidance,
            **training,
        )
        self.save_hyperparameters()
        self.lr_drop, self.places, self.layout, self.order_drop = lr_drop, places, layout, order_drop

    def training_loss(self, batch: Batch, noise: torch.Generator) -> Tensor:
        # twice as many images as layouts: those whose objects were not all found keep none
        if self.flow.layouts is not None and self.images_seen < 2 * KEPT:
            self.flow.layouts.add(self.of_all(batch["condition"]), self.of_all(self.place_of(batch)))
        return super().training_loss(batch, noise)

    def of_all(self, part: Tensor) -> Tensor:
        """The union batch's part, the same in each process."""
        if self.trainer.world_size == 1:
            return part
        gathered = self.all_gather(part)
        assert isinstance(gathered, Tensor)
        return gathered.flatten(0, 1)

    def features(self, flow: Flow, batch: Batch, noise: torch.Generator | None = None) -> list[Features]:
        label, low = batch["condition"], self.low_resolution(batch["image"])
        order = self.order_of(batch) if self.places else None
        place = self.place_of(batch) if self.layout else None
        if noise is None:
            return flow.pyramid(self.told(label, order, place), low=low)
        drops = (self.label_drop, self.lr_drop or 0, self.order_drop)
        kept, low_kept, order_kept = (self.uniform((len(label),), noise) >= drop for drop in drops)
        if order is not None:
            order = order * order_kept[:, None]
        if place is not None:
            place = torch.where(order_kept[:, None, None], place, torch.nan)
        return flow.pyramid(self.told(label, order, place), kept, low, low_kept)

    def order_of(self, batch: Batch) -> Tensor:
        return told_column(batch, "order", f"places is {self.places}", "places to 0")

    def place_of(self, batch: Batch) -> Tensor:
        return told_column(batch, "place", "layout is true", "data.places to true, or layout to false")

    def told(self, label: Tensor, order: Tensor | None = None, place: Tensor | None = None) -> Tensor:
        """The label with what else the flow is told of its objects; None where nobody knows."""
        return with_places(label, place) if self.layout else in_places(label, order, self.places)

    def known(
        self, flow: Flow, x: Tensor, c: Conditions | None, lr: Tensor | None, guidance: float = 0.0
    ) -> list[Features]:
        """The features of what the user tells about images or latents x."""
        count = len(x)
        low = None if lr is None else self.given_lr(lr, count).to(x.dtype)
        if c is None:
            if not self.label_drop:
                raise InputError("this flow was trained with label_drop 0, so it always needs a condition; give c")
            nothing = self.told(torch.zeros(count, self.num_classes, dtype=x.dtype, device=x.device))
            return list(flow.pyramid(nothing, torch.zeros(count, dtype=torch.bool, device=x.device), low))
        rows = as_multi_hot(c, self.num_classes, self.class_names)
        if len(rows) != count:
            raise InputError(f"{len(rows)} conditions for {count} images or latents; expected one for each")
        return flow.guided(self.told(rows.to(x)), guidance, low)

    def asked(self, conditions: Tensor, noise: torch.Generator) -> Tensor:
        order = random_order(conditions, noise) if self.places else None
        place = None if self.flow.layouts is None else self.flow.layouts.sample(conditions, noise)
        return self.told(conditions, order, place)

    def inversion_dtype(self, given: torch.dtype) -> torch.dtype:
        """The inverse of an autoregressive map feeds the rounding errors of each pixel to all pixels after it: in
        float32 they grow to visible ones, in float64 they do not."""
        return torch.float64 if self.flow.attention else given

    def low_resolution(self, image: Tensor) -> Tensor | None:
        """What the flow is shown of an image beside the label: its 8x8 mean colours, if it has been built for that."""
        return None if self.lr_drop is None else small(image)

    def given_lr(self, lr: Tensor, count: int) -> Tensor:
        if self.lr_drop is None:
            return super().given_lr(lr, count)
        if lr.ndim != 4 or lr.shape[1] != 3 or len(lr) != count:
            raise InputError(f"lr has shape {tuple(lr.shape)}; expected ({count}, 3, h, w)")
        return small(lr.to(self.device))


def check_told(num_classes: int, places: int, layout: bool, lr_drop: float | None) -> None:
    """
    Raises:
        InputError: more places than classes, or a layout beside what it takes the place of.
    """
    checks.whole("places", places, at_least=0, at_most=num_classes, hint="0: no order is told")
    if layout and (places or lr_drop is not None):
        raise InputError("layout tells where the objects stand; it goes with places 0 and lr_drop null")


def check_shares(**shares: float | None) -> None:
    """
    Raises:
        InputError: one of them is below 0, or 1 or more; None is left alone.
    """
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


def small(image: Tensor) -> Tensor:
    """(B, 3, h, w) -> (B, 3, 8, 8) mean colours."""
    return interpolate(image, size=(CANVAS, CANVAS), mode="area")
