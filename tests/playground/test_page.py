"""The page as a program uses it, and what serving it leaves behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lit_gans.cli import main
from lit_gans.playground.actions import Actions
from lit_gans.playground.shelf import Shelf

gradio = pytest.importorskip("gradio", reason="the extra playground is not installed")
HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def address(shelf: Shelf) -> Iterator[str]:
    from lit_gans.playground.serve import environment, served

    with environment(), served(shelf, HOST, None) as found:
        yield found


@pytest.fixture(scope="module")
def client(address: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from gradio_client import Client

    return Client(address, verbose=False, analytics_enabled=False, download_files=tmp_path_factory.mktemp("client"))


def labels(shelf: Shelf) -> tuple[list[str], str]:
    """Titles of the tabs, and the rest of the page's texts."""
    from lit_gans.playground.page import page_of

    blocks = page_of(shelf).blocks.values()
    tabs = [str(block.label) for block in blocks if isinstance(block, gradio.Tab)]
    return tabs, "\n".join(str(block.value) for block in blocks if isinstance(block, gradio.Markdown))


def test_there_is_a_tab_for_what_models_can_do_and_a_line_for_the_rest(shelf: Shelf, files: dict[str, str]) -> None:
    assert labels(shelf) == (["Objects", "Faces", "Tags", "Translate", "Random", "Compare"], labels(shelf)[1])
    assert "No tab" not in labels(shelf)[1]
    tabs, text = labels(Shelf([shelf[files["dcgan"]]]))
    assert tabs == ["Random"]
    for title in ("Objects", "Faces", "Tags", "Translate", "Compare"):
        assert f"No tab **{title}**" in text
    tabs, _ = labels(Shelf([shelf[files["objects"]]]))
    assert tabs == ["Objects", "Random"]


def test_every_input_has_a_label(shelf: Shelf) -> None:
    from gradio.components import FormComponent

    from lit_gans.playground.page import page_of

    inputs = [block for block in page_of(shelf).blocks.values() if isinstance(block, FormComponent)]
    assert len(inputs) > 20 and all(block.label and block.show_label for block in inputs)


def test_a_button_gives_what_its_action_gives(client: Any, actions: Actions, files: dict[str, str]) -> None:
    asked = (["red cube"], ["blue sphere"], [])
    drawn = client.predict(files["objects"], 2, 0, 1.0, *asked, api_name="/objects")
    assert drawn == actions.draw(files["objects"], ["red cube", "blue sphere"], 2, 0, 1.0)
    tags = client.predict(files["tags"], 1, 0, 1.0, "blue hair", "red eyes", api_name="/tags")
    assert tags == actions.draw(files["tags"], ["blue hair", "red eyes"], 1, 0, 1.0)
    names = [files["objects"], files["whole"]]
    assert client.predict(names, 1, 2, *asked, api_name="/compare") == actions.compare(
        names, ["red cube", "blue sphere"], 1, 2
    )
    edited = client.predict(files["faces"], None, 4, 0, 1.0, 0, ["Smiling"], api_name="/edit")
    assert edited == actions.edit(files["faces"], None, ["Smiling"], 4, 0, 1.0, 0)
    way = client.predict(files["faces"], None, None, 0, 1, ["Smiling"], api_name="/interpolate")
    assert way == actions.interpolate(files["faces"], (None, None), ["Smiling"], (0, 1), 8)
    assert client.predict(files["dcgan"], 4, 0, 1.0, api_name="/random") == actions.grid(files["dcgan"], 4, 0, 1.0)
    assert client.predict(files["dcgan"], 0, 1, 3, api_name="/walk") == actions.walk(files["dcgan"], 0, 1, 3)


def test_an_upload_is_translated_and_one_that_is_no_picture_is_told(
    client: Any, actions: Actions, files: dict[str, str], picture_file: str, tmp_path: Path
) -> None:
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    name = files["cyclegan"]
    given = client.predict(name, "a2b", handle_file(picture_file), 0, api_name="/translate")
    assert given == actions.translate(name, "a2b", picture_file, 0)
    none = tmp_path / "none.png"
    none.write_text("no picture")
    with pytest.raises(AppError, match=r"none\.png: no picture in a format that is read"):
        client.predict(name, "a2b", handle_file(str(none)), 0, api_name="/translate")
    program = tmp_path / "program.exe"
    program.write_bytes(b"MZ")
    with pytest.raises(AppError, match=r"(?i)file type"):
        client.predict(name, "a2b", handle_file(str(program)), 0, api_name="/translate")
    large = tmp_path / "large.png"
    large.write_bytes(b"\0" * 10_000_001)
    with pytest.raises(Exception, match=r"(?i)413|too large|exceeds"):
        client.predict(name, "a2b", handle_file(str(large)), 0, api_name="/translate")


def test_errors_are_those_of_the_command_line(client: Any, files: dict[str, str]) -> None:
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match="nothing is chosen; choose one of cube, sphere, cone"):
        client.predict(files["objects"], 2, 0, 1.0, [], [], [], api_name="/objects")


def test_a_bug_is_told_without_its_lines(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    from lit_gans.playground.controls import shown

    def action() -> str:
        raise KeyError("inside")

    with pytest.raises(gradio.Error, match="bug in lit_gans") as error:
        shown(action)()
    assert "inside" not in str(error.value) and "KeyError: 'inside'" in capsys.readouterr().err


def test_ten_visitors_at_once_each_get_their_own_pictures(
    address: str, actions: Actions, files: dict[str, str], tmp_path: Path
) -> None:
    from gradio_client import Client

    def visit(seed: int) -> str:
        own = Client(address, verbose=False, analytics_enabled=False, download_files=tmp_path / str(seed))
        found: str = own.predict(files["dcgan"], 2, seed, 1.0, api_name="/random")
        return found

    with ThreadPoolExecutor(10) as visitors:
        found = list(visitors.map(visit, range(10)))
    assert found == [actions.grid(files["dcgan"], 2, seed, 1.0) for seed in range(10)]
    assert len(set(found)) == 10


CODE = """
import sys
from pathlib import Path
import torch
from gradio_client import Client, handle_file
from lit_gans.playground.serve import environment, served
from lit_gans.playground.shelf import shelf_of

with environment() as folder, served(shelf_of([sys.argv[1]], [], torch.device("cpu")), "127.0.0.1", None) as address:
    client = Client(address, verbose=False, analytics_enabled=False, download_files=sys.argv[3])
    client.predict(sys.argv[1], "a2b", handle_file(sys.argv[2]), 0, api_name="/translate")
    assert list(Path(folder).rglob("*.png"))
assert not Path(folder).exists()
"""


def test_nothing_is_left_where_it_was_started_nor_at_home_nor_among_temporary_files(
    files: dict[str, str], picture_file: str, tmp_path: Path
) -> None:
    places = {name: tmp_path / name for name in ("cwd", "home", "tmp", "client")}
    for place in places.values():
        place.mkdir()
    home, temporary = str(places["home"]), str(places["tmp"])
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "HOME": home, "XDG_CACHE_HOME": home, "TMPDIR": temporary, "PYTHONPATH": root}
    command = [sys.executable, "-c", CODE, files["cyclegan"], picture_file, str(places["client"])]
    done = subprocess.run(command, cwd=places["cwd"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [path for name in ("cwd", "home", "tmp") for path in places[name].rglob("*")] == []


def test_a_taken_port_and_an_address_of_another_machine_are_errors(
    address: str, files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    port = address.rstrip("/").rpartition(":")[2]
    for options in (["--port", port], ["--host", "192.0.2.1", "--port", port]):
        assert main(["playground", files["dcgan"], *options]) == 2
        error = capsys.readouterr().err
        assert error.startswith("lit-gans playground: error: ") and error.count("\n") == 1 and port in error
    assert main(["playground", "--port", "0"]) == 2 and "no port" in capsys.readouterr().err
