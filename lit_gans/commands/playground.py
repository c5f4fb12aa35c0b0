"""`lit-gans playground [CKPT ...]`: a page in the browser where trained models draw."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from importlib.util import find_spec

from lit_gans.commands.device import add_device_argument, device_of


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "checkpoints", nargs="*", metavar="CKPT", help="files or names in the zoo; without any, the whole zoo"
    )
    parser.add_argument(
        "--evaluator",
        action="append",
        default=[],
        metavar="FILE",
        help="judges the pictures of models with as many classes; may be given several times (default: the zoo's, for "
        "models that were trained on the same data)",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to serve on (default 127.0.0.1: this machine alone)"
    )
    parser.add_argument("--port", type=_port, help="(default: the first free one from 7860 on)")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    add_device_argument(parser)


def run(args: Namespace) -> int:
    from lit_gans.errors import InputError

    if find_spec("gradio") is None:
        raise InputError("needs Gradio, which is not installed; install it: pip install 'lit_gans[playground]'")
    from lit_gans.playground.serve import serve
    from lit_gans.playground.shelf import shelf_of

    serve(shelf_of(args.checkpoints, args.evaluator, device_of(args.device)), args.host, args.port, args.open)
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ArgumentTypeError(f"{text!r} is no port; expected 1 to 65535")
    return int(text)
