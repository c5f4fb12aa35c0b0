import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lit_gans.callbacks import wandb as ours
from lit_gans.callbacks.wandb import wandb_logger

KEY = "a" * 40
CLOSED = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No account, no settings of the person who runs the tests, and a fresh wandb session."""
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_MODE", "WANDB_DIR", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "home" / name))
    monkeypatch.setenv("WANDB_SILENT", "true")
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    yield
    if wandb := sys.modules.get("wandb"):
        wandb.teardown()


@pytest.fixture
def no_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing wandb fails."""
    monkeypatch.setitem(sys.modules, "wandb", None)


@pytest.mark.usefixtures("no_import")
def test_off_and_auto_without_an_account_give_no_logger_and_no_import(tmp_path: Path) -> None:
    assert wandb_logger("off", str(tmp_path), "run") is None
    assert wandb_logger("auto", str(tmp_path), "run") is None


@pytest.mark.usefixtures("no_import")
@pytest.mark.parametrize(
    ("value", "mode"), [("online", "online"), ("offline", "offline"), ("dryrun", "offline"), ("disabled", None)]
)
def test_auto_does_what_wandb_mode_says_before_it_looks_for_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, mode: str | None
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_MODE", value)
    logger = wandb_logger("auto", str(tmp_path), "run")
    assert (logger and logger._wandb_init["mode"]) == mode


@pytest.mark.usefixtures("no_import")
@pytest.mark.parametrize("machine", ["api.wandb.ai", "api.forge.coreweave.com"])
@pytest.mark.parametrize("place", [".netrc", "_netrc", "elsewhere"])
def test_an_account_is_found_in_every_netrc_that_wandb_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, place: str
) -> None:
    netrc = tmp_path / "home" / place
    netrc.write_text(f"machine {machine}\n  login user\n  password {KEY}\n")
    netrc.chmod(0o600)
    if place == "elsewhere":
        monkeypatch.setenv("NETRC", str(netrc))
    logger = wandb_logger("auto", str(tmp_path), "run")
    assert logger is not None
    assert logger._wandb_init["mode"] == "online"


@pytest.mark.usefixtures("no_import")
def test_an_account_is_one_for_the_server_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "home" / ".netrc"
    netrc.write_text(f"machine wandb.example.org:8080\n  login user\n  password {KEY}\n")
    netrc.chmod(0o600)
    assert wandb_logger("auto", str(tmp_path), "run") is None
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org:8080")
    assert wandb_logger("auto", str(tmp_path), "run") is not None


@pytest.mark.usefixtures("no_import")
def test_a_broken_netrc_is_no_account(tmp_path: Path) -> None:
    (tmp_path / "home" / ".netrc").write_text("machine\nnonsense {")
    assert wandb_logger("auto", str(tmp_path), "run") is None


@pytest.mark.usefixtures("no_import")
def test_online_without_an_account_says_what_to_do_and_is_offline(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"no account .* logging offline.* `wandb login`") as warnings:
        logger = wandb_logger("online", str(tmp_path), "run")
    assert logger is not None
    assert logger._wandb_init["mode"] == "offline"
    assert [str(w.message).count("\n") for w in warnings] == [0]


def test_offline_writes_below_save_dir(tmp_path: Path) -> None:
    logger = wandb_logger("offline", str(tmp_path / "runs"), "my run", project="pets")
    assert logger is not None
    run = logger.experiment
    logger.log_metrics({"val/score": 0.5}, step=3)
    assert (run.project, run.name, run.offline) == ("pets", "my run", True)
    run.finish()
    assert len(list((tmp_path / "runs" / "wandb").glob("offline-run-*/*.wandb"))) == 1


def test_a_server_out_of_reach_means_offline_after_a_bounded_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", CLOSED)
    monkeypatch.setenv("WANDB_HTTP_TIMEOUT", "1")
    monkeypatch.setattr(ours, "INIT_TIMEOUT", 2)
    logger = wandb_logger("auto", str(tmp_path), "run")
    assert logger is not None
    assert logger._wandb_init["settings"]["init_timeout"] == 2
    with pytest.warns(UserWarning, match=r"127\.0\.0\.1:9.*logging offline") as warnings:
        run = logger.experiment
    assert [str(w.message).count("\n") for w in warnings if "logging offline" in str(w.message)] == [0]
    logger.log_metrics({"val/score": 0.5}, step=3)
    assert run.offline
    assert logger.experiment is run
    run.finish()


def test_a_key_that_wandb_refuses_means_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "too-short")
    logger = wandb_logger("online", str(tmp_path), "run")
    assert logger is not None
    with pytest.warns(UserWarning, match=r"API key must have 40\+ characters.*logging offline"):
        run = logger.experiment
    assert run.offline
    run.finish()
