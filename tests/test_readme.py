"""Every command of README, tutorial and how-tos does what a reader expects of it: it runs."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from systems import SYSTEM

from lit_gans.cli import main

REPOSITORY = Path(__file__).parent.parent
README = REPOSITORY / "README.md"
PAGES = [README, REPOSITORY / "docs" / "tutorial.md", *sorted((REPOSITORY / "docs" / "howto").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


SHELL = [line for page in PAGES for block in blocks(page, "bash") for line in block.splitlines()]
# each of them once
COMMANDS = list(dict.fromkeys(line for line in SHELL if line.startswith("lit-gans ")))
PYTHON = [(page.stem, code) for page in PAGES for code in blocks(page, "python")]

SMALL = "--data.batch_size 4 --trainer.limit_val_batches 1 --trainer.accelerator cpu"
# what the README calls a checkpoint -> the config of its run
CHECKPOINTS = {
    "CKPT": "cdcgan_iclevr",
    "DEMO.ckpt": "demo/conditional_gan_iclevr",
    "EVALUATOR.ckpt": "evaluator_iclevr",
    "FLOW.ckpt": "flow_iclevr",
    "FACES_FLOW.ckpt": "flow_celeba",
    "DCGAN.ckpt": "dcgan_anime",
    "TAGS.ckpt": "tag_dcgan_anime",
    "CYCLEGAN.ckpt": "cyclegan_horse2zebra",
    "OWN.ckpt": "conditional_gan",
}
# what the README calls a folder -> the fixture
FOLDERS = {
    "DIR": "scenes_folder",
    "ANIME": "faces_folder",
    "CELEBA": "celeba_folder",
    "HORSES": "animals_folder",
    "ANIMALS": "animals_folder",
    "PICTURES": "pictures_folder",
    "TORCHVISION": "cifar10_folder",
}
Words = dict[str, str]


@pytest.fixture(scope="module")
def words(request: pytest.FixtureRequest, evaluator_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Words:
    """What stands for the README's words: tiny data, and a checkpoint of each kind."""
    runs = tmp_path_factory.mktemp("runs")
    found = {word: str(request.getfixturevalue(fixture)) for word, fixture in FOLDERS.items()}
    found |= {"FILE": str(evaluator_file), "6000": "2", "4000": "2", "20000": "4"}
    found["GENERATOR.ckpt"] = str(REPOSITORY / "weights" / "conditional_gan_iclevr.safetensors")
    for word, config in CHECKPOINTS.items():
        folder, tiny = SYSTEM[config]
        here = f"--data.root {request.getfixturevalue(folder)} --trainer.default_root_dir {runs}"
        assert main(f"fit --config {config} {here} {tiny} {SMALL} --trainer.max_steps 2".split()) == 0
        found[word] = str(runs / Path(config).name / "version_0" / "checkpoints" / "last.ckpt")
    return found


def test_the_two_commands_of_a_newcomer_are_there() -> None:
    shell = "".join(blocks(README, "bash")).splitlines()
    assert [line for line in shell if line.startswith("make ")] == ["make demo", "make test"]
    assert len(COMMANDS) >= 40


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str, words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "data render-" in command:
        words = words | {word: str(tmp_path / "new") for word in ("DIR", "FACES", "ANIMALS")}
    arguments = []
    for word in shlex.split(command)[1:]:
        first, *rest = word.split("/")
        if first in ("configs", "weights"):  # paths in the README are those of a checkout
            word = str(REPOSITORY / word)
        elif first in FOLDERS or not rest:
            word = "/".join([words.get(first, first), *rest])
        arguments.append(word)
    if "--config" in arguments:
        config = arguments[arguments.index("--config") + 1].removeprefix(f"{REPOSITORY / 'configs'}{os.sep}")
        config = config.removesuffix(".yaml")
        arguments += SYSTEM[config][1].split()
    if arguments[0] == "fit":
        arguments += f"{SMALL} --trainer.max_steps 4".split()
    if arguments[:2] == ["data", "render-animals"]:
        arguments += ["--train", "2", "--test", "2"]
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (16, 16), (200, 160, 120)).save("face.png")
    assert main(arguments) == 0


@pytest.fixture(scope="module")
def named_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("named")
    for number in range(12):
        colour = (20 * number, 100, 50)
        Image.new("RGB", (32, 32), colour).save(folder / f"{('cat', 'dog')[number % 2]}_{number}.png")
    return folder


@pytest.mark.parametrize(("page", "code"), PYTHON, ids=[f"{page}-{i}" for i, (page, _) in enumerate(PYTHON)])
def test_a_python_example_runs(
    page: str, code: str, words: Words, named_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {
        '"DIR"': f'"{words["DIR"]}", image_size=16, batch_size=8',
        "CDCGAN(": "CDCGAN(image_size=16, width=2, ",
        "max_epochs=200": "max_epochs=1, accelerator='cpu'",
        '"PICTURES"': f'"{words["PICTURES"]}"',
        '"NAMED_FILES"': f'"{named_files}"',
        '"DEMO.ckpt"': f'"{words["DEMO.ckpt"]}"',
    }
    for text, replacement in small.items():
        code = code.replace(text, replacement)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code, names)
    if "images" in names:  # what the comment says of them
        told = re.search(r"# \((\d+), 3, ", code)
        assert told is None or len(names["images"]) == int(told[1])
        assert names["images"].abs().max() <= 1
    if "batch" in names:
        assert names["batch"]["condition"].shape == (4, 2) and names["batch"]["image"].shape == (4, 3, 32, 32)
    if "data" in names and "model" in names:
        assert names["model"].images_seen >= 4 * 4


def test_make_demo_goes_from_nothing_to_a_picture(tmp_path: Path) -> None:
    if not (REPOSITORY / ".venv" / "bin" / "lit-gans").is_file():
        pytest.skip("the demo runs in .venv, which `make install` sets up")
    small = "--data.batch_size 4 --trainer.max_epochs 1 --trainer.limit_train_batches 2 --trainer.accelerator cpu"
    demo = subprocess.run(
        ["make", "demo", f"DEMO={tmp_path}", "SCENES=12", f"FIT_OPTIONS={small}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert demo.returncode == 0, demo.stderr[-3000:]
    assert "new_test" in demo.stdout and "Trained already" not in demo.stdout
    assert (tmp_path / "first.png").is_file() and (tmp_path / "sample.png").is_file()
    assert list(tmp_path.glob("test/version_*/scores.json"))
    trainings = list(tmp_path.glob("gan/version_*"))

    again = subprocess.run(["make", "demo", f"DEMO={tmp_path}"], cwd=REPOSITORY, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr[-3000:]
    assert "Trained already" in again.stdout and list(tmp_path.glob("gan/version_*")) == trainings
