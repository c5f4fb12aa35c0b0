"""Which devices, strategy and precision the Trainer takes by itself."""

from typing import Any

import lightning as L
import pytest
import torch
import yaml
from lightning.pytorch.strategies import DDPStrategy
from torch.utils.data import BatchSampler, DataLoader

import lit_gans
from lit_gans.callbacks.checkpoints import LastCheckpoint
from lit_gans.callbacks.progress import PlainProgress
from lit_gans.callbacks.samples import SampleGrid
from lit_gans.commands.trainer import Trainer, are_several, put_back_loaders
from lit_gans.configs import find_config
from lit_gans.errors import InputError

QUIET: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "accelerator": "cpu"}


def test_one_device_is_the_default_also_where_there_are_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    trainer = Trainer(**QUIET)
    assert trainer.num_devices == 1 and not isinstance(trainer.strategy, DDPStrategy)


def test_several_devices_get_the_strategy_of_the_overlay() -> None:
    overlay = yaml.safe_load(find_config("trainer/ddp").read_text())["trainer"]
    plain = Trainer(devices=2, **QUIET)
    named = Trainer(**{**overlay, "devices": 2, **QUIET})
    for trainer in (plain, named):
        assert isinstance(trainer.strategy, DDPStrategy) and trainer.num_devices == 2
        assert trainer.strategy._ddp_kwargs == {"find_unused_parameters": True}
        assert not trainer._accelerator_connector.use_distributed_sampler


@pytest.mark.parametrize("given", [PlainProgress(), [PlainProgress(), SampleGrid()], None])
def test_no_progress_bar_leaves_out_the_one_of_the_command_line(given: Any) -> None:
    trainer = Trainer(enable_progress_bar=False, callbacks=given, **QUIET)
    kinds = {type(callback) for callback in trainer.callbacks}
    assert PlainProgress not in kinds and (SampleGrid in kinds) == isinstance(given, list)


def test_a_strategy_that_is_named_wins() -> None:
    trainer = Trainer(devices=2, strategy="ddp", **QUIET)
    assert isinstance(trainer.strategy, DDPStrategy) and trainer.strategy._ddp_kwargs == {}


@pytest.mark.parametrize(
    ("devices", "accelerator", "gpus", "expected"),
    [
        (1, "cpu", 0, False),
        (2, "cpu", 0, True),
        ("2", "gpu", 2, True),
        ([0], "gpu", 2, False),
        ([0, 1], "gpu", 2, True),
        ("0,", "gpu", 2, False),
        ("0,1", "gpu", 2, True),
        ("auto", "auto", 2, True),
        ("auto", "auto", 1, False),
        ("auto", "cpu", 2, False),
        (-1, "gpu", 4, True),
        ("-1", "cuda", 1, False),
    ],
)
def test_several_devices_are_known_from_how_they_are_named(
    devices: Any, accelerator: str, gpus: int, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert are_several(devices, accelerator) is expected


@pytest.mark.parametrize("precision", ["64-true", "16-true", "17", "bf16-true"])
def test_a_precision_that_no_model_is_made_for_is_refused(precision: str) -> None:
    with pytest.raises(InputError, match=f"trainer.precision is '{precision}'; expected one of auto, 32-true"):
        Trainer(precision=precision, **QUIET)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"devices": "x"}, "trainer.devices is 'x'; expected a whole number of at least 1"),
        ({"devices": 0}, "trainer.devices is 0; expected"),
        ({"strategy": "foo"}, "trainer: .*invalid strategy name.*'foo'"),
        ({"accelerator": "foo"}, "trainer: .*invalid accelerator name.*'foo'"),
    ],
)
def test_an_option_that_lightning_cannot_use_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Trainer(**{**QUIET, **options})


@pytest.mark.parametrize(
    ("made_by", "options", "name"),
    [
        (LastCheckpoint, {"every": 0}, "checkpoint.every"),
        (SampleGrid, {"every": 0}, "samples.every"),
        (SampleGrid, {"count": -1}, "samples.count"),
        (SampleGrid, {"seed": -1}, "samples.seed"),
    ],
)
def test_numbers_of_the_callbacks_are_named_by_their_options(made_by: type, options: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is .*; expected a whole number"):
        made_by(**options)


def test_data_that_raise_an_error_leave_torchs_loaders_as_they_were() -> None:
    class Broken(L.LightningDataModule):
        def train_dataloader(self) -> DataLoader[Any]:
            raise ValueError("no data")

    before = {kind: kind.__init__ for kind in (DataLoader, BatchSampler)}
    model = lit_gans.DCGAN(image_size=16, width=4)
    trainer = L.Trainer(accelerator="cpu", devices=1, max_steps=1, logger=False, enable_checkpointing=False)
    with pytest.raises(ValueError, match="no data"):
        trainer.fit(model, Broken())
    assert "__old__init__" in vars(DataLoader)  # else Lightning does without, and `put_back_loaders` can go
    put_back_loaders()
    for kind, init in before.items():
        assert kind.__init__ is init and not [name for name in vars(kind) if name.startswith("__old")]
