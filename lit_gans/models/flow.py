"""The conditional normalizing flow of report 003 (section B3) as a LightningModule, with a label that is used."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.inference.base import called
from lit_gans.inference.normalizing_flow import flow_network, small
from lit_gans.models.base import Batch
from lit_gans.models.normalizing_flow import NormalizingFlow
from lit_gans.networks.flow.bijections import Features
from lit_gans.networks.flow.flow import Flow
from lit_gans.networks.flow.layouts import KEPT


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
    """

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
        network = called(flow_network, locals())  # as of a checkpoint: by the names of its arguments
        super().__init__(network, bits=bits, noise=noise, **training)
        self.save_hyperparameters()
        self.set_classes(num_classes, class_names)
        self.set_space(image_size, label_drop, temperature, guidance)
        self.set_told(places, layout, lr_drop, noise)
        self.order_drop = order_drop

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
            return flow.pyramid(self.with_objects(label, order, place), low=low)
        drops = (self.label_drop, self.lr_drop or 0, self.order_drop)
        kept, low_kept, order_kept = (self.uniform((len(label),), noise) >= drop for drop in drops)
        if order is not None:
            order = order * order_kept[:, None]
        if place is not None:
            place = torch.where(order_kept[:, None, None], place, torch.nan)
        return flow.pyramid(self.with_objects(label, order, place), kept, low, low_kept)

    def order_of(self, batch: Batch) -> Tensor:
        return told_column(batch, "order", f"places is {self.places}", "places to 0")

    def place_of(self, batch: Batch) -> Tensor:
        return told_column(batch, "place", "layout is true", "data.places to true, or layout to false")

    def low_resolution(self, image: Tensor) -> Tensor | None:
        """What the flow is shown of an image beside the label: its 8x8 mean colours, if it has been built for that."""
        return None if self.lr_drop is None else small(image)


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
