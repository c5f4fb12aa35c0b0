"""What a shell completes with the script of `lit-gans completion`."""

import subprocess
import sys
from pathlib import Path

import pytest

from lit_gans.cli import COMMANDS, LIGHTNING, main
from lit_gans.configs import config_names

pytest.importorskip("shtab")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script for bash."""
    file = tmp_path_factory.mktemp("completion") / "lit-gans"
    with pytest.MonkeyPatch.context() as patch, file.open("w") as out:
        patch.setattr(sys, "stdout", out)
        assert main(["completion", "bash"]) == 0
    return file


def completed(script: Path, *words: str) -> set[str]:
    """What bash offers for the last word."""
    line = " ".join(f"'{word}'" for word in ("lit-gans", *words))
    code = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _shtab_lit_gans"
    code += '; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, cwd=script.parent)
    return set(done.stdout.split())


def test_commands_options_and_configs_are_completed(script: Path) -> None:
    assert completed(script, "") == {*COMMANDS, *LIGHTNING}
    assert completed(script, "fit", "--config", "dcgan") == {
        name for name in config_names() if name.startswith("dcgan")
    }
    assert {"--model.lr_generator", "--model.lr"} <= completed(script, "fit", "--model.lr")
    assert completed(script, "test", "--score.eval") == {"--score.evaluator"}
    assert completed(script, "fit", "--data.cha") == {"--data.channels"}
    assert completed(script, "sample", "--cond") == {"--condition"}
    assert script.name in completed(script, "fit", "--config", "lit-g")  # a file of one's own


def test_there_is_one_for_zsh(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == 0
    assert capsys.readouterr().out.startswith("#compdef lit-gans")


def test_without_shtab_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "pip install 'lit_gans[completion]'" in capsys.readouterr().err
