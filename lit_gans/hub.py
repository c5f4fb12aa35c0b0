"""Models on the Hugging Face Hub, where `hf://owner/name` stands for a checkpoint. Loads no torch."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from lit_gans import zoo
from lit_gans.errors import InputError

WEIGHTS, CONFIG = "model.safetensors", "config.yaml"
# A Path keeps one of the two slashes.
ADDRESS = re.compile(r"hf:/{1,2}(?P<name>[^@]*)(?:@(?P<revision>.+))?")
NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def is_address(given: str | Path) -> bool:
    """Whether this names a model on the Hub."""
    return Path(given).as_posix().startswith("hf:/")


def found(given: str | Path) -> Path:
    """The file of this path, of this address on the Hub, or of this name in the zoo."""
    return downloaded(given) if is_address(given) else zoo.found(given)


def downloaded(given: str | Path) -> Path:
    """The weights of `hf://owner/name`, or `hf://owner/name@revision`, with the config beside them: in the Hub's own
    cache, and from there without a network.

    Raises:
        InputError: no such address, no such model, no network, or the package is missing.
    """
    text = Path(given).as_posix()
    parts = ADDRESS.fullmatch(text)
    name = parts["name"] if parts else ""
    if parts is None or not NAME.fullmatch(name):
        raise InputError(f"{text.replace(':/', '://')}: expected hf://owner/name, or hf://owner/name@revision")
    address = f"hf://{name}"
    with told(address):
        folder = library().snapshot_download(name, revision=parts["revision"], allow_patterns=[WEIGHTS, CONFIG])
    if not (file := Path(folder) / WEIGHTS).is_file():
        raise InputError(f"{address}: has no {WEIGHTS}; expected a model that `lit-gans push` has written")
    return file


def checked_name(name: str) -> str:
    """Raises InputError: no owner/name."""
    if not NAME.fullmatch(name):
        raise InputError(f"{name}: expected owner/name, such as your user name there and the model's")
    return name


def push(name: str, files: Mapping[str, bytes], private: bool, message: str) -> str:
    """Puts files into a model repository in one commit: all of them or none. Makes the repository if there is none.

    Returns:
        The commit's address.

    Raises:
        InputError: no network, no rights, or what else the Hub refuses.
    """
    hub = library()
    operations = [hub.CommitOperationAdd(path, content) for path, content in files.items()]
    api = hub.HfApi()
    with told(f"hf://{name}", "nothing was committed", f"whether it was committed, {api.endpoint}/{name} shows"):
        api.create_repo(name, private=private, exist_ok=True)
        return str(api.create_commit(name, operations, commit_message=message).commit_url)


def library() -> Any:
    """Raises InputError: huggingface-hub is not installed."""
    try:
        import huggingface_hub
    except ImportError:
        raise InputError("hf://: huggingface-hub is not installed; pip install 'lit_gans[hub]' brings it") from None
    if not sys.stderr.isatty():
        import_module("huggingface_hub.utils").disable_progress_bars()
    return huggingface_hub


# Class names of the library's errors -> what to do.
REMEDIES = {
    "GatedRepoError": "ask for access on its page, then run `hf auth login`",
    "RevisionNotFoundError": "no such revision",
    "RepositoryNotFoundError": "no such model, or none that you may see: look at the name, or run `hf auth login`",
    "LocalEntryNotFoundError": "the Hub cannot be reached, and the model is not in the cache; look at the network",
    "LocalTokenNotFoundError": "run `hf auth login`, or set HF_TOKEN",
    "OfflineModeIsEnabled": "HF_HUB_OFFLINE is set",
    "TransportError": "the Hub cannot be reached; look at the network, or at HF_ENDPOINT",
}
REFUSED = (401, 403)
# Nothing could be asked; after other errors of the transport, what was asked may have been done and not answered.
NOT_ASKED = {"ConnectError", "ConnectTimeout"}


@contextmanager
def told(address: str, end: str = "", unanswered: str = "") -> Iterator[None]:
    """
    Args:
        end: of the message.
        unanswered: the message's end where no answer came to what was asked.

    Raises:
        InputError: for every error of the library's inside.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # its errors, and those of the client below it, have no class in common
        kinds = [kind.__name__ for kind in type(error).__mro__]
        reason = next((REMEDIES[kind] for kind in kinds if kind in REMEDIES), "")
        status = getattr(getattr(error, "response", None), "status_code", None)
        if not reason and status in REFUSED:
            reason = "refused; run `hf auth login` with a token that may write there, or set HF_TOKEN"
        if "TransportError" in kinds and not NOT_ASKED & set(kinds):
            end = unanswered
        text = reason or " ".join(str(error).split())[:300] or kinds[0]
        raise InputError(f"{address}: {text}" + (f"; {end}" if end else "")) from error
