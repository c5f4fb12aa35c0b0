"""Options of earlier versions, on the command line and in configs, under today's names; see lit_gans/old_names.py."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lit_gans.models.registry import MODELS
from lit_gans.old_names import OLD_MODELS, OLD_OPTIONS, model_of_today, of_the_model, options_of_today, value_of_today

OLD_OPTION = re.compile(rf"--model\.(?:init_args\.)?({'|'.join(OLD_OPTIONS)})(?:=(.*))?", re.DOTALL)
OLD_MODEL = re.compile(rf"(?:[\w.]+\.)?({'|'.join(OLD_MODELS)})")


def with_new_names(args: Sequence[str]) -> list[str]:
    """The arguments with today's names; says so in a line for each old one."""
    told: dict[str, None] = {}
    new = list(_renamed(args, told))
    for line in told:
        print(line)
    return new


def _renamed(args: Sequence[str], told: dict[str, None]) -> Iterator[str]:
    waiting = None  # the old option, or "model", whose value comes next
    for arg in args:
        option, equals, value = arg.partition("=")
        if match := OLD_OPTION.fullmatch(arg):
            old, waiting = match[1], match[1] if match[2] is None else None
            told[f"--model.{old} is called --{OLD_OPTIONS[old]} now"] = None
            yield f"--{OLD_OPTIONS[old]}" + ("" if match[2] is None else f"={_text(old, match[2])}")
        elif option == "--model" and (equals or arg == option):
            waiting = None if equals else "model"
            yield from _model(value, told) if equals else ()
        else:
            yield from _model(arg, told) if waiting == "model" else [_text(waiting, arg) if waiting else arg]
            waiting = None
    if waiting == "model":
        yield "--model"  # without a value: the parser tells


def _text(old: str, value: str) -> str:
    new = value_of_today(old, value)
    return json.dumps(new) if isinstance(new, bool) else str(new)


def _model(name: str, told: dict[str, None]) -> list[str]:
    """`--model NAME`; of a model of earlier versions, today's and its settings."""
    if not (match := OLD_MODEL.fullmatch(name)):
        return ["--model", name]
    today, settings = OLD_MODELS[match[1]]
    told[f"--model {match[1]} is {today} with other settings now"] = None
    return ["--model", today, *(f"--model.{key}={json.dumps(value)}" for key, value in settings.items())]


def config_with_new_names(file: Path, content: Mapping[str, Any]) -> dict[str, Any] | None:
    """The content of a config with today's names, which it says in a line; None if it has no old ones."""
    model = content.get("model")
    model = {"class_path": model} if isinstance(model, str) else model
    if not isinstance(model, dict):
        return None
    nested = "class_path" in model or "init_args" in model
    options = (model.get("init_args") or {}) if nested else model
    match = OLD_MODEL.fullmatch(str(model.get("class_path", "")))
    if not isinstance(options, dict) or not (match or options.keys() & OLD_OPTIONS.keys()):
        return None
    today = options_of_today(match[1] if match else None, options)
    own, score = of_the_model(today), of_the_model(today, "score")
    names = [f"model.{name} is {OLD_OPTIONS[name]}" for name in options if name in OLD_OPTIONS]
    if match:
        new = model_of_today(match[1])
        model = {**model, "class_path": f"{MODELS[new]}.{new}"}
        names = [f"{match[1]} is {new} with other settings", *names]
    print(f"{file}: written by an earlier version; now {', '.join(names)}")
    renamed = {**content, "model": {**model, "init_args": own} if nested else own}
    return renamed | ({"score": {**score, **(content.get("score") or {})}} if score else {})
