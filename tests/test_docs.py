"""The documentation: short, whole, and what the JSON of the runs says."""

import json
import re
import shlex
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from lit_gans.configs import config_names, find_config

REPOSITORY = Path(__file__).parent.parent
DOCS = REPOSITORY / "docs"
PAGES = [*sorted(REPOSITORY.glob("*.md")), REPOSITORY / "weights" / "README.md", *sorted(DOCS.rglob("*.md"))]
IDS = [str(page.relative_to(REPOSITORY)) for page in PAGES]
# pages of figures: their commands are those of today; the log keeps those of its day
FIGURES = [*sorted((DOCS / "systems").glob("*.md")), *sorted(DOCS.glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_and_picture_of_a_page_is_there(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http", "#")):
            assert (page.parent / target.split("#")[0]).exists(), f"{page.name}: {target}"


def test_readme_and_pages_of_systems_are_short() -> None:
    assert len((REPOSITORY / "README.md").read_text().splitlines()) < 200
    for page in (DOCS / "systems").glob("*.md"):
        assert len(page.read_text().splitlines()) < 80, page.name


def test_a_page_of_a_system_has_picture_paper_command_figures_and_faults() -> None:
    for page in (DOCS / "systems").glob("*.md"):
        text = page.read_text()
        if page.stem != "index":
            assert "    lit-gans fit --config " in text or "    make " in text, page.name
            assert "## What" in text and "## Known failures" in text, page.name


def test_every_system_is_on_a_page() -> None:
    text = "".join(page.read_text() for page in FIGURES)
    systems = [name for name in config_names() if "/" not in name]
    missing = [name for name in systems if not re.search(rf"\b{name}\b", text)]
    own_pictures = {"gan", "dcgan", "conditional_gan", "flow", "cyclegan", "dcgan_cifar10", "wgan_gp_cifar10"}
    assert set(missing) <= own_pictures


def test_pictures_are_small_together() -> None:
    pictures = [
        *(picture for picture in DOCS.rglob("*.png") if "_build" not in picture.parts),  # the built site has copies
        *(REPOSITORY / "benchmarks").rglob("*.png"),
        *(REPOSITORY / "weights").glob("*.png"),
    ]
    assert sum(picture.stat().st_size for picture in pictures) < 6e6
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    unused = [picture.name for picture in (DOCS / "pictures").glob("*.png") if picture.name not in text]
    assert not unused


def test_tables_are_what_the_json_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    import tables

    tables.main(["--check"])
    page = tmp_path / "page.md"
    page.write_text("<!-- table: zoo -->\nstale\n<!-- end -->\n")
    monkeypatch.setattr(tables, "REPOSITORY", tmp_path)
    monkeypatch.setattr(tables, "FILES", ("*.md",))
    with pytest.raises(SystemExit) as stop:
        tables.main(["--check"])
    assert stop.value.code == 1 and "stale" in page.read_text()
    tables.main([])
    assert "`conditional_gan_iclevr`" in page.read_text() and "stale" not in page.read_text()
    page.write_text("<!-- table: nothing -->\n<!-- end -->\n")
    with pytest.raises(SystemExit, match="no table 'nothing'"):
        tables.main([])


@pytest.mark.parametrize("page", FIGURES, ids=[page.stem for page in FIGURES])
def test_commands_of_a_page_name_configs_and_scripts_that_are_there(page: Path) -> None:
    for line in re.findall(r"(?m)^    (lit-gans .*|python benchmarks/.*)$", page.read_text(encoding="utf-8")):
        words = shlex.split(line.removesuffix("\\"))
        if words[0] == "python":
            assert (REPOSITORY / words[1]).is_file(), line
        for option, value in pairwise(words):
            if option == "--config":
                assert find_config(value).is_file(), line


def test_the_notebook_runs_from_its_first_cell_to_its_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Image.Image] = []
    display = ModuleType("IPython.display")
    display.display = shown.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((DOCS / "notebooks" / "first_steps.ipynb").read_text(encoding="utf-8"))
    small = {"SCENES = 1000": "SCENES = 16", "BATCHES = 600": "BATCHES = 2", "DRAWS = 3": "DRAWS = 1"}
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        code = "".join(cell["source"])
        for text, replacement in small.items():
            code = code.replace(text, replacement)
        if cell["cell_type"] == "code":
            assert not cell["outputs"]  # committed without
            exec(code, names)
    assert names["small"].images_seen > 0
    assert [picture.size for picture in shown] == [(8 * 66 + 2, 2 * 66 + 2), (8 * 34 + 2, 2 * 34 + 2)]
    assert names["score"].scores["object_score"].keys() == {"test", "new_test"}
