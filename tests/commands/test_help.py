"""Help that leads to the options of a config, and the list of configs."""

import re
import subprocess
import sys

import pytest

from lit_gans.cli import LIGHTNING, main
from lit_gans.configs import config_names


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("command", LIGHTNING)
def test_help_without_a_config_says_how_to_get_there(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    printed = lines(capsys)
    assert f"  lit-gans {command} --config NAME --help" in printed
    assert ("--ckpt_path" in printed[0]) == (command != "fit")
    assert [line.split()[0] for line in printed if re.match(r"  \w+_iclevr ", line)]


@pytest.mark.parametrize(
    "arguments",
    [["fit", "--help"], ["configs"], ["fit"], ["fit", "--config", "dcgan", "--help"], ["fit", "--config", "dcgna"]],
)
def test_neither_help_nor_the_list_nor_a_wrong_name_needs_torch(arguments: list[str]) -> None:
    """So they take a fraction of a second; no clock is looked at, but what is loaded."""
    code = (
        "import sys; from lit_gans.cli import main; main(sys.argv[1:]); "
        "assert not {'torch', 'lightning', 'numpy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=True)


def test_fit_without_a_config_lists_the_configs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("lit-gans fit: error: no config is given: give --config NAME, or FILE\n")
    assert all(f"\n  {name} " in told for name in config_names())


def test_every_config_has_a_line_of_its_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["configs"]) == 0
    texts = dict(line.split(maxsplit=1) for line in lines(capsys))
    assert texts.keys() == set(config_names())
    assert len({*texts.values()}) == len(texts)
    assert all(len(text) > 10 for text in texts.values())
    assert texts["wgan_anime"].startswith("WGAN (Arjovsky et al. 2017) with")


def test_the_list_can_be_narrowed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["configs", "trainer/"]) == 0
    assert [line.split()[0] for line in lines(capsys)] == [name for name in config_names() if "trainer/" in name]
    assert main(["configs", "no such"]) == 2


def test_help_of_a_config_lists_its_options_with_its_values_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--config", "cdcgan_iclevr", "--config", "trainer/cpu", "--help"]) == 0
    printed = lines(capsys)
    titles = [line for line in printed if line and not line.startswith(" ")]
    assert titles[1:] == [
        *("model: CDCGAN", "data: ICLEVR", "score:", "samples:", "checkpoint:", "stop:", "compile:", "run:"),
        "trainer (Lightning's):",
    ]
    names = [line.split()[0] for line in printed if line.startswith("  --")]
    assert len(set(names)) == len(names)
    text = "\n".join(printed)
    assert re.search(r"  --model.width 64 +channels next to the image", text)
    assert re.search(r'  --model.schedule \{"generator":4\} +updates a batch', text)  # the config's, not the default
    assert re.search(r"  --model.lr_generator 0.0002 +learning rates?", text)
    assert re.search(r"  --data.root data/iclevr +folder with", text)
    assert re.search(r"  --score.draws 10 +sets of images", text)
    assert "--trainer.accelerator cpu" in text and "--trainer.max_epochs 200" in text
    assert "--model.num_classes" not in text  # the data's
    assert max(map(len, printed)) <= 120


@pytest.mark.parametrize("columns", ["60", "200"])
def test_lines_fit_the_terminal(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["test", "--config", "dcgan_anime", "-h"]) == 0
    printed = lines(capsys)
    assert any("--untrained false" in line for line in printed)
    described = [line for line in printed if line.startswith("  ") and line[45:46] == " "]
    assert max(map(len, described)) <= max(int(columns), 66)
