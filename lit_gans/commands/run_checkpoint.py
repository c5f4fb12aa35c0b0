"""The checkpoint of fit, validate, test and predict: located and validated before Lightning loads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lit_gans import hub, zoo
from lit_gans.checkpoints import check_finite, read_torch_file
from lit_gans.errors import InputError
from lit_gans.inference.checkpoint import check_belongs

if TYPE_CHECKING:
    import lightning as L

OPTION = "--ckpt_path"
# Words for a checkpoint of the newest version of this run that has one.
OF_THE_RUN = ("last", "best")


def checked_checkpoint(command: str, given: str | None, model: L.LightningModule, untrained: bool) -> str | None:
    """Path of the checkpoint for Lightning; None without one.

    Args:
        command: fit, validate, test or predict.
        given: what `--ckpt_path` says: a file, an address on the Hub, or a name in the zoo.
        model: what shall get its weights.
        untrained: whether a model without any checkpoint is meant.

    Raises:
        InputError: no checkpoint where one is needed; a missing or damaged one; one of another model.
    """
    if given is None:
        if command != "fit" and not untrained:
            raise InputError(
                f"{command} needs a checkpoint: give {OPTION} CKPT (or --untrained true, if a model that has learnt "
                "nothing is meant)"
            )
        return None
    if untrained:
        raise InputError(f"--untrained true and {OPTION} {given} exclude each other; leave one of them out")
    path = hub.found(given)
    source = f"{OPTION} {path}"
    content = read_torch_file(path, OPTION)
    check_belongs(content, model, source, continues=command == "fit")
    check_finite(content, source)
    return str(path)


def newest(folder: Path, word: str) -> Path:
    """`checkpoints/WORD.ckpt` of the newest version of a run that has one.

    Raises:
        InputError: no version has one.
    """
    versions = {
        int(number): file
        for file in folder.glob(f"version_*/checkpoints/{word}.ckpt")
        if (number := file.parts[-3].removeprefix("version_")).isdecimal()
    }
    if not versions:
        raise InputError(f"{OPTION} {word}: no version of {folder} has a checkpoints/{word}.ckpt; give a file")
    file = versions[max(versions)]
    print(f"{OPTION} {word} is {file}")
    return file


def config_of(checkpoint: Path, source: str = OPTION, remedy: str = "give --config too") -> Path:
    """The config that the run of this checkpoint was started with, or the one that the zoo has beside it.

    Args:
        checkpoint: the file.
        source: what opens the message of an error.
        remedy: what ends it.

    Raises:
        InputError: it is not there.
    """
    if str(checkpoint) in OF_THE_RUN:
        raise InputError(f"{OPTION} {checkpoint}: of which run? Give its --config too, or the file instead")
    checkpoint = hub.found(checkpoint)
    if not checkpoint.is_file():
        kind = "is a folder" if checkpoint.is_dir() else f"no such file{zoo.hint(checkpoint)}"
        raise InputError(f"{source} {checkpoint}: {kind}")
    beside = (checkpoint.parent / "config.yaml", checkpoint.parent.parent / "config.yaml")
    for file in (*beside, checkpoint.with_suffix(".yaml")):
        if file.is_file():
            return file
    raise InputError(f"{source} {checkpoint}: no config.yaml beside it or in the folder above; {remedy}")
