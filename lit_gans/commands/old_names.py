"""What earlier versions called the options of the scores: `--model.evaluator` is `--score.evaluator` now."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lit_gans.configs import SCORE_OPTIONS

OLD_OPTION = re.compile(rf"--model\.(?:init_args\.)?({'|'.join(SCORE_OPTIONS)})(?:=(.*))?", re.DOTALL)


def with_new_names(args: Sequence[str]) -> list[str]:
    """The arguments with today's names; says so in a line for each old one."""
    new = list(_renamed(args))
    for old in dict.fromkeys(match[1] for arg in args if (match := OLD_OPTION.fullmatch(arg))):
        print(f"--model.{old} is called --score.{SCORE_OPTIONS[old]} now")
    return new


def _renamed(args: Sequence[str]) -> Iterator[str]:
    waiting = None  # the old option whose value comes next
    for arg in args:
        if match := OLD_OPTION.fullmatch(arg):
            old, value = match[1], match[2]
            waiting = old if value is None else None
            option = f"--score.{SCORE_OPTIONS[old]}"
            yield option if value is None else f"{option}={_text(old, value)}"
        else:
            yield arg if waiting is None else _text(waiting, arg)
            waiting = None


def _text(old: str, value: str) -> str:
    """`weights` was "ema" or "raw"; the other options mean what they meant."""
    return {"ema": "true", "raw": "false"}.get(value, value) if old == "weights" else value


def config_with_new_names(file: Path, content: Mapping[str, Any]) -> dict[str, Any] | None:
    """The content of a config with today's names, which it says in a line; None if it has no old ones."""
    model = content.get("model")
    if not isinstance(model, dict):
        return None
    options = model.get("init_args", model)
    if not isinstance(options, dict) or not (old := [name for name in SCORE_OPTIONS if name in options]):
        return None
    moved = {SCORE_OPTIONS[name]: options[name] == "ema" if name == "weights" else options[name] for name in old}
    kept = {name: value for name, value in options.items() if name not in old}
    names = ", ".join(f"model.{name} is score.{SCORE_OPTIONS[name]}" for name in old)
    print(f"{file}: written by an earlier version; now {names}")
    return {
        **content,
        "model": {**model, "init_args": kept} if options is not model else kept,
        "score": {**moved, **(content.get("score") or {})},
    }
