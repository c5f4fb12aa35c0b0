"""`fit --ckpt_path` continues bit for bit, in a new process and in the middle of an epoch."""

import os
import signal
from pathlib import Path

import pytest
import torch
from processes import exit_code

from lit_gans.cli import main
from lit_gans.models.cdcgan import CDCGAN

# 36 pictures, 3 of them held out: 8 batches of 4 an epoch, so 17 batches end one batch into the third epoch
STEPS_BEFORE, STEPS = 17, 40


def arguments(scenes_folder: Path, runs: Path, *more: str) -> list[str]:
    tiny = "--model.width 2 --data.image_size 16 --data.batch_size 4 --data.flip true"
    trainer = f"--trainer.accelerator cpu --trainer.devices 1 --trainer.default_root_dir {runs} --wandb off"
    every = "--samples.every 1000 --trainer.log_every_n_steps 5"
    return [
        *["fit", "--config", "cdcgan_iclevr", "--data.root"],
        str(scenes_folder),
        *f"{tiny} {trainer} {every}".split(),
        *more,
    ]


def last_checkpoint(runs: Path) -> Path:
    return runs / "cdcgan_iclevr" / "version_0" / "checkpoints" / "last.ckpt"


def assert_same_state(left: object, right: object, where: str) -> None:
    assert type(left) is type(right), where
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right), f"{where} differs"  # type: ignore[arg-type]
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), where  # type: ignore[attr-defined]
        for key in left:
            assert_same_state(left[key], right[key], f"{where}.{key}")  # type: ignore[index]
    elif isinstance(left, list | tuple):
        assert len(left) == len(right), where  # type: ignore[arg-type]
        for i, (a, b) in enumerate(zip(left, right, strict=True)):  # type: ignore[call-overload]
            assert_same_state(a, b, f"{where}[{i}]")
    else:
        assert left == right, f"{where}: {left} is not {right}"


def assert_same_run(left: Path, right: Path) -> None:
    one, other = (torch.load(path, weights_only=True) for path in (left, right))
    assert any(key.startswith("generator_ema.") for key in one["state_dict"])
    assert len(one["optimizer_states"]) == 2
    for key in ("state_dict", "optimizer_states", "lit_gans", "updates", "global_step", "epoch"):
        assert_same_state(one[key], other[key], key)


@pytest.fixture(scope="module")
def uninterrupted(scenes_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("whole")
    assert main(arguments(scenes_folder, runs, "--trainer.max_steps", str(STEPS))) == 0
    return last_checkpoint(runs)


def test_a_resumed_run_equals_the_uninterrupted_one(scenes_folder: Path, uninterrupted: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(arguments(scenes_folder, first, "--trainer.max_steps", str(STEPS_BEFORE))) == 0
    half_way = torch.load(last_checkpoint(first), weights_only=True)
    assert half_way["global_step"] == STEPS_BEFORE

    more = ["--trainer.max_steps", str(STEPS), "--ckpt_path", str(last_checkpoint(first))]
    assert exit_code(main, arguments(scenes_folder, second, *more)) == 0

    assert_same_run(last_checkpoint(second), uninterrupted)
    with pytest.raises(AssertionError, match="differs"):  # the comparison can tell runs apart
        assert_same_state(half_way["state_dict"], torch.load(uninterrupted, weights_only=True)["state_dict"], "weights")


@pytest.mark.parametrize("stops", [(16, 20), (16, 24), (17, 24, 32)])
def test_a_run_resumed_several_times_equals_the_uninterrupted_one(
    stops: tuple[int, ...], scenes_folder: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    """Also where one start after another ends with an epoch (8 batches)."""
    resumed: list[str] = []
    for steps in (*stops, STEPS):
        runs = tmp_path / str(steps)
        assert main(arguments(scenes_folder, runs, "--trainer.max_steps", str(steps), *resumed)) == 0
        resumed = ["--ckpt_path", str(last_checkpoint(runs))]
    assert_same_run(last_checkpoint(runs), uninterrupted)


def test_a_run_of_shortened_epochs_goes_on_as_it_would_have(scenes_folder: Path, tmp_path: Path) -> None:
    """Five of eight batches an epoch; stopped with the second epoch."""
    limit = ["--trainer.limit_train_batches", "5", "--trainer.max_steps"]
    assert main(arguments(scenes_folder, tmp_path / "whole", *limit, "13")) == 0
    assert main(arguments(scenes_folder, tmp_path / "first", *limit, "10")) == 0
    more = ["--ckpt_path", str(last_checkpoint(tmp_path / "first"))]
    assert main(arguments(scenes_folder, tmp_path / "second", *limit, "13", *more)) == 0
    assert_same_run(last_checkpoint(tmp_path / "second"), last_checkpoint(tmp_path / "whole"))


def stopped(args: list[str], hook: str, batch: int) -> int:
    """Trains; the process gets SIGTERM when the model's `hook` is called after `batch` whole batches."""
    original = getattr(CDCGAN, hook)

    def stopping(self: CDCGAN, *hook_arguments: object) -> object:
        if self.global_step == batch and not self.trainer.sanity_checking:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, *hook_arguments)

    setattr(CDCGAN, hook, stopping)
    return main(args)


@pytest.mark.parametrize(
    ("hook", "batch", "saved"),
    [
        ("on_train_batch_start", 2, 3),  # in the middle of an epoch: the batch is finished first
        ("on_train_batch_start", 15, 16),  # in the last batch of the second epoch
        ("on_validation_epoch_end", 16, 16),  # after it, when its validation ends
        ("on_train_epoch_end", 16, 16),
    ],
)
def test_sigterm_saves_a_checkpoint_to_continue_from(
    hook: str, batch: int, saved: int, scenes_folder: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    args = arguments(scenes_folder, first, "--trainer.max_steps", "1000")
    assert exit_code(stopped, args, hook, batch) == 128 + signal.SIGTERM
    assert torch.load(last_checkpoint(first), weights_only=True)["global_step"] == saved

    more = ["--trainer.max_steps", str(STEPS), "--ckpt_path", str(last_checkpoint(first))]
    assert main(arguments(scenes_folder, second, *more)) == 0
    assert_same_run(last_checkpoint(second), uninterrupted)
