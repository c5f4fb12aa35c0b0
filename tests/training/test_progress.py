"""The share of a run that is done, by batches and by the trainer's clock; the clock of these tests goes by itself."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import timer
from torch.utils.data import DataLoader

from lit_gans.callbacks.checkpoints import LastCheckpoint
from lit_gans.errors import InputError
from lit_gans.models.base import ImageModel
from lit_gans.models.cdcgan import CDCGAN
from lit_gans.models.cyclegan import CycleGAN
from lit_gans.models.evaluator import Evaluator
from lit_gans.models.flow import ConditionalFlow
from lit_gans.training.progress import run_progress, shared_progress

NEVER: dict[str, Any] = {"max_epochs": -1, "max_steps": -1}
SECONDS = 10.0  # a batch


class Clock:
    """Stands still but for `SECONDS` after each batch."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Passing(L.Callback):
    """Lets the time of a batch pass, and keeps what the batch saw: (progress, learning rates)."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.seen: list[tuple[float, list[float]]] = []

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        assert isinstance(pl_module, ImageModel)
        rates = [optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers]
        self.seen.append((pl_module.progress, rates))
        self.clock.now += SECONDS

    @property
    def progress(self) -> list[float]:
        return [progress for progress, _ in self.seen]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(timer, "time", clock)
    yield clock


def images(count: int, size: int = 8) -> DataLoader[Any]:
    image, condition = torch.zeros(2, 3, size, size), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    batch = {"image": image, "condition": condition, "image_a": image, "image_b": image}
    return DataLoader([batch] * count, batch_size=None)  # type: ignore[arg-type]


def tiny_gan(**options: Any) -> CDCGAN:
    return CDCGAN(num_classes=2, image_size=8, latent_dim=2, condition_dim=2, width=2, **options)


@pytest.fixture
def train(tmp_path: Path, clock: Clock) -> Callable[..., Passing]:
    """Trains on batches of 10 seconds each, five an epoch, and returns what the batches saw."""

    def run(model: ImageModel, size: int = 8, checkpoint: Path | None = None, **options: Any) -> Passing:
        passing = Passing(clock)
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = L.Trainer(
            accelerator="cpu",
            devices=1,
            default_root_dir=tmp_path,
            enable_checkpointing=True,
            # the batch's seconds pass before Lightning's timer looks at its clock
            callbacks=[passing, timer.Timer(options.pop("max_time", None)), LastCheckpoint(every=10**6)],
            **(quiet | options),
        )
        trainer.fit(model, images(5, size), ckpt_path=checkpoint)
        return passing

    return run


Train = Callable[..., Passing]


@pytest.fixture
def last(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints" / "last.ckpt"


class TestEnds:
    def test_a_run_that_ends_with_time_goes_from_0_to_1_by_the_clock(self, train: Train) -> None:
        assert train(tiny_gan(), max_time={"seconds": 80}, **NEVER).progress == pytest.approx(
            [0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8]
        )

    def test_a_run_that_ends_with_its_batches_counts_them_exactly(self, train: Train) -> None:
        assert train(tiny_gan(), max_steps=7).progress == [step / 7 for step in range(7)]
        assert train(tiny_gan(), max_epochs=2).progress == [step / 10 for step in range(10)]

    def test_the_end_that_comes_first_counts(self, train: Train) -> None:
        by_batches = train(tiny_gan(), max_steps=4, max_time={"seconds": 80}).progress
        assert by_batches == pytest.approx([0, 1 / 4, 2 / 4, 3 / 4])
        by_time = train(tiny_gan(), max_steps=16, max_time={"seconds": 40}).progress
        assert by_time == pytest.approx([0, 1 / 4, 2 / 4, 3 / 4])

    def test_a_run_without_an_end_stays_at_0(self, train: Train) -> None:
        class Enough(L.Callback):
            def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
                trainer.should_stop = trainer.global_step == 3

        model = tiny_gan()
        quiet = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False}
        trainer = L.Trainer(accelerator="cpu", callbacks=[Enough()], enable_model_summary=False, **quiet, **NEVER)
        trainer.fit(model, images(5))
        assert trainer.global_step == 3 and model.progress == 0

    @pytest.mark.parametrize("option", [{"decay_from": 0.5}, {"input_noise": 0.1}, {"augment_until": 0.5}])
    def test_what_needs_an_end_takes_time_for_one(self, option: dict[str, Any], train: Train) -> None:
        with pytest.raises(InputError, match=r"needs a run with an end: set .* or trainer\.max_time"):
            train(tiny_gan(**option), **NEVER)
        assert len(train(tiny_gan(**option), max_time={"seconds": 20}, **NEVER).seen) == 2


class TestEverySystem:
    """Of 8 batches of 10 seconds in a run of 80 seconds; rates fall from its half on."""

    FALLING = (1, 1, 1, 1, 1, 0.75, 0.5, 0.25)

    def rates(self, train: Train, model: ImageModel, **options: Any) -> list[list[float]]:
        return [rates for _, rates in train(model, max_time={"seconds": 80}, **NEVER, **options).seen]

    def test_a_gan(self, train: Train) -> None:
        model = tiny_gan(decay_from=0.5, lr_generator=2e-3, lr_discriminator=1e-3)
        assert self.rates(train, model) == [[pytest.approx(2e-3 * f), pytest.approx(1e-3 * f)] for f in self.FALLING]

    def test_the_noise_and_the_augmentation_of_a_gan(self, train: Train) -> None:
        model = tiny_gan(input_noise=0.8, augment=["cutout"], augment_until=0.5)
        seen = []
        original = model.training_step

        def looked_at(*args: Any) -> None:
            seen.append((model.augment.noise_now, model.augment.share_now))
            original(*args)

        model.training_step = looked_at  # type: ignore[method-assign]
        train(model, max_time={"seconds": 40}, **NEVER)
        assert seen == [(pytest.approx(0.8 * (1 - i / 4)), share) for i, share in enumerate((1, 1, 0, 0))]

    def test_a_flow(self, train: Train) -> None:
        sizes: dict[str, Any] = {"levels": 1, "steps": 1, "hidden": 2, "embedding": 2, "features": 2, "growth": 2}
        model = ConditionalFlow(2, None, 8, **sizes, blocks=1, lr=1e-3, warmup=0, decay_from=0.5)
        assert self.rates(train, model) == [[pytest.approx(1e-3 * f)] for f in self.FALLING]

    def test_a_cyclegan(self, train: Train) -> None:
        model = CycleGAN(width=2, blocks=1, discriminator_width=2, discriminator_layers=1, lr_generator=1e-3)
        assert [first for first, _ in self.rates(train, model, size=16)] == pytest.approx(
            [1e-3 * f for f in self.FALLING]
        )

    def test_the_cycle_of_an_evaluator(self, train: Train) -> None:
        rates = [rate for (rate,) in self.rates(train, Evaluator(2, lr=0.1, half_resolution=0), size=32)]
        assert rates[0] == pytest.approx(0.1 / 25)
        assert max(rates) == rates[2]  # 20 of 80 seconds; the cycle's peak is at 16
        assert rates[2:] == sorted(rates[2:], reverse=True) and rates[7] < 0.1 * 0.1


class TestResumed:
    def test_a_run_goes_on_from_the_time_it_had(self, train: Train, clock: Clock, last: Path) -> None:
        whole = train(tiny_gan(decay_from=0.5), max_time={"seconds": 80}, **NEVER).seen
        first = train(tiny_gan(decay_from=0.5), max_time={"seconds": 80}, max_epochs=-1, max_steps=3).seen
        stored = torch.load(last, weights_only=True)
        clock.now += 3600  # the pause does not count

        model = tiny_gan(decay_from=0.5)
        second = train(model, max_time={"seconds": 80}, checkpoint=last, **NEVER).seen
        assert stored["lit_gans"]["progress"] == first[-1][0]
        assert [len(part) for part in (first, second)] == [3, 5]
        progress = [share for share, _ in second]
        assert progress == pytest.approx([share for share, _ in whole[3:]]) and model.progress == progress[-1]
        assert [rates for _, rates in second] == [pytest.approx(rates) for _, rates in whole[3:]]

    def test_a_finished_run_trains_no_more_until_it_is_given_more_time(self, train: Train, last: Path) -> None:
        train(tiny_gan(), max_time={"seconds": 40}, **NEVER)
        assert train(tiny_gan(), max_time={"seconds": 40}, checkpoint=last, **NEVER).seen == []
        more = train(tiny_gan(), max_time={"seconds": 80}, checkpoint=last, **NEVER).progress
        assert more == pytest.approx([4 / 8, 5 / 8, 6 / 8, 7 / 8])


def test_the_clock_of_the_first_process_decides_for_all(clock: Clock) -> None:
    """What reaches the schedules is what the strategy's broadcast brings, which takes the first process's value."""
    trainer = L.Trainer(accelerator="cpu", logger=False, max_time={"seconds": 80}, max_steps=-1, max_epochs=-1)
    limit = next(callback for callback in trainer.callbacks if isinstance(callback, timer.Timer))  # type: ignore[attr-defined]
    sent: list[float] = []

    class TwoProcesses:
        world_size, global_step, callbacks = 2, 0, [limit]
        strategy: Any

    def broadcast(share: float) -> float:
        sent.append(share)
        return 0.5

    run = TwoProcesses()
    run.strategy = run
    run.broadcast = broadcast  # type: ignore[attr-defined]
    limit.on_train_start(trainer, trainer)  # type: ignore[arg-type]
    clock.now += 20
    assert shared_progress(run, 100) == 0.5  # type: ignore[arg-type]
    assert sent == [run_progress(run, 100)] == [pytest.approx(0.25)]  # type: ignore[arg-type]
