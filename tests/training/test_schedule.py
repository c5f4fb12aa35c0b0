"""Updates a batch: what a schedule means, and which ones mean nothing."""

import re
from typing import Any, cast

import pytest

from lit_gans.errors import InputError
from lit_gans.training.schedule import Schedule, Updates


def counts(schedule: Schedule | None, batches: int = 6) -> list[tuple[int, int]]:
    """(generator, discriminator) updates of the first batches."""
    updates = Updates.of(schedule)
    return [(updates.of_generator(batch), updates.of_discriminator(batch)) for batch in range(batches)]


@pytest.mark.parametrize("schedule", [None, {}])
def test_without_a_schedule_each_network_is_updated_once_a_batch(schedule: Schedule | None) -> None:
    assert counts(schedule) == [(1, 1)] * 6


def test_generator_4_is_the_4_to_1_of_report_003() -> None:
    assert counts({"generator": 4}) == [(4, 1)] * 6


def test_discriminator_3_is_three_discriminator_updates_a_batch() -> None:
    assert counts({"discriminator": 3}) == [(1, 3)] * 6


def test_generator_every_5_updates_it_in_the_first_of_five_batches() -> None:
    assert counts({"generator_every": 5}) == [(1, 1), (0, 1), (0, 1), (0, 1), (0, 1), (1, 1)]


def test_discriminator_every_2_updates_it_in_every_second_batch() -> None:
    assert counts({"discriminator_every": 2}) == [(1, 1), (1, 0)] * 3


def test_numbers_and_intervals_combine() -> None:
    assert counts({"generator": 2, "generator_every": 3, "discriminator": 4}) == [(2, 4), (0, 4), (0, 4)] * 2


@pytest.mark.parametrize(
    ("schedule", "generator"),
    [
        ({}, True),
        ({"generator": 4}, True),
        ({"discriminator": 4}, True),
        ({"discriminator_every": 2}, True),
        ({"generator_every": 2}, False),
    ],
)
def test_the_network_whose_step_is_counted_is_updated_in_every_batch(schedule: Schedule, generator: bool) -> None:
    updates = Updates.of(schedule)
    assert updates.generator_counts is generator
    of_counted = updates.of_generator if generator else updates.of_discriminator
    assert all(of_counted(batch) >= 1 for batch in range(20))


@pytest.mark.parametrize("key", ["generator", "discriminator", "generator_every", "discriminator_every"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "2", None])
def test_numbers_below_1_or_not_whole_are_refused_by_key_and_value(key: str, value: Any) -> None:
    with pytest.raises(InputError, match=re.escape(f"schedule.{key} is {value!r}") + ".*at least 1"):
        Updates.of(cast(Schedule, {key: value}))


def test_unknown_keys_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no critic, steps; expected generator, discriminator, generator_every"):
        Updates.of(cast(Schedule, {"steps": 1, "critic": 5, "generator": 1}))


def test_two_networks_that_both_pause_are_refused() -> None:
    with pytest.raises(InputError, match="generator_every and discriminator_every are both above 1"):
        Updates.of({"generator_every": 2, "discriminator_every": 2})


def test_an_interval_of_1_is_no_pause() -> None:
    assert counts({"generator_every": 1, "discriminator_every": 2}, 2) == [(1, 1), (1, 0)]
