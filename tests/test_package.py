"""What is shipped."""

import ast
import re
import subprocess
import sys
import zipfile
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

import lit_gans
from lit_gans.configs import config_names
from lit_gans.inference.registry import INFERENCE
from lit_gans.models.base import ImageModel
from lit_gans.models.registry import MODELS, model_class
from lit_gans.zoo import CHECKOUT_ONLY

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_both_packages_every_config_and_the_zoo(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    files = [file for file in (REPOSITORY / "weights").iterdir() if file.suffix != ".png"]
    weights = {file.name for file in files if file.stem not in CHECKOUT_ONLY}
    assert {name.removeprefix("lit_gans/weights/") for name in names if "/weights/" in name} == weights
    assert wheel.stat().st_size < 30e6
    assert {f"lit_gans/configs/{name}.yaml" for name in config_names()} <= names
    for package in ("lit_gans", "data_modules"):
        sources = {str(file.relative_to(REPOSITORY)) for file in (REPOSITORY / package).rglob("*.py")}
        assert sources <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "runs/"))]


def test_configs_and_weights_of_a_wheel_are_found_by_bare_name(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "from lit_gans.configs import find_config; print(find_config('cdcgan_iclevr'), find_config('trainer/ddp'))"
    code += "; from lit_gans.zoo import found, hint; print(found('conditional_gan_iclevr'))"
    code += "; assert 'no part of a wheel' in hint(found('flow_matching_iclevr'))"
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    home = tmp_path / "lit_gans" / "configs"
    zoo = tmp_path / "lit_gans" / "weights" / "conditional_gan_iclevr.safetensors"
    assert result.stdout.split() == [str(home / "cdcgan_iclevr.yaml"), str(home / "trainer" / "ddp.yaml"), str(zoo)]


# A line of the table of rooms: the room, those that its files may import from beside their own, whether Lightning too.
# "root" are the files that lie in lit_gans itself: errors, files, checkpoints and the like, which every room may use.
ROW = re.compile(r"\| `(\w+)` \|([^|]*)\| (yes|no) \|")
ROOMS = ROW.findall((REPOSITORY / "docs" / "house.md").read_text("utf-8"))
ARROWS = {room: set(re.findall(r"`(\w+)`", imports)) for room, imports, _ in ROOMS}
WITH_LIGHTNING = {room for room, _, lightning in ROOMS if lightning == "yes"}
# `import lit_gans` imports this file, so it is the only one that the package itself may know.
REGISTRY = "lit_gans.models.registry"
# What makes a data set a data module.
SHELL = "data_modules.base"
OURS = ("lit_gans", "data_modules")


def room_of(module: str) -> str:
    """The room of a module of the package; "package" for lit_gans itself."""
    parts = module.split(".")
    if parts[0] == "data_modules":
        return "data_modules"
    if len(parts) == 1:
        return "package"
    if parts[1] in ("cli", "__main__"):
        return "cli"
    return parts[1] if parts[1] in ARROWS else "root"


def imports_of(file: Path) -> list[str]:
    """The modules that a file imports, also those of functions and for type checkers."""
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module is not None, f"{file}: a relative import"
            whole = node.module == "lit_gans"  # `from lit_gans import checks` imports lit_gans.checks
            found += [f"lit_gans.{name.name}" for name in node.names] if whole else [node.module]
    return found


SOURCES = [file for package in ("lit_gans", "data_modules") for file in sorted((REPOSITORY / package).rglob("*.py"))]


@pytest.mark.parametrize("room", [*ARROWS, "package"])
def test_imports_follow_the_arrows(room: str) -> None:
    for file in SOURCES:
        name = ".".join(file.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        if room_of(name) != room:
            continue
        for module in imports_of(file):
            if module.split(".")[0] == "lightning":
                assert room in WITH_LIGHTNING or name == SHELL, f"{name} imports {module}"
            if not module.startswith(OURS):
                continue
            if room == "package":
                assert module == REGISTRY, f"{name} imports {module}"
            else:
                # of the package itself, these know `load` and the version
                knows = room in ("cli", "commands", "playground")
                allowed = ARROWS[room] | {room} | ({"package"} if knows else set())
                assert room_of(module) in allowed, f"{name} imports {module}"


def test_no_arrow_is_allowed_that_nobody_takes_and_all_point_down_the_page() -> None:
    taken = set()
    for file in SOURCES:
        name = ".".join(file.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        taken |= {(room_of(name), room_of(module)) for module in imports_of(file) if module.startswith(OURS)}
    assert {(room, other) for room, others in ARROWS.items() for other in others} <= taken
    order = list(ARROWS)
    assert all(order.index(other) > order.index(room) for room, others in ARROWS.items() for other in others)


def test_files_and_functions_fit_on_a_page() -> None:
    texts = {file: file.read_text() for file in SOURCES}
    assert [file.name for file, text in texts.items() if text.count("\n") > 300] == []
    functions = [
        (file.name, node.name)
        for file, text in texts.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert functions == []


def test_every_folder_of_the_package_is_a_room() -> None:
    inside = [file.relative_to(REPOSITORY).parts for file in SOURCES]
    assert {parts[1] for parts in inside if parts[0] == "lit_gans" and len(parts) > 2} <= ARROWS.keys()


def test_the_registry_names_every_model_that_can_be_built_and_lit_gans_gives_it() -> None:
    buildable = set()
    for file in (REPOSITORY / "lit_gans" / "models").glob("*.py"):
        module = import_module(f"lit_gans.models.{file.stem}")
        for name, value in vars(module).items():
            if isinstance(value, type) and value.__module__ == module.__name__ and "__init__" in vars(value):
                parameters = signature(value).parameters.values()
                needed = [p for p in parameters if p.default is p.empty and p.kind != p.VAR_KEYWORD]
                if issubclass(value, ImageModel) and value is not ImageModel and not needed:
                    buildable.add(name)
    assert buildable == MODELS.keys() == INFERENCE.keys()
    for name in MODELS:
        assert getattr(lit_gans, name) is model_class(name) and name in lit_gans.__all__
