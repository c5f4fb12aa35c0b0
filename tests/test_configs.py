"""Every YAML in configs/ is a complete run, or an overlay over one."""

import shutil
from pathlib import Path

import pytest
import yaml
from systems import SYSTEM, config_of

from data_modules.rendered.scenes import NAMES
from lit_gans.cli import COMMANDS, main
from lit_gans.configs import config_names, find_config
from lit_gans.errors import InputError
from lit_gans.models.registry import MODELS

OVERLAYS = [name for name in config_names() if name.startswith("trainer/")]
TIPS = [name for name in config_names() if name.startswith("tips/")]
# trainings of another kind have a test of their own; see NOT_HERE
NOT_HERE = {
    "trainer/ddp": "tests/test_contract.py trains every model with it in two processes",
    "trainer/gpu": "needs a GPU; without one the test below checks its message",
    "trainer/multi_node": "needs several machines; the test below checks that it is understood",
    "trainer/slurm": "tests/test_slurm.py trains with it under what SLURM tells a process",
}


def fit(data: Path, runs: Path, *arguments: str) -> int:
    small = "--data.batch_size 4 --trainer.max_steps 2 --trainer.log_every_n_steps 1 --trainer.accelerator cpu"
    here = f"--data.root {data} --trainer.default_root_dir {runs} --trainer.limit_val_batches 1"
    return main(["fit", *arguments, *small.split(), *here.split()])


def test_every_config_is_trained_here_or_named_as_tested_elsewhere() -> None:
    assert sorted(config_names()) == sorted([*SYSTEM, *OVERLAYS, *TIPS])


@pytest.mark.parametrize("name", sorted(SYSTEM.keys() - {config_of(model) for model in MODELS}))
def test_each_system_beside_those_of_the_contract_trains_and_leaves_a_checkpoint_curves_and_its_config(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder, tiny = SYSTEM[name]
    assert fit(request.getfixturevalue(folder), tmp_path, "--config", name, *tiny.split()) == 0
    run = tmp_path / Path(name).name / "version_0"
    for file in ("checkpoints/last.ckpt", "curves.png", "metrics.csv", "config.yaml"):
        assert (run / file).is_file(), file


@pytest.mark.filterwarnings("ignore:Weights & Biases. no account is configured")
@pytest.mark.parametrize("overlay", [name for name in OVERLAYS if name not in NOT_HERE])
def test_each_overlay_goes_on_top_of_a_system(
    overlay: str, scenes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    tiny = SYSTEM["cdcgan_iclevr"][1].split()
    assert fit(scenes_folder, tmp_path, "--config", "cdcgan_iclevr", "--config", overlay, *tiny) == 0
    assert (tmp_path / "cdcgan_iclevr" / "version_0" / "checkpoints" / "last.ckpt").is_file()
    # no account is configured here, so what is meant for W&B waits in a folder
    assert bool(list(tmp_path.rglob("offline-run-*"))) == (overlay == "trainer/wandb")


@pytest.mark.parametrize("tip", TIPS)
def test_each_tip_goes_on_top_of_the_dcgan_and_changes_what_it_says(
    tip: str, faces_folder: Path, tmp_path: Path
) -> None:
    tiny = SYSTEM["dcgan_anime"][1].split()
    assert fit(faces_folder, tmp_path, "--config", "dcgan_anime", "--config", tip, *tiny) == 0
    run = tmp_path / "dcgan_anime" / "version_0"
    used = yaml.safe_load((run / "config.yaml").read_text())["model"]["init_args"]
    for name, value in yaml.safe_load(find_config(tip).read_text())["model"]["init_args"].items():
        assert used[name] == value or used[name].items() >= value.items()
    assert (run / "checkpoints" / "last.ckpt").is_file()


@pytest.mark.parametrize("overlay", ["trainer/gpu", "trainer/multi_node", "trainer/ddp"])
def test_overlays_for_other_machines_are_understood(
    overlay: str, scenes_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--config", "cdcgan_iclevr", "--config", overlay, "--data.root", str(scenes_folder)]
    assert main(["fit", *arguments, "--print_config"]) == 0
    printed = capsys.readouterr().out
    for line in find_config(overlay).read_text().splitlines():
        if line.startswith("  ") and "#" not in line:
            assert line.strip() in printed


def test_a_config_is_found_by_path_and_by_bare_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    shutil.copy(find_config("cdcgan_iclevr"), file)
    assert find_config(str(file)) == file
    assert find_config("cdcgan_iclevr") == find_config("configs/cdcgan_iclevr.yaml").resolve()
    assert find_config("trainer/ddp").name == "ddp.yaml"


def test_an_unknown_config_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"cdcgan_iclever.*cdcgan_iclevr"):
        find_config("cdcgan_iclever")


def test_the_rendered_classes_are_those_of_the_course() -> None:
    assert len(NAMES) == 24
    assert NAMES[:2] == ("gray cube", "red cube")


@pytest.mark.parametrize("name", ["cdcgan_iclevr", "flow_iclevr", "cyclegan_horse2zebra"])
def test_what_print_config_prints_is_a_config_that_prints_itself(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    folder, tiny = SYSTEM[name]
    printed = []
    arguments = ["--config", name, "--data.root", str(request.getfixturevalue(folder)), *tiny.split()]
    for _ in range(2):
        assert main(["fit", *arguments, "--print_config"]) == 0
        printed.append(yaml.safe_load(capsys.readouterr().out))
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(printed[-1]), "utf-8")
        arguments = ["--config", str(tmp_path / f"{name}.yaml")]
    assert printed[0] == printed[1]
    for option, value in zip(tiny.split()[::2], tiny.split()[1::2], strict=True):
        room, key = option.removeprefix("--").split(".")
        assert printed[1][room]["init_args"][key] == yaml.safe_load(value)


@pytest.mark.parametrize("columns", ["60", "200"])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_fits_the_terminal(
    command: str, columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main([command, "--help"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: lit-gans {command}") and COMMANDS[command].split(",")[0][:40] in printed
    assert max(map(len, printed.splitlines())) <= int(columns)
