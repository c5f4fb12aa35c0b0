"""Every command of README.md does what a reader expects of it: it runs."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from systems import SYSTEM

import lit_gans
from lit_gans.cli import main

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text()
SHELL = [line for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
COMMANDS = [line for line in SHELL if line.startswith("lit-gans ")]
SAMPLE, TRAIN = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

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
}
# what the README calls a folder -> the fixture
FOLDERS = {
    "DIR": "scenes_folder",
    "ANIME": "faces_folder",
    "CELEBA": "celeba_folder",
    "HORSES": "animals_folder",
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
    for word, config in CHECKPOINTS.items():
        folder, tiny = SYSTEM[config]
        here = f"--data.root {request.getfixturevalue(folder)} --trainer.default_root_dir {runs}"
        assert main(f"fit --config {config} {here} {tiny} {SMALL} --trainer.max_steps 2".split()) == 0
        found[word] = str(runs / Path(config).name / "version_0" / "checkpoints" / "last.ckpt")
    return found


def test_the_two_commands_of_a_newcomer_are_there() -> None:
    assert [line for line in SHELL if line.startswith("make ")] == ["make demo", "make test"]
    assert len(COMMANDS) >= 25


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


def test_the_python_example_that_samples_runs(words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    load = lit_gans.load
    monkeypatch.setattr(lit_gans, "load", lambda path: load(words[path]), raising=False)
    names: dict[str, object] = {}
    exec(SAMPLE, names)
    assert names["images"].shape == (8, 3, 16, 16)  # type: ignore[attr-defined]


def test_the_python_example_that_trains_runs(
    scenes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {
        '"DIR"': f'"{scenes_folder}", image_size=16, batch_size=8',
        "CDCGAN(": "CDCGAN(image_size=16, width=2, ",
        "max_epochs=200": "max_epochs=1, accelerator='cpu'",
    }
    code = TRAIN
    for text, replacement in small.items():
        assert code.count(text) == 1
        code = code.replace(text, replacement)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["model"].images_seen == 4 * 8  # type: ignore[attr-defined]


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
