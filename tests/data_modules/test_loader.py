"""ArrayLoader: rows to batches, and where it goes on after a restart."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from data_modules.base import ImageDataModule
from data_modules.loader import ArrayLoader, Batch, made_ahead, take
from data_modules.sampler import EpochOrder

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 4), dtype=np.uint8)
LABELS = torch.arange(20.0).view(20, 1)
ROWS = torch.tensor([19, 3, 5, 7, 1, 11, 13, 0, 2, 17, 16])


@pytest.fixture
def memory_map(tmp_path: Path) -> np.ndarray:
    np.save(tmp_path / "images.npy", IMAGES)
    mapped: np.ndarray = np.load(tmp_path / "images.npy", mmap_mode="r")
    return mapped


def loader(
    images: Tensor | np.ndarray | None = None,
    batch_size: int = 3,
    shuffle: bool = True,
    flip: bool = True,
    ahead: int = 0,
) -> ArrayLoader:
    columns = {"image": torch.from_numpy(IMAGES) if images is None else images, "label": LABELS}
    order = EpochOrder(len(ROWS), batch_size, seed=4, shuffle=shuffle)
    return ArrayLoader(columns, ROWS, order, flip=flip, ahead=ahead)


def assert_same(one: list[Batch], two: list[Batch]) -> None:
    assert len(one) == len(two) > 0
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def labels(batches: list[Batch]) -> list[int]:
    return [int(label) for batch in batches for label in batch["label"].flatten()]


def test_tensor_and_memory_map_give_the_same_batches(memory_map: np.ndarray) -> None:
    assert isinstance(memory_map, np.memmap)
    assert_same(list(loader(memory_map)), list(loader()))


def test_a_batch_of_a_memory_map_is_a_writable_copy(memory_map: np.ndarray) -> None:
    image = next(iter(loader(memory_map)))["image"]
    image.zero_()
    assert image.dtype == torch.uint8
    np.testing.assert_array_equal(memory_map, IMAGES)


def test_all_columns_of_a_batch_show_the_same_rows() -> None:
    for batch in loader():
        np.testing.assert_array_equal(batch["image"].numpy(), IMAGES[batch["label"].flatten().int().numpy()])


def test_only_the_given_rows_come_and_unshuffled_in_their_order() -> None:
    assert labels(list(loader(shuffle=False))) == ROWS.tolist()
    shuffled = labels(list(loader()))
    assert len(set(shuffled)) == 9 and set(shuffled) < set(ROWS.tolist())


def test_rows_are_those_that_the_order_picks() -> None:
    picks = torch.cat(EpochOrder(len(ROWS), 3, seed=4).batches(0))
    assert labels(list(loader())) == [ROWS.tolist()[pick] for pick in picks.tolist()]


def test_length_is_the_number_of_batches() -> None:
    assert len(loader()) == len(list(loader())) == 3
    assert len(loader(shuffle=False)) == len(list(loader(shuffle=False))) == 4


def test_a_flip_belongs_to_a_row_whatever_the_batch_size() -> None:
    def flip_of(batches: list[Batch]) -> dict[int, bool]:
        flips = [bool(flip) for batch in batches for flip in batch["flip"]]
        return dict(zip(labels(batches), flips, strict=True))

    threes, elevens = flip_of(list(loader(batch_size=3))), flip_of(list(loader(batch_size=11)))
    assert len(threes) == 9
    assert threes.items() <= elevens.items()
    assert set(elevens.values()) == {True, False}


def test_without_flip_there_is_no_such_column() -> None:
    assert set(next(iter(loader(flip=False)))) == {"image", "label"}
    assert set(next(iter(loader(flip=True)))) == {"image", "label", "flip"}


def test_set_epoch_changes_order_and_flips_and_can_go_back() -> None:
    one = loader()
    first = list(one)
    one.set_epoch(1)
    second = list(one)
    assert labels(second) != labels(first)
    assert torch.cat([b["flip"] for b in second]).tolist() != torch.cat([b["flip"] for b in first]).tolist()
    one.set_epoch(0)
    assert_same(list(one), first)


@pytest.mark.parametrize("ahead", [0, 2])
@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_loaded_state_goes_on_at_the_next_batch_with_the_same_rows_and_flips(done: int, ahead: int) -> None:
    whole, stopped, resumed = loader(), loader(ahead=ahead), loader(ahead=ahead)
    for each in (whole, stopped, resumed):
        each.set_epoch(2)
    batches = iter(stopped)
    for _ in range(done):
        next(batches)
    resumed.load_state_dict(stopped.state_dict())
    assert_same(list(resumed), list(whole)[done:])


@pytest.mark.parametrize(("device", "resident", "ahead"), [("cuda", False, 2), ("cuda", True, 0), ("cpu", False, 0)])
def test_batches_are_gathered_ahead_for_a_gpu_that_does_not_hold_the_array(
    memory_map: np.ndarray, device: str, resident: bool, ahead: int
) -> None:
    data = ImageDataModule("nowhere", batch_size=3)
    strategy = SimpleNamespace(root_device=torch.device(device))
    data.trainer = SimpleNamespace(strategy=strategy, global_rank=0, world_size=1)  # type: ignore[assignment]
    images = torch.from_numpy(IMAGES) if resident else memory_map
    made = data.loader({"image": images, "label": LABELS}, ROWS, train=True)
    assert (made.ahead, made.pin) == (ahead, device == "cuda")


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_what_is_made_ahead_comes_in_order_and_as_far_ahead_as_asked(count: int) -> None:
    made: list[int] = []

    def make(item: int) -> int:
        made.append(item)
        return item**2

    squares = made_ahead(make, range(6), count)
    assert made == []
    assert next(squares) == 0
    squares_left = list(squares)
    assert squares_left == [1, 4, 9, 16, 25] and made == list(range(6))


def test_nothing_is_made_that_is_further_ahead() -> None:
    made: list[int] = []
    squares = made_ahead(made.append, range(6), 2)
    next(squares)
    squares.close()  # type: ignore[attr-defined]  # waits for the thread
    assert made == [0, 1, 2]


def test_an_error_ahead_reaches_who_asks_for_that_item() -> None:
    quotients = made_ahead(lambda item: 1 / item, [1, 0, 2], 2)
    assert next(quotients) == 1
    with pytest.raises(ZeroDivisionError):
        next(quotients)


def test_the_state_is_plain_numbers() -> None:
    one = loader()
    one.set_epoch(3)
    next(iter(one))
    assert one.state_dict() == {"position": 1, "epoch": 3}


def test_after_a_resumed_epoch_the_next_one_is_whole() -> None:
    resumed, whole = loader(), loader()
    resumed.load_state_dict({"position": 2})
    assert len(list(resumed)) == 1
    resumed.set_epoch(1)
    whole.set_epoch(1)
    assert_same(list(resumed), list(whole))


def test_the_state_after_a_whole_epoch_is_the_start_of_the_next() -> None:
    one = loader()
    batches = iter(one)
    for _ in range(len(one)):
        next(batches)
    # saved while the last batch is still being trained on: the generator has not been asked for one more
    assert one.state_dict() == {"position": 0, "epoch": 0}
    assert list(batches) == []
    assert one.state_dict() == {"position": 0, "epoch": 0}


@pytest.mark.parametrize(("epoch", "start"), [(5, 2), (6, 0)])
def test_an_epoch_goes_on_after_a_restart_and_one_that_ended_early_does_not(epoch: int, start: int) -> None:
    """With trainer.limit_train_batches an epoch ends before its batches do."""
    resumed, whole = loader(), loader()
    resumed.load_state_dict({"position": 2, "epoch": 5})
    for one in (resumed, whole):
        one.set_epoch(epoch)
    assert_same(list(resumed), list(whole)[start:])


def test_an_epoch_that_was_broken_off_without_a_restart_is_followed_by_a_whole_one() -> None:
    one, whole = loader(), loader()
    next(iter(one))
    assert_same(list(one), list(whole))


class Recorder(L.LightningModule):
    """Keeps the labels of each training batch and of each validation."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.trained: list[list[int]] = []
        self.validated: list[list[int]] = []

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.trained.append(labels([batch]))
        return self.layer(batch["label"]).mean()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        if batch_idx == 0:
            self.validated.append([])
        self.validated[-1] += labels([batch])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def trainer(**options: Any) -> L.Trainer:
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    return L.Trainer(accelerator="cpu", enable_checkpointing=False, **quiet, **options)


def test_validation_is_whole_after_the_sanity_check_of_two_batches() -> None:
    model = Recorder()
    trainer(max_epochs=1, num_sanity_val_steps=2).fit(model, loader(), loader(shuffle=False))
    assert model.validated == [ROWS.tolist()[:6], ROWS.tolist()]


def test_lightning_gives_each_epoch_its_own_order() -> None:
    model = Recorder()
    trainer(max_epochs=3).fit(model, loader())
    order = EpochOrder(len(ROWS), 3, seed=4)
    assert model.trained == [ROWS[picks].tolist() for epoch in range(3) for picks in order.batches(epoch)]


class SaveAtTheLastBatch(L.Callback):
    """Inside of the batch: after `fit` Lightning has counted the broken epoch as a whole one."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        if trainer.global_step == trainer.max_steps:
            trainer.save_checkpoint(self.file)


@pytest.mark.parametrize("stop", [1, 3, 5, 6])
def test_a_run_resumed_by_lightning_sees_the_batches_of_an_unbroken_one(stop: int, tmp_path: Path) -> None:
    unbroken, first, second = Recorder(), Recorder(), Recorder()
    trainer(max_steps=8).fit(unbroken, loader())
    trainer(max_steps=stop, callbacks=[SaveAtTheLastBatch(tmp_path / "last.ckpt")]).fit(first, loader())
    trainer(max_steps=8).fit(second, loader(), ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert len(first.trained) == stop
    assert first.trained + second.trained == unbroken.trained


def test_take_gathers_each_column_at_the_rows(memory_map: np.ndarray) -> None:
    batch = take({"image": memory_map, "label": LABELS}, torch.tensor([4, 4, 0]))
    assert batch["label"].flatten().tolist() == [4, 4, 0]
    np.testing.assert_array_equal(batch["image"].numpy(), IMAGES[[4, 4, 0]])
