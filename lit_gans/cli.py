"""`lit-gans`: the command line. This file stays light: torch is loaded by the command that needs it."""

import gc
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

import lit_gans
from data_modules.errors import DataError
from lit_gans.errors import InputError

# LightningCLI's subcommands, and ours by the module that has `add_arguments(parser)` and `run(args) -> exit code`.
LIGHTNING = {
    "fit": "train a model from a config",
    "validate": "score a checkpoint on held-out training data",
    "test": "score a checkpoint: table, scores.json, grids",
    "predict": "write pictures to a folder, one for each row of the condition lists",
}
COMMANDS = {
    "sample": "draw pictures from a checkpoint, for conditions given by name or from noise alone",
    "translate": "put the pictures of a folder through a generator of a CycleGAN",
    "interpolate": "draw the pictures between pairs of pictures, through the latents of a flow",
    "edit": "give a picture more or less of an attribute, through the latents of a flow",
    "export": "write a classifier for scoring scripts, or a generator without what only training needs",
    "data": "render a data set, or check one",
}

HELP = f"""usage: lit-gans COMMAND ...

Train, score and use image generators (lit_gans {lit_gans.__version__}).

{chr(10).join(f"  {name:<12}{text}" for name, text in {**LIGHTNING, **COMMANDS}.items())}

  lit-gans fit --config cdcgan_iclevr --data.root DIR
  lit-gans test --ckpt_path runs/cdcgan_iclevr/version_0/checkpoints/last.ckpt --model.evaluator FILE
  lit-gans sample CKPT --condition "red cube, blue sphere" --out grid.png

`lit-gans COMMAND --help` tells the rest. Set LIT_GANS_TRACEBACK=1 to see where an error comes from.
"""


def main(args: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; errors that the user can mend are printed as one message."""
    args = list(sys.argv[1:] if args is None else args)
    if not args or args[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if args[0] in ("-V", "--version"):
        print(f"lit_gans {lit_gans.__version__}")
        return 0
    try:
        return _dispatch(args[0], args[1:])
    except ValueError as error:
        mendable = _mendable(error)
        if mendable is None or os.environ.get("LIT_GANS_TRACEBACK"):
            raise
        print(f"lit-gans {args[0]}: error: {mendable}", file=sys.stderr)
        return 2


def _mendable(error: BaseException | None) -> BaseException | None:
    """The error itself or the one behind it that the user can mend; jsonargparse wraps what a constructor raises."""
    while error is not None and not isinstance(error, InputError | DataError):
        error = error.__cause__ or error.__context__
    return error


def _dispatch(command: str, args: list[str]) -> int:
    if command in LIGHTNING:
        with uncollected():
            from lit_gans.commands.lightning import run

        return run(command, args)
    if command in COMMANDS:
        with uncollected():
            module = import_module(f"lit_gans.commands.{command}")
        parser = ArgumentParser(f"lit-gans {command}", description=COMMANDS[command])
        module.add_arguments(parser)
        return int(module.run(parser.parse_args(args)))
    known = ", ".join({**LIGHTNING, **COMMANDS})
    raise InputError(f"no such command; expected one of {known}")


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
