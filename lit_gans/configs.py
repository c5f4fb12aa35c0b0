"""Finding the configs that come with the package."""

import re
from difflib import get_close_matches
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lit_gans.errors import InputError

if TYPE_CHECKING:
    import yaml

# In a wheel the configs lie inside the package, in a checkout beside it.
HOMES = (Path(__file__).parent / "configs", Path(__file__).parent.parent / "configs")


def config_names() -> list[str]:
    """What can be given as --config without a path: `cdcgan_iclevr`, `trainer/ddp`, ...; not what wandb sweeps."""
    names = {
        file.relative_to(home).with_suffix("").as_posix()
        for home in HOMES
        if home.is_dir()
        for file in home.rglob("*.yaml")
        if file.parent.name != "sweeps"
    }
    return sorted(names)


def listing(part: str = "") -> str:
    """The configs of the package whose names have this in them, each in a line with its first sentence."""
    names = [name for name in config_names() if part in name]
    # the systems first, then the folders
    names.sort(key=lambda name: ("/" in name, name))
    width = max(map(len, names), default=0) + 2
    return "".join(f"  {name:<{width}}{description(find_config(name))}\n" for name in names)


def description(file: Path) -> str:
    """The first sentence of the comment at the head of a config."""
    head = takewhile(lambda line: line.startswith("# "), file.read_text(encoding="utf-8").splitlines())
    text = " ".join(line.removeprefix("# ") for line in head if not line.startswith("#  "))
    return first_sentence(text)


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends one, in one line."""
    first = re.split(r"(?<!et al)\.\s", " ".join(text.split()))[0]
    return first if first.endswith("...") else first.removesuffix(".")


def find_config(name: str) -> Path:
    """The file of this path, or of this bare name among the configs of the package.

    Raises:
        InputError: neither exists; the message names the nearest ones.
    """
    if Path(name).is_file():
        return Path(name)
    bare = name.removesuffix(".yaml").removeprefix("configs/")
    for home in HOMES:
        if (file := home / f"{bare}.yaml").is_file():
            return file
    known = config_names()
    near = get_close_matches(bare, known, n=3) or known
    raise InputError(f"--config {name}: no such file, and no config of that name; there are: {', '.join(near)}")


# Byte order marks -> encodings; editors on Windows write them.
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def read_config(file: Path) -> dict[str, Any]:
    """The content of a YAML file, in UTF-8 or with a byte order mark.

    Raises:
        InputError: not readable, no text, no YAML, no mapping, or a key given twice; names the file and the line.
    """
    import yaml

    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InputError(f"--config {file}: cannot be read: {error.strerror or error}") from None
    encoding = next((name for mark, name in MARKS.items() if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"--config {file}: not a text in {encoding}: {error}; save it as UTF-8") from None
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        check_keys(tree, file)
        content = yaml.safe_load(text)
    except InputError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" line {mark.line + 1}:" if mark else ""
        raise InputError(f"--config {file}:{line} not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"--config {file}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(
            f"--config {file}: expected keys such as model, data and trainer, not a {type(content).__name__}"
        )
    return content


def is_plain(file: Path) -> bool:
    """Whether a text file has no byte order mark, so that anything reads it."""
    with file.open("rb") as opened:
        return not opened.read(3).startswith(tuple(MARKS))


def check_keys(tree: "yaml.Node | None", file: Path) -> None:
    """Raises InputError: a mapping has one key twice: the first value would be lost without a word."""
    import yaml

    rest, seen = [tree], set()
    while rest:
        node = rest.pop()
        if node is None or id(node) in seen:  # an alias is the same node again
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            rest += node.value
        if isinstance(node, yaml.MappingNode):
            first: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                if key.value in first and key.tag != "tag:yaml.org,2002:merge":
                    raise InputError(
                        f"--config {file}: line {line}: {key.value} is given twice, first in line {first[key.value]}; "
                        "leave one of them out"
                    )
                if isinstance(key.value, str):
                    first[key.value] = line
                rest.append(value)
