"""What benchmarks/throughput.py measures. A new system is one entry in SYSTEMS and its plain training loop."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import throughput_data as data
import throughput_plain as plain
import throughput_steps as steps
import yaml

from lit_gans.configs import find_config
from lit_gans.models.base import ImageModel
from lit_gans.training.batches import Batch
from lit_gans.training.precision import best_precision


@dataclass(frozen=True)
class Setup:
    """What is asked for on the command line; None stands for the config's own value.

    Attributes:
        model: hyperparameters of the models, for those that have them.
    """

    device: str
    batches: int
    warmup: int
    workers: int
    batch_size: int | None = None
    image_size: int | None = None
    compile: str = "off"
    model: dict[str, Any] = field(default_factory=dict)

    @property
    def precision(self) -> str:
        return best_precision(self.device)


class Source(NamedTuple):
    """Data of a kind.

    Attributes:
        render: writes a set of at least so many images of a size that the data module reads.
        dataset: folder, size, flip -> the same data for the plain loop, a torch Dataset with a length; items in the
            order of `columns`.
        columns: names of the items in a batch of the model.
        images: in an item.
    """

    render: Callable[[Path, int, int], None]
    dataset: Callable[[Path, int, bool], Any]
    columns: tuple[str, ...]
    images: int = 1


@dataclass(frozen=True)
class System:
    """What is measured for one system; everything else is common to all.

    Attributes:
        config: name of its YAML in configs/; gives model and data of `fit` and `step`.
        source: its data.
        plain: a model, of which it uses the networks and numbers -> the plain loop's work for one batch of the dataset.
        step: a model -> the work for one batch of its columns.
        period: batches until the update schedule repeats.
    """

    config: str
    source: Source
    plain: Callable[[Any], Callable[..., None]]
    step: Callable[[Any], Callable[[Batch], None]]
    period: int = 1


class Job:
    """A system with its data set and the values in use.

    Attributes:
        folder: of the data set.
        model_class, model_options: of the config's model; what differs from its config: of the command line's options
            those that the class has, and augmentation that does not end.
        batch_size, image_size, flip: of the data.
    """

    def __init__(self, system: System, setup: Setup, folder: Path) -> None:
        config = yaml.safe_load(find_config(system.config).read_text())
        module, name = config["model"]["class_path"].rsplit(".", 1)
        options = config["data"]["init_args"]
        self.system, self.setup, self.folder = system, setup, folder
        self.batch_size: int = setup.batch_size or options["batch_size"]
        self.image_size: int = setup.image_size or options.get("image_size", 64)
        self.flip: bool = options.get("flip", False)
        self.model_class: type[ImageModel] = getattr(import_module(module), name)
        # a model hands what it does not name on to its bases
        known = {name for base in self.model_class.mro() for name in signature(base.__init__).parameters}
        # the few batches of a measurement stand for the part of a run in which images are changed
        wanted = {"augment_until": 1.0, **setup.model}
        self.model_options = {key: value for key, value in wanted.items() if key in known}
        size = {"image_size": self.image_size} if "image_size" in known else {}
        self.hyperparameters = {**config["model"].get("init_args", {}), **size, **self.model_options}

    @property
    def batch_images(self) -> int:
        return self.batch_size * self.system.source.images

    def dataset(self) -> Any:
        return self.system.source.dataset(self.folder, self.image_size, self.flip)

    def model(self) -> ImageModel:
        """As it is built: on the CPU, in the default memory layout."""
        return self.model_class(**self.hyperparameters)


def data_folder(system: System, given: Path) -> Path:
    """The folder of the system's data: inside the given one by its usual name, or the given one itself."""
    root = yaml.safe_load(find_config(system.config).read_text())["data"]["init_args"]["root"]
    inside = given / Path(root).name
    return inside if inside.is_dir() else given


ICLEVR = Source(data.render_scenes, data.ICLEVR, ("image", "condition"))
FACES = Source(data.render_faces, data.Faces, ("image",))
ANIMALS = Source(data.render_animals, data.Unpaired, ("image_a", "image_b"), images=2)

SYSTEMS = {
    "cdcgan": System("cdcgan_iclevr", ICLEVR, plain.cdcgan, steps.gan),
    "dcgan": System("dcgan_anime", FACES, plain.dcgan, steps.gan),
    "wgan_gp": System("wgan_gp_anime", FACES, plain.wgan_gp, steps.gan, period=5),
    "conditional_gan": System("conditional_gan_iclevr", ICLEVR, plain.conditional_gan, steps.gan, period=8),
    "flow": System("flow_iclevr", ICLEVR, plain.flow, steps.flow),
    "flow_layout": System("flow_iclevr_layout", ICLEVR, plain.flow, steps.flow),
    "cyclegan": System("cyclegan_horse2zebra", ANIMALS, plain.cyclegan, steps.cyclegan),
}
