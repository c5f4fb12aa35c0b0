"""Arguments of fit: each mistake is one line that names option or file, value and the nearest valid name."""

from pathlib import Path

import pytest

from lit_gans.cli import main
from lit_gans.commands.arguments import has_key, with_configs
from lit_gans.configs import find_config, read_config
from lit_gans.errors import InputError

MODEL = "model:\n  class_path: lit_gans.models.cdcgan.CDCGAN\n  init_args: "


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("--model.widht 4", "--model.widht: no such option; did you mean --model.width?"),
        ("--model.lr_generatr 4", "--model.lr_generatr: no such option; did you mean --model.lr_generator?"),
        ("--data.rot x", "--data.rot: no such option; did you mean --data.root?"),
        ("--checkpoint.evry 3", "--checkpoint.evry: no such option; did you mean --checkpoint.every?"),
        ("--model.schedule.generatr 3", "--model.schedule.generatr: no such option"),
        ("--model.width abc", "--model.width is abc; expected a whole number"),
        ("--model.betas [0.5,x]", "--model.betas is x; expected a number"),
        ("--trainer.max_epochs x", "--trainer.max_epochs is x; expected a whole number or null"),
        ("--wandb of", "--wandb is of; expected one of 'auto', 'online', 'offline', 'off'"),
        ("--model CDCGA", "--model CDCGA: no such class; did you mean CDCGAN?"),
        ("--data imagefolder", "--data imagefolder: no such class; did you mean ImageFolder? There are AnimeFaces, "),
        ("--model.image_size 32", "--model.image_size: the model takes it from the data; set --data.image_size"),
        ("--model.init_args.channels=1", "--model.channels: the model takes it from the data; set --data.channels"),
        ("--score.class_names [a]", "--score.class_names: the score takes it from the data"),
        ("--model.width", "--model.width needs a value"),
        ("junk", "'junk' belongs to no option"),
    ],
)
def test_a_mistake_on_the_command_line(arguments: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--config", "cdcgan_iclevr", *arguments.split()]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"lit-gans fit: error: {line}") and told.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (MODEL + "{widht: 3}\n", "model.widht: no such option; did you mean --model.width?"),
        (MODEL + "{width: x}\n", "model.width is x; expected a whole number"),
        (MODEL + "{num_classes: 3}\n", "model.num_classes: the model takes it from the data"),
        ("modle: 3\n", "modle: no such option"),
    ],
)
def test_a_mistake_in_a_config_names_the_file(
    text: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    assert main(["fit", "--config", str(file)]) == 2
    assert capsys.readouterr().err.startswith(f"lit-gans fit: error: {file}: {line}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: [3\n", "line 2: not YAML"),
        ("- 3\n", "expected keys such as model, data and trainer, not a list"),
        ("", "expected keys .* not a NoneType"),
        ("trainer:\n  max_steps: 3\n  max_steps: 4\n", "line 3: max_steps is given twice, first in line 2"),
        ("a: {b: 1, c: 2, b: 3}\n", "line 1: b is given twice"),
        ("a: \t- x\n\tb: 2", "line .*not YAML"),
        ("[" * 5000, "not YAML"),
    ],
)
def test_a_config_that_is_none_names_file_and_line(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=f"^--config {file}:.*{message}") as caught:
        read_config(file)
    assert str(caught.value).count("--config") == 1


def test_a_text_in_no_encoding_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes("a: grün".encode("latin-1"))
    with pytest.raises(InputError, match=r"mine\.yaml: not a text in utf-8.*save it as UTF-8"):
        read_config(file)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_config_with_a_byte_order_mark_is_read_like_any_other(
    encoding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(find_config("cdcgan_iclevr").read_text().replace("width: 64", "width: 48"), encoding=encoding)
    assert main(["fit", "--config", str(file), "--print_config"]) == 0
    printed = capsys.readouterr().out
    assert "width: 48" in printed and "run_name: mine" in printed


def test_merge_keys_and_aliases_are_no_doubles(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("a: &a {x: 1}\nb: *a\nc: {<<: *a, x: 2}\n")
    assert read_config(file) == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 2}}


def test_two_configs_with_a_model_say_which_counts(capsys: pytest.CaptureFixture[str]) -> None:
    args = with_configs(["--config", "cdcgan_iclevr", "--config", "flow_iclevr"])
    assert args[:2] == ["--run_name", "cdcgan_iclevr"]
    told = capsys.readouterr().err
    assert "the last one counts" in told and told.index("has CDCGAN") < told.index("has ConditionalFlow")
    with_configs(["--config", "cdcgan_iclevr", "--config", "trainer/ddp"])
    assert capsys.readouterr().err == ""


def test_a_key_is_found_through_init_args() -> None:
    content = {"model": {"class_path": "x", "init_args": {"schedule": {"generator": 4}}}}
    assert has_key(content, "model.schedule.generator") and has_key(content, "model.class_path")
    assert not has_key(content, "model.width") and not has_key(content, "model.class_path.x")
