"""`lit-gans fit --config X --help`: the options of what X names, with the values that X gives them."""

import json
import re
import shutil
from argparse import SUPPRESS
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from lit_gans.callbacks.checkpoints import BestCheckpoint, LastCheckpoint
from lit_gans.callbacks.compile import Compile
from lit_gans.callbacks.samples import SampleGrid
from lit_gans.commands.arguments import CONFIG, option
from lit_gans.commands.trainer import Trainer
from lit_gans.configs import first_sentence, read_config
from lit_gans.models.registry import MODELS
from lit_gans.scoring.score import Score

# What the data tell the model and the scores: no options of the user's.
LINKED = {
    "model.num_classes",
    "model.class_names",
    "model.image_size",
    "model.channels",
    "score.class_names",
    "score.class_groups",
}
NOT_FOR_A_TERMINAL = {"trainer.callbacks", "trainer.plugins", "trainer.logger", "trainer.profiler"}
PARTS: dict[str, type] = {"score": Score, "samples": SampleGrid, "checkpoint": LastCheckpoint, "stop": BestCheckpoint, "compile": Compile}
OF_THE_RUN = (
    ("--config NAME|FILE", "a config of the package or a file; may be given several times, the last one counts"),
    ("--ckpt_path CKPT", "a checkpoint to continue, score or draw with; last, best: the newest of this run"),
    ("--run_name TEXT", "folder in runs/; the first config's name"),
    ("--seed_everything 0", "seed of the run"),
    ("--wandb auto", "Weights & Biases: auto, online, offline, off"),
    ("--wandb_checkpoints false", "keep the checkpoints at Weights & Biases too, as an artifact"),
    ("--tensorboard false", "write events beside metrics.csv, for tensorboard --logdir runs"),
    ("--print_config", "print all options with their values, as YAML"),
)
UNTRAINED = ("--untrained false", "do it with a model that has learnt nothing")
COLUMN = 46


def show(command: str, args: list[str]) -> None:
    """Prints the help of fit, validate, test or predict with these arguments, in which configs are files already."""
    contents = [content_of(args[i + 1]) for i, arg in enumerate(args[:-1]) if arg in CONFIG]
    print(f"usage: lit-gans {command} --config NAME|FILE [--config OVERLAY] [--OPTION VALUE ...]\n")
    for key in ("model", "data"):
        if (made_by := class_of(key, contents, args)) is not None:
            section(f"{key}: {made_by.__name__}", key, made_by, values_of(key, contents))
    for key, made_by in PARTS.items():
        section(f"{key}:", key, made_by, values_of(key, contents))
    print("run:")
    for name, text in (*OF_THE_RUN, *([UNTRAINED] if command != "fit" else [])):
        line(name, text)
    print()
    section("trainer (Lightning's):", "trainer", Trainer, values_of("trainer", contents))


def content_of(config: str) -> dict[str, Any]:
    return json.loads(config) if config.startswith("{") else read_config(Path(config))


def class_of(key: str, contents: list[dict[str, Any]], args: list[str]) -> type | None:
    """The class of the model or of the data; the last one that is named."""
    named = option(args, f"--{key}")
    for content in reversed(contents):
        part = content.get(key)
        named = named or (part.get("class_path") if isinstance(part, dict) else part)
    if not isinstance(named, str):
        return None
    module, _, name = (f"{MODELS[named]}.{named}" if named in MODELS else named).rpartition(".")
    return getattr(import_module(module), name, None) if module else None


def values_of(key: str, contents: list[dict[str, Any]]) -> dict[str, Any]:
    """What the configs set, the last one first."""
    values: dict[str, Any] = {}
    for content in contents:
        part = content.get(key)
        if isinstance(part, dict):
            values |= part.get("init_args") or {} if "class_path" in part else part.get("init_args", part)
    return values


def section(title: str, key: str, made_by: type, values: Mapping[str, Any]) -> None:
    print(title)
    for name, default, text in options(key, made_by):
        value = values.get(name.removeprefix(f"{key}."), default)
        line(f"--{name} {plain(value)}", text)
    print()


def options(key: str, made_by: type) -> Iterator[tuple[str, Any, str]]:
    """Name, default and one line of each option that the class has."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(made_by, key, fail_untyped=False, skip=set())
    for action in parser._actions:
        name = action.dest
        if action.default == SUPPRESS or name in LINKED | NOT_FOR_A_TERMINAL or name.endswith(".help"):
            continue
        text = action.help or of_several(made_by, name.removeprefix(f"{key}."))
        yield name, action.default, first_sentence(text)


def of_several(made_by: type, name: str) -> str:
    """What a docstring says of several arguments in one line, as in "lr_generator, lr_discriminator: rates"."""
    for base in made_by.__mro__:
        if found := re.search(rf"^ +(?:\w+, )*{name}(?:, \w+)*: (.*)$", base.__doc__ or "", re.MULTILINE):
            return found.group(1)
    return ""


def plain(value: Any) -> str:
    """A value as it is given on the command line."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, separators=(",", ":"), default=str)
    return str(value)


def line(name: str, text: str) -> None:
    """One line, or two where the name is long; cut at the width of the terminal."""
    width = max(shutil.get_terminal_size((120, 24)).columns, COLUMN + 20)
    start = f"  {name}".ljust(COLUMN)
    if len(start) > COLUMN and text:
        print(start)
        start = " " * COLUMN
    rest = width - COLUMN
    print((start + (text if len(text) <= rest else text[: rest - 4].rstrip() + " ...")).rstrip())
