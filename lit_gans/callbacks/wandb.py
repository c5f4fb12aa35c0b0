"""Weights & Biases that no missing account, missing network or missing terminal can break."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import Logger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn

from lit_gans.errors import InputError

Mode = Literal["auto", "online", "offline", "off"]

INIT_TIMEOUT = 20  # seconds for the server to answer, after the 10 that wandb spends on naming the user

_WANDB_MODES: dict[str, Mode] = {
    "online": "online",
    "run": "online",
    "shared": "online",
    "offline": "offline",
    "dryrun": "offline",
    "disabled": "off",
}


def wandb_logger(
    mode: Mode,
    save_dir: str,
    name: str,
    project: str | None = None,
    run_id: str | None = None,
    checkpoints: Path | None = None,
) -> Logger | None:
    """Return a logger that sends metrics to Weights & Biases, or None where it is not wanted.

    Args:
        mode: ``"off"``: None. ``"offline"``: write below ``save_dir/wandb``, for ``wandb sync`` later. ``"online"``:
            send; without an account or an answering server, warn and go on offline. ``"auto"``: what the environment's
            ``WANDB_MODE`` says, else online where an account is configured and None elsewhere.
        save_dir: Folder for the local files.
        name: Name of the run on the site, unless ``WANDB_NAME`` says another.
        project: Project on the site; None: that of ``WANDB_PROJECT``, else "lit_gans". ``WANDB_ENTITY`` and the other
            variables of wandb count too.
        run_id: Run on the site that is continued, unless ``WANDB_RUN_ID`` says another; None: a new one.
        checkpoints: Folder whose ``*.ckpt`` become an artifact when the run ends, however it ends.

    An account is configured by ``WANDB_API_KEY``, or by ``wandb login`` (an entry in the netrc file for the server,
    which is W&B's own or ``WANDB_BASE_URL``). Nothing is ever asked on the terminal.

    Raises:
        InputError: a WANDB_MODE that wandb does not know.
    """
    named = os.environ.get("WANDB_MODE", "")
    if not named:
        os.environ.pop("WANDB_MODE", None)  # wandb takes an empty one for a wrong one
    elif named not in _WANDB_MODES:
        raise InputError(f"WANDB_MODE is {named!r} in the environment; expected one of {', '.join(_WANDB_MODES)}")
    if mode == "auto":
        mode = _WANDB_MODES.get(named, "online" if _has_account() else "off")
    if mode == "off":
        return None
    if mode == "online" and not _has_account():
        _warn_offline("no account is configured here", "to send at once, run `wandb login` or set WANDB_API_KEY")
        mode = "offline"
    return _FallbackWandbLogger(
        checkpoints,
        name=os.environ.get("WANDB_NAME") or name,
        save_dir=save_dir,
        project=project or os.environ.get("WANDB_PROJECT") or "lit_gans",
        id=os.environ.get("WANDB_RUN_ID") or run_id,
        log_model=False,
        mode=mode,
        settings={"init_timeout": INIT_TIMEOUT},
    )


class _FallbackWandbLogger(WandbLogger):
    """A WandbLogger that goes on offline when the server cannot be reached or refuses."""

    def __init__(self, checkpoints: Path | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.checkpoints = checkpoints
        # Lightning passes it always; wandb warns that it has no effect.
        self._wandb_init.pop("anonymous", None)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        import wandb

        try:
            return super().experiment
        except wandb.Error as error:
            if self._wandb_init["mode"] == "offline":
                raise
            _warn_offline(" ".join(str(error).split()), "check the key and the network")
            self._wandb_init["mode"] = "offline"
            return super().experiment

    @rank_zero_only
    def finalize(self, status: str) -> None:
        files = sorted(self.checkpoints.glob("*.ckpt")) if self.checkpoints else []
        if files and self._experiment is not None:
            import wandb

            artifact = wandb.Artifact(f"model-{self.version}", type="model")
            for file in files:
                artifact.add_file(str(file))
            self.experiment.log_artifact(artifact)


def _warn_offline(why: str, what_to_do: str) -> None:
    rank_zero_warn(f"Weights & Biases: {why}; logging offline, for `wandb sync` later ({what_to_do})")


def _has_account() -> bool:
    """Whether wandb would find a key, told without importing wandb (which takes a second)."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    if base_url := os.environ.get("WANDB_BASE_URL"):
        servers = [urlsplit(base_url).netloc]
    else:
        servers = ["api.wandb.ai", "api.forge.coreweave.com"]
    try:
        entries = netrc.netrc(_netrc_file()).hosts
    except (OSError, netrc.NetrcParseError):
        return False
    return any(server in entries for server in servers)


def _netrc_file() -> Path:
    if path := os.environ.get("NETRC"):
        return Path(path).expanduser()
    home = Path(os.path.expanduser("~"))  # of Path, an error where there is no home
    return home / (".netrc" if (home / ".netrc").exists() else "_netrc")
