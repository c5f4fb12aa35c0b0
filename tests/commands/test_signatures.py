"""Options read from source are those that the parser finds in the classes themselves."""

from argparse import SUPPRESS
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jsonargparse import ArgumentParser

from data_modules.registry import DATA_MODULES
from lit_gans.commands.help import PARTS, TRAINER, plain
from lit_gans.commands.signatures import options_of
from lit_gans.models.registry import MODELS

CLASSES = [f"{module}.{name}" for name, module in MODELS.items()]
CLASSES += [f"{module}.{name}" for name, module in DATA_MODULES.items()] + [*PARTS.values(), TRAINER]


def of_the_parser(path: str) -> dict[str, tuple[str, str]]:
    """Name -> default as it is given on the command line, and what the docstring says of it alone."""
    module, name = path.rsplit(".", 1)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(getattr(import_module(module), name), "x", fail_untyped=False)
    actions = [action for action in parser._actions if action.default != SUPPRESS and not action.dest.endswith(".help")]
    return {
        action.dest.removeprefix("x."): (plain(action.default), " ".join((action.help or "").split()))
        for action in actions
        if action.dest.startswith("x.")
    }


@pytest.mark.parametrize("path", CLASSES)
def test_names_defaults_and_texts_are_the_parsers(path: str) -> None:
    expected = of_the_parser(path)
    found = {name: (plain(default), " ".join(text.split())) for name, default, text in options_of(path)}
    assert found.keys() == expected.keys()
    for name, (default, text) in expected.items():
        assert found[name][0] == default, name
        assert not text or found[name][1] == text, name


def test_an_argument_that_shares_its_text_with_others_has_it() -> None:
    texts = {name: text for name, _, text in options_of("lit_gans.models.dcgan.DCGAN")}
    assert texts["lr_generator"] == texts["betas"] and texts["betas"].startswith("learning rates, and the betas")


def test_a_class_of_ones_own_has_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_data.py").write_text(
        '''LIMIT = 3
class Base:
    def __init__(self, size: int, *, name: str = "a", **rest: object) -> None:
        """
        Args:
            size: of it,
                in pixels.
        """
class Mine(Base):
    def __init__(self, many: int = LIMIT, made: object = print(), **more: object) -> None:
        super().__init__(4, **more)
'''
    )
    monkeypatch.syspath_prepend(tmp_path)
    expected: list[tuple[str, Any, str]] = [("many", 3, ""), ("made", "print()", ""), ("name", "a", "")]
    assert list(options_of("my_data.Mine")) == expected
    assert next(iter(options_of("my_data.Base"))) == ("size", None, "of it, in pixels.")
    for path in ("my_data.Other", "no_module_of_this_name.Class"):
        with pytest.raises(LookupError):
            list(options_of(path))
