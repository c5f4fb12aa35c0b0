"""Arguments of fit, validate, test and predict: configs by name, and the parser's errors as one line."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from data_modules.registry import DATA_MODULES
from lit_gans.commands.old_options import config_with_new_names, with_new_names
from lit_gans.commands.signatures import options_of
from lit_gans.configs import find_config, is_plain, read_config
from lit_gans.errors import InputError, did_you_mean
from lit_gans.models.registry import MODELS

CONFIG = ("--config", "-c")
# Classes that are given by their names.
CLASSES = {"model": MODELS, "data": DATA_MODULES}
# What the data tell model and scores (commands/lightning.py). The parser takes such options, and forgets them.
TOLD_BY_DATA = (
    *("model.num_classes", "model.class_names", "model.image_size", "model.channels"),
    *("score.class_names", "score.class_groups", "score.class_properties"),
)
# The parser's words for types -> a user's.
TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text", "NoneType": "null"}


def with_configs(args: list[str]) -> list[str]:
    """The arguments with config names replaced by files, the run's own config where none is given, and a run name.

    Raises:
        InputError: a config that is not there, or not readable; a value that the data tell.
    """
    args = [part for arg in args for part in (arg.split("=", 1) if arg.startswith("--config=") else [arg])]
    args = with_new_names(args)
    # the content of one, as below, stays: the other ranks of a distributed run are started with these arguments
    places = [i + 1 for i, arg in enumerate(args[:-1]) if arg in CONFIG and not args[i + 1].startswith("{")]
    for i in places:
        args[i] = str(find_config(args[i]))
    if not any(arg in CONFIG for arg in args) and (checkpoint := option(args, "--ckpt_path")):
        from lit_gans.commands.run_checkpoint import config_of  # and torch, which a help text does without

        args = ["--config", str(config_of(Path(checkpoint))), *args]
        places = [1]
    files = [Path(args[i]) for i in places]
    contents = [read_config(file) for file in files]
    refuse_told_by_data(args, files, contents)
    if not places:
        return args
    tell_models(files, contents)
    for i, file, content in zip(places, files, contents, strict=True):
        renamed = config_with_new_names(file, content)
        if renamed is not None or not is_plain(file):
            args[i] = json.dumps(renamed or content)  # which the parser takes in the place of a file
    # in front, so that --run_name and the name in an earlier run's config win
    return ["--run_name", files[0].stem, *args]


def refuse_told_by_data(args: Sequence[str], files: Sequence[Path], contents: Sequence[dict[str, Any]]) -> None:
    """Raises InputError: an option or a config sets what the data tell."""
    options = {arg.split("=")[0].replace(".init_args.", ".") for arg in args}
    for key in TOLD_BY_DATA:
        places = [f"{file}: {key}" for file, content in zip(files, contents, strict=True) if has_key(content, key)]
        places += [f"--{key}"] if f"--{key}" in options else []
        if places:
            part, _, name = key.partition(".")
            hint = f"; set --data.{name}" if name in ("image_size", "channels") else ""
            raise InputError(f"{places[-1]}: the {part} takes it from the data{hint}")


def tell_models(files: Sequence[Path], contents: Sequence[dict[str, Any]]) -> None:
    """Prints which config decides the model, where several configs name different ones."""
    models = [content.get("model") for content in contents]
    classes = [model.get("class_path") if isinstance(model, dict) else model for model in models]
    given = [(file, name) for file, name in zip(files, classes, strict=True) if isinstance(name, str)]
    if len({name for _, name in given}) > 1:
        told = ", ".join(f"{file} has {name.rsplit('.', 1)[-1]}" for file, name in given)
        print(f"lit-gans: several configs with a model, the last one counts: {told}", file=sys.stderr)


def option(args: list[str], name: str) -> str | None:
    """The value of `--name value` or `--name=value`, the last one given."""
    found = [args[i + 1] for i, arg in enumerate(args[:-1]) if arg == name]
    found += [arg.split("=", 1)[1] for arg in args if arg.startswith(f"{name}=")]
    return found[-1] if found else None


def readable(text: str, known: Iterable[str], args: list[str]) -> str:
    """An error of the parser in one line, with the option at fault, where it was given, and the nearest valid name.

    Args:
        text: the parser's message, of many lines.
        known: the options of the command, such as "--trainer.max_steps".
        args: the arguments as they were given.
    """
    known = list(known)
    if required := re.search(r"arguments are required: (.*)", text):
        names = " and ".join(name.rsplit(".", 1)[-1] for name in required.group(1).split(", "))
        return f"no {names} is given: give --config NAME (lit-gans configs lists them) or --config FILE"
    if unknown := re.search(r"unrecognized arguments: (.*)", text):
        return unknown_option(unknown.group(1).split()[0].split("=")[0], known)
    if other := re.search(r"does not accept option '(.*?)'", text):
        return f"{place(other.group(1), args)}: no such option{nearest('--' + other.group(1), known)}"
    if re.search(r"expected one argument", text):
        bare = [a for a, b in zip(args, [*args[1:], "--"], strict=True) if a.startswith("--") and b.startswith("--")]
        return f"{bare[-1] if bare else 'the last option'} needs a value"
    return of_a_key(text, known, args)


def of_a_key(text: str, known: list[str], args: list[str]) -> str:
    """The same for a message about the value or the parts of a key."""
    keys = re.findall(r'Parser key "(.*?)"', text)
    if not keys:
        return " ".join(text.split())[:500]
    key = ".".join(keys)
    part = section(text)
    if given := re.search(r"Expected a dot import path string: (\S+)", text):
        names = CLASSES.get(key, {})
        hint = f"{did_you_mean(given.group(1), names)} ".lstrip()
        there = f"; {hint}There are {', '.join(names)}" if names else ""
        return f"--{key} {given.group(1)}: no such class{there}"
    if new := re.search(r"Option '(.*?)' is not accepted", part) or re.search(r"Unexpected keys: \{'(.*?)'", part):
        name = f"{key}.{new.group(1)}"
        known += options_of_class(text, keys[0])
        return f"{place(name, args)}: no such option{nearest('--' + name, known)}"
    value = re.findall(r"Got value: (.*)", part) or re.findall(r"val='?(.*?)'?\)", part)
    value = value or re.findall(r"Given value: (.*)", part)
    kinds = re.findall(r"Expected a <class '(?:\w+\.)*(\w+)'>", part)
    words = [TYPES.get(kind, kind) for kind in kinds]
    words += [f"one of {choices}" for choices in re.findall(r"Literal\[(.*?)\]", part)]
    expected = f"expected {' or '.join(dict.fromkeys(words))}" if words else " ".join(part.split())[:300]
    return f"{place(key, args)} is {value[-1].strip() if value else 'not possible'}; {expected}"


def section(text: str) -> str:
    """Part of a parser's message about the innermost key: the lines with more indentation."""
    lines = text.splitlines()
    start = max(i for i, line in enumerate(lines) if 'Parser key "' in line)
    depths = [len(line) - len(line.lstrip(" ")) if line else len(text) for line in lines]
    deeper = takewhile(lambda i: depths[i] > depths[start], range(start + 1, len(lines)))
    # a key of the first level has all of the message
    return "\n".join(lines[i] for i in (start, *deeper)) if depths[start] else text


def unknown_option(name: str, known: list[str]) -> str:
    if not name.startswith("-"):
        return f"{name!r} belongs to no option; options are given as --name value"
    return f"{name}: no such option{nearest(name, known)}"


def nearest(name: str, known: list[str]) -> str:
    hint = did_you_mean(name, known, cutoff=0.5)
    return f"; {hint}" if hint else ""


def options_of_class(text: str, key: str) -> list[str]:
    """The options of the class that a message is about, such as "--model.width"."""
    path = re.search(r"class_path '([\w.]+)'", text)
    if path is None:
        return []
    return [f"--{key}.{name}" for name, _, _ in options_of(path.group(1))]


def place(key: str, args: list[str]) -> str:
    """Source of a key: the command line, or the last config that sets it."""
    if any(arg == f"--{key}" or arg.startswith((f"--{key}=", f"--{key}.")) for arg in args):
        return f"--{key}"
    files = [Path(args[i + 1]) for i, arg in enumerate(args[:-1]) if arg in CONFIG]
    for file in reversed(files):
        if file.is_file() and has_key(read_config(file), key):
            return f"{file}: {key}"
    return f"--{key}"


def has_key(content: Any, key: str) -> bool:
    for part in key.split("."):
        if not isinstance(content, dict):
            return False
        inner = content.get("init_args")
        if part in content:
            content = content[part]
        elif isinstance(inner, dict) and part in inner:
            content = inner[part]
        else:
            return False
    return True
