"""What is shipped."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lit_gans.configs import config_names

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_both_packages_and_every_config(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"lit_gans/configs/{name}.yaml" for name in config_names()} <= names
    for package in ("lit_gans", "data_modules"):
        sources = {str(file.relative_to(REPOSITORY)) for file in (REPOSITORY / package).rglob("*.py")}
        assert sources <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "runs/"))]


def test_configs_of_a_wheel_are_found_by_bare_name(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "from lit_gans.configs import find_config; print(find_config('cdcgan_iclevr'), find_config('trainer/ddp'))"
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    home = tmp_path / "lit_gans" / "configs"
    assert result.stdout.split() == [str(home / "cdcgan_iclevr.yaml"), str(home / "trainer" / "ddp.yaml")]


def test_nothing_in_the_package_imports_upwards() -> None:
    """data_modules knows no model, networks know no Lightning, and training, networks and losses know no models."""
    forbidden = {
        "data_modules": ("lit_gans",),
        "lit_gans/networks": ("lightning", "lit_gans.models", "lit_gans.training", "lit_gans.callbacks"),
        "lit_gans/losses": ("lightning", "lit_gans.models", "lit_gans.training", "lit_gans.networks"),
        "lit_gans/training": ("lit_gans.models", "lit_gans.callbacks", "lit_gans.commands", "data_modules"),
        "lit_gans/metrics": ("lit_gans.models", "lit_gans.callbacks", "lit_gans.commands", "data_modules"),
        "lit_gans/models": ("lit_gans.commands", "lit_gans.cli", "lit_gans.callbacks", "data_modules"),
        "lit_gans/callbacks": ("lit_gans.commands", "lit_gans.cli", "data_modules"),
    }
    for room, names in forbidden.items():
        for file in (REPOSITORY / room).rglob("*.py"):
            for line in file.read_text().splitlines():
                words = line.split()
                if words[:1] in (["import"], ["from"]):
                    assert not words[1].startswith(names), f"{file.relative_to(REPOSITORY)}: {line}"
