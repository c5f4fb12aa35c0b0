"""`lit-gans fit --config X --help`: options of the model, data and scores of X, with their values in X."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data_modules.registry import DATA_MODULES
from lit_gans.commands.arguments import CONFIG, TOLD_BY_DATA, option, with_configs
from lit_gans.commands.signatures import options_of
from lit_gans.configs import first_sentence, read_config
from lit_gans.errors import InputError
from lit_gans.models.registry import MODELS

NOT_FOR_A_TERMINAL = {"trainer.callbacks", "trainer.plugins", "trainer.logger", "trainer.profiler"}
PARTS = {
    "score": "lit_gans.scoring.score.Score",
    "samples": "lit_gans.callbacks.samples.SampleGrid",
    "checkpoint": "lit_gans.callbacks.checkpoints.LastCheckpoint",
    "stop": "lit_gans.callbacks.checkpoints.BestCheckpoint",
    "compile": "lit_gans.callbacks.compile.Compile",
}
TRAINER = "lit_gans.commands.trainer.Trainer"
OF_THE_RUN = (
    ("--config NAME|FILE", "a config of the package or a file; may be given several times, the last one counts"),
    ("--model NAME", "another model than the config's, such as ConditionalGAN"),
    ("--data NAME", "other data than the config's: ImageFolder for your own pictures, CelebA, ..."),
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


def show(command: str, args: list[str]) -> int:
    """Prints the help of fit, validate, test or predict with these arguments."""
    args = with_configs(args)
    contents = [content_of(args[i + 1]) for i, arg in enumerate(args[:-1]) if arg in CONFIG]
    print(f"usage: lit-gans {command} --config NAME|FILE [--config OVERLAY] [--OPTION VALUE ...]\n")
    for key in ("model", "data"):
        if (path := class_of(key, contents, args)) is not None:
            section(f"{key}: {path.rpartition('.')[2]}", key, path, values_of(key, contents))
    for key, path in PARTS.items():
        section(f"{key}:", key, path, values_of(key, contents))
    print("run:")
    for name, text in (*OF_THE_RUN, *([UNTRAINED] if command != "fit" else [])):
        line(name, text)
    print()
    section("trainer (Lightning's):", "trainer", TRAINER, values_of("trainer", contents))
    return 0


def content_of(config: str) -> dict[str, Any]:
    return json.loads(config) if config.startswith("{") else read_config(Path(config))


def class_of(key: str, contents: list[dict[str, Any]], args: list[str]) -> str | None:
    """The class of the model or of the data, with its module; the last one that is named."""
    named = option(args, f"--{key}")
    for content in reversed(contents):
        part = content.get(key)
        named = named or (part.get("class_path") if isinstance(part, dict) else part)
    if not isinstance(named, str):
        return None
    modules = MODELS | DATA_MODULES
    path = f"{modules[named]}.{named}" if named in modules else named
    return path if "." in path else None


def values_of(key: str, contents: list[dict[str, Any]]) -> dict[str, Any]:
    """Settings of the configs; the last config first."""
    values: dict[str, Any] = {}
    for content in contents:
        part = content.get(key)
        if isinstance(part, dict):
            values |= part.get("init_args") or {} if "class_path" in part else part.get("init_args", part)
    return values


def section(title: str, key: str, path: str, values: Mapping[str, Any]) -> None:
    print(title)
    for name, default, text in options(key, path):
        given = values.get(name.removeprefix(f"{key}."), default)
        line(f"--{name} {plain(given)}", text)
    print()


def options(key: str, path: str) -> Iterator[tuple[str, Any, str]]:
    """Name, default and one line of each option that "module.Class" has.

    Raises:
        InputError: no such class.
    """
    try:
        found = list(options_of(path))
    except LookupError as error:
        raise InputError(f"--{key} {path}: {error.args[0]}") from None
    for name, default, text in found:
        if f"{key}.{name}" not in {*TOLD_BY_DATA, *NOT_FOR_A_TERMINAL}:
            yield f"{key}.{name}", default, first_sentence(text)


def plain(value: Any) -> str:
    """A value in the notation of the command line."""
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
