"""Every command of README.md does what a reader expects of it: it runs."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

import lit_gans
from lit_gans.cli import main

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text()
SHELL = [line for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
COMMANDS = [line for line in SHELL if line.startswith("lit-gans ")]
SAMPLE, TRAIN = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

SMALL = "--data.image_size {size} --data.batch_size 4 --trainer.limit_train_batches 2 --trainer.limit_val_batches 1"
FOR_GAN = "--model.width 2"


@pytest.fixture(scope="module")
def checkpoints(scenes_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint of each kind of model, by the start of its config's name."""
    runs = tmp_path_factory.mktemp("runs")
    found = {}
    for kind, size, more in (("cdcgan", 16, FOR_GAN), ("evaluator", 32, "")):
        small = f"{SMALL.format(size=size)} --trainer.accelerator cpu --trainer.default_root_dir {runs} {more}"
        small += " --trainer.max_epochs 1"
        assert main(f"fit --config {kind}_iclevr --data.root {scenes_folder} {small}".split()) == 0
        found[kind] = runs / f"{kind}_iclevr" / "version_0" / "checkpoints" / "last.ckpt"
    return found


def test_the_two_commands_of_a_newcomer_are_there() -> None:
    assert [line for line in SHELL if line.startswith("make ")] == ["make demo", "make test"]
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(
    command: str,
    scenes_folder: Path,
    evaluator_file: Path,
    checkpoints: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_evaluator = "evaluator_iclevr" in command or "export evaluator" in command
    words = {
        "DIR": str(tmp_path / "new" if "render-iclevr" in command else scenes_folder),
        "CKPT": str(checkpoints["evaluator" if is_evaluator else "cdcgan"]),
        "FILE": str(evaluator_file),
        "6000": "2",
    }
    arguments = [words.get(word, word) for word in shlex.split(command)[1:]]
    for i, word in enumerate(arguments):  # paths in the README are those of a checkout
        if word.startswith("configs/"):
            arguments[i] = str(REPOSITORY / word)
    if arguments[0] == "fit":
        arguments += SMALL.format(size=32 if is_evaluator else 16).split()
        arguments += "--trainer.accelerator cpu --trainer.max_epochs 2".split()
        arguments += [] if is_evaluator else FOR_GAN.split()
    elif "--config" in arguments:
        arguments += "--data.image_size 16 --model.width 2".split()
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 0


def test_the_python_example_that_samples_runs(checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    load = lit_gans.load
    monkeypatch.setattr(lit_gans, "load", lambda path: load({"CKPT": checkpoints["cdcgan"]}[path]), raising=False)
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
    assert "new_test" in demo.stdout
    assert (tmp_path / "sample.png").is_file()
    assert list(tmp_path.glob("test/version_*/scores.json"))
