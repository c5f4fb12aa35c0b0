"""Finding the configs that come with the package."""

from difflib import get_close_matches
from pathlib import Path

from lit_gans.errors import InputError

# In a wheel the configs lie inside the package, in a checkout beside it.
HOMES = (Path(__file__).parent / "configs", Path(__file__).parent.parent / "configs")


def config_names() -> list[str]:
    """What can be given as --config without a path: `cdcgan_iclevr`, `trainer/ddp`, ..."""
    names = {
        file.relative_to(home).with_suffix("").as_posix()
        for home in HOMES
        if home.is_dir()
        for file in home.rglob("*.yaml")
    }
    return sorted(names)


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
