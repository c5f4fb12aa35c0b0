"""The names of the data modules."""

from importlib import import_module
from pathlib import Path

import pytest

from data_modules.base import ImageDataModule
from data_modules.registry import DATA_MODULES
from lit_gans.commands.help import class_of

HOME = Path(__file__).parents[2] / "data_modules"


@pytest.mark.parametrize("name", DATA_MODULES)
def test_a_name_is_that_of_a_data_module(name: str) -> None:
    assert issubclass(getattr(import_module(DATA_MODULES[name]), name), ImageDataModule)


def test_every_data_module_has_its_name_there() -> None:
    bases = {"ImageDataModule", "LabelledImages"}
    modules = [import_module(f"data_modules.{file.stem}") for file in HOME.glob("*.py") if file.stem != "__init__"]
    found = {
        name: module.__name__
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, ImageDataModule) and value.__module__ == module.__name__
    }
    assert {name: module for name, module in found.items() if name not in bases} == DATA_MODULES


def test_help_shows_the_options_of_the_data_that_is_named() -> None:
    assert class_of("data", [], ["--data", "ImageFolder"]) == "data_modules.image_folder.ImageFolder"
