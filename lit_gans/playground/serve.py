"""The page on an address, until the process is stopped."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from tempfile import TemporaryDirectory

from lit_gans.errors import InputError
from lit_gans.playground.shelf import Shelf

# Nothing is sent to anybody; and matplotlib, which Gradio asks before each click, looks for no screen.
QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "MPLBACKEND": "agg"}


@contextmanager
def environment() -> Iterator[str]:
    """Gradio's environment: all its files, uploads among them, lie in a folder that goes with the block.

    Yields:
        The folder.
    """
    before = dict(os.environ)
    with TemporaryDirectory(prefix="lit_gans_playground_", ignore_cleanup_errors=True) as folder:
        direct = ",".join(filter(None, (os.environ.get("no_proxy"), "localhost,127.0.0.1,::1")))
        places = {name: folder for name in ("GRADIO_TEMP_DIR", "GRADIO_EXAMPLES_CACHE", "MPLCONFIGDIR")}
        os.environ.update(QUIET, no_proxy=direct, **places)
        try:
            yield folder
        finally:
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def served(shelf: Shelf, host: str, port: int | None, browser: bool = False) -> Iterator[str]:
    """The page of these models, inside of an `environment`.

    Args:
        port: None for the first free one from 7860 on.
        browser: whether to open it in the user's browser.

    Yields:
        Its address.

    Raises:
        InputError: the address is taken, or none of this machine.
    """
    import gradio as gr

    from lit_gans.playground.figures import CSS
    from lit_gans.playground.page import page_of
    from lit_gans.playground.uploads import MOST_BYTES

    page = page_of(shelf)
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            max_file_size=MOST_BYTES,
            inbrowser=browser,
            theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
            css=CSS,
            quiet=True,
            prevent_thread_lock=True,
            share=False,
            ssr_mode=False,
            run_history=False,
            mcp_server=False,
            pwa=False,
            footer_links=["settings"],
        )
    except OSError:
        where = f"port {port}" if port is not None else "each port from 7860 to 7959"
        raise InputError(
            f"{host}: {where} is taken, or this is no address of this machine; give --port or --host"
        ) from None
    try:
        yield address
    finally:
        page.close(verbose=False)


def serve(shelf: Shelf, host: str, port: int | None, browser: bool) -> None:
    """Serves until Ctrl-C."""
    with environment(), served(shelf, host, port, browser) as address:
        print(f"playground: {address} with {len(shelf.entries)} model(s); Ctrl-C ends it", flush=True)
        if not is_loopback(host):
            print("Whoever reaches this machine can draw, and upload pictures to it.", file=sys.stderr)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("ended", flush=True)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
