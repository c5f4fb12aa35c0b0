"""`lit-gans`: the command line. This file stays light: torch is loaded by the command that needs it."""

import gc
import io
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import NoReturn

import lit_gans
from lit_gans.boundary import USER_ERROR, exit_code, stopped_by_sigterm
from lit_gans.commands import COMMANDS, LIGHTNING
from lit_gans.configs import listing
from lit_gans.errors import InputError, did_you_mean

HELP = f"""usage: lit-gans COMMAND ...

Train, score and use image generators (lit_gans {lit_gans.__version__}).

{chr(10).join(f"  {name:<12}{text}" for name, text in {**LIGHTNING, **COMMANDS}.items())}

  lit-gans fit --config cdcgan_iclevr --data.root DIR
  lit-gans test --ckpt_path runs/cdcgan_iclevr/version_0/checkpoints/last.ckpt --score.evaluator FILE
  lit-gans sample conditional_gan_iclevr --condition "red cube, blue sphere" --out grid.png

`lit-gans COMMAND --help` tells the rest. Set LIT_GANS_TRACEBACK=1 to see where an error comes from.
"""


def main(args: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; errors that the user can correct are printed as one line."""
    args = list(sys.argv[1:] if args is None else args)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that the terminal does not know is no error
            stream.reconfigure(errors="backslashreplace")
    if not args or args[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if args[0] in ("-V", "--version"):
        print(f"lit_gans {lit_gans.__version__}")
        return 0
    return exit_code(args[0], lambda: _dispatch(args[0], args[1:]))


# One of these says which model and data are meant.
SAY_WHAT = ("--config", "-c", "--ckpt_path", "--model", "--data", "--print_config")


def explained(command: str, asked: bool) -> int:
    """Says how to get to a command's options, or, where it was not asked for help, what is missing."""
    if not asked:
        print(f"lit-gans {command}: error: no config is given: give --config NAME, or FILE\n", file=sys.stderr)
    needs = " --ckpt_path CKPT" if command != "fit" else ""
    text = f"""usage: lit-gans {command} --config NAME|FILE{needs} [--OPTION VALUE ...]

{LIGHTNING[command].capitalize()}. The options depend on the model and the data of the config:

  lit-gans {command} --config NAME --help

Configs, also found by bare name:

{listing()}"""
    print(text, end="", file=sys.stdout if asked else sys.stderr)
    return 0 if asked else USER_ERROR


def _dispatch(command: str, args: list[str]) -> int:
    for arg in args:
        if any("\ud800" <= letter <= "\udfff" for letter in arg):  # bytes that the locale could not decode
            raise InputError(f"{arg!a} holds letters that the locale does not know; set PYTHONUTF8=1")
    if command in LIGHTNING and not any(arg.split("=")[0] in SAY_WHAT for arg in args):
        return explained(command, bool({"-h", "--help"} & set(args)))
    if command in LIGHTNING and {"-h", "--help"} & set(args):
        from lit_gans.commands.help import show

        return show(command, args)
    if command in LIGHTNING:
        from lit_gans.commands.arguments import with_configs

        args = with_configs(args)  # a wrong name is told before torch is loaded
        with uncollected():
            from lit_gans.commands.lightning import run

        return run(command, args)
    if command in COMMANDS:
        with uncollected():
            module = import_module(f"lit_gans.commands.{command}")
        parser = Parser(f"lit-gans {command}", description=COMMANDS[command])
        module.add_arguments(parser)
        with stopped_by_sigterm():
            return int(module.run(parser.parse_args(args)))
    known = [*LIGHTNING, *COMMANDS]
    hint = f"{did_you_mean(command, known)} ".lstrip()
    raise InputError(f"no such command; {hint}expected one of {', '.join(known)}")


class Parser(ArgumentParser):
    """An argument parser whose errors are messages of one line, with the nearest option, instead of its usage."""

    def error(self, message: str) -> NoReturn:
        word = next((arg for arg in message.split() if arg.startswith("--")), "")
        hint = did_you_mean(word.split("=")[0], self._option_string_actions)
        if message.startswith("unrecognized") and hint:
            message += f"; {hint}"
        raise InputError(f"{message} ({self.prog} --help lists the options)")


@contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection: what imports make stays, and looking through it took an eighth of their seconds."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


if __name__ == "__main__":
    sys.exit(main())
