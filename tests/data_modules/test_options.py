"""Options that a data module hands on to its base are its own options: shown, and checked by their type."""

import inspect
from importlib import import_module

import pytest
from jsonargparse import ArgumentParser
from lightning import LightningDataModule

from data_modules.anime_faces import AnimeFaces
from data_modules.base import ImageDataModule
from data_modules.celeba import CelebA
from data_modules.domains import Domains
from data_modules.iclevr import ICLEVR
from data_modules.image_folder import ImageFolder
from data_modules.torchvision_sets import TorchvisionSet
from data_modules.unpaired import Unpaired

MODULES = [AnimeFaces, CelebA, Domains, ICLEVR, ImageFolder, TorchvisionSet, Unpaired]
SHARED = set(inspect.signature(ImageDataModule.__init__).parameters) - {"self"}


def parser_of(module: type[ImageDataModule]) -> ArgumentParser:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(module, "data")
    return parser


@pytest.mark.parametrize("module", MODULES)
def test_a_data_module_is_the_data_set_of_its_name(module: type[ImageDataModule]) -> None:
    """As `lit-gans edit` and `interpolate` find it, which do without Lightning."""
    file = module.__module__.removeprefix("data_modules.")
    data_set = getattr(import_module(f"data_modules.datasets.{file}"), f"{module.__name__}Data")
    assert issubclass(module, data_set) and not issubclass(data_set, LightningDataModule)


@pytest.mark.parametrize("module", MODULES)
def test_every_option_of_the_base_is_an_option_of_the_module(module: type[ImageDataModule]) -> None:
    config = parser_of(module).parse_args(["--data.root", "x", "--data.seed", "3", "--data.batch_size", "5"])
    assert set(vars(config.data)) >= SHARED
    assert (config.data.seed, config.data.batch_size) == (3, 5)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("wrong", ["--data.batch_size=many", "--data.seed=0.5", "--data.flip=perhaps", "--data.sede=1"])
def test_a_wrong_type_or_name_is_refused(module: type[ImageDataModule], wrong: str) -> None:
    with pytest.raises(Exception, match=wrong.split("=")[0].removeprefix("--data.")):
        parser_of(module).parse_args(["--data.root", "x", wrong])


@pytest.mark.parametrize("module", MODULES)
def test_no_option_of_the_base_is_declared_again_with_the_same_default(module: type[ImageDataModule]) -> None:
    base = inspect.signature(ImageDataModule.__init__).parameters
    own = inspect.signature(module.__init__).parameters
    again = [name for name in own if name in SHARED - {"root"} and own[name].default == base[name].default]
    assert not again
