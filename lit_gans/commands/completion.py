"""`lit-gans completion SHELL`: a script that completes commands, options and config names in a shell."""

from argparse import SUPPRESS, ArgumentParser, Namespace
from importlib import import_module
from typing import Any

SHELLS = ("bash", "zsh")
# Configs by name, and files; of a shell's own functions.
CONFIGS = {
    "bash": '_lit_gans_config() {{ compgen -W "{names}" -- "$1"; compgen -f -- "$1"; }}',
    "zsh": "_lit_gans_config() {{ _alternative 'configs:config:({names})' 'files:file:_files'; }}",
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="which shell the script is for")


def run(args: Namespace) -> int:
    """Prints the script.

    Raises:
        InputError: shtab is not installed.
    """
    from lit_gans.configs import config_names
    from lit_gans.errors import InputError

    try:
        import shtab
    except ModuleNotFoundError:
        raise InputError("shtab writes the script; pip install 'lit_gans[completion]'") from None
    preamble: Any = {args.shell: CONFIGS[args.shell].format(names=" ".join(config_names()))}
    print(shtab.complete(whole_parser(shtab.FILE), args.shell, root_prefix="lit_gans", preamble=preamble))
    return 0


def whole_parser(file: object) -> ArgumentParser:
    """All commands with all their options, those of every model and data set included; `file` completes file names."""
    from data_modules.registry import DATA_MODULES
    from lit_gans.commands import COMMANDS, LIGHTNING
    from lit_gans.commands.help import OF_THE_RUN, PARTS, TRAINER, UNTRAINED, options
    from lit_gans.models.registry import MODELS

    parser = ArgumentParser("lit-gans", add_help=False)
    commands = parser.add_subparsers()
    for name, text in COMMANDS.items():
        import_module(f"lit_gans.commands.{name}").add_arguments(commands.add_parser(name, help=text))
    classes = [("model", f"{module}.{name}") for name, module in MODELS.items()]
    classes += [("data", f"{module}.{name}") for name, module in DATA_MODULES.items()]
    told = {name.split()[0]: text for name, text in (*OF_THE_RUN, UNTRAINED)}
    for key, path in [*classes, *PARTS.items(), ("trainer", TRAINER)]:
        told |= {f"--{name}": text for name, _, text in options(key, path)}
    for name, text in LIGHTNING.items():
        command = commands.add_parser(name, help=text)
        for option, told_of_it in told.items():
            added = command.add_argument(option, help=told_of_it.replace("%", "%%"), default=SUPPRESS)
            if option == "--config":
                added.complete = dict.fromkeys(SHELLS, "_lit_gans_config")  # type: ignore[attr-defined]
            elif option in ("--ckpt_path", "--data.root", "--score.evaluator"):
                added.complete = file  # type: ignore[attr-defined]
    return parser
