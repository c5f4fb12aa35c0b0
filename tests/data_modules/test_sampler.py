"""EpochOrder: which sample comes when, in one process and in several."""

from collections.abc import Iterable
from itertools import chain

import pytest
import torch

from data_modules.sampler import EpochOrder


def rows(order: EpochOrder, epoch: int = 0) -> list[list[int]]:
    return [batch.tolist() for batch in order.batches(epoch)]


def flat(batches: Iterable[list[int]]) -> list[int]:
    return list(chain.from_iterable(batches))


def test_order_is_a_function_of_seed_and_epoch_and_not_of_the_global_generator() -> None:
    torch.manual_seed(1)
    first = rows(EpochOrder(40, 8, seed=5), epoch=3)
    torch.manual_seed(2)
    assert rows(EpochOrder(40, 8, seed=5), epoch=3) == first
    assert rows(EpochOrder(40, 8, seed=5), epoch=4) != first
    assert rows(EpochOrder(40, 8, seed=6), epoch=3) != first


def test_asking_for_an_order_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    EpochOrder(40, 8, seed=5).batches(0)
    EpochOrder(40, 8, seed=5).flips(0)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_same_epoch_can_be_asked_for_again() -> None:
    order = EpochOrder(40, 8, seed=5)
    assert rows(order, 2) == rows(order, 2)


@pytest.mark.parametrize("seed", [-1, 0, 2**40])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    assert sorted(flat(rows(EpochOrder(6, 3, seed=seed), epoch=1))) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("world", [2, 3, 4])
def test_ranks_joined_are_the_union_batch_of_one_process_in_the_same_order(world: int) -> None:
    one = rows(EpochOrder(50, 4 * world, seed=1), epoch=2)
    ranks = [rows(EpochOrder(50, 4, seed=1, rank=rank, world_size=world), epoch=2) for rank in range(world)]
    joined = [flat(parts) for parts in zip(*ranks, strict=True)]
    assert joined == one
    assert all(len(batch) == 4 for rank in ranks for batch in rank)


@pytest.mark.parametrize(
    ("length", "batch_size", "world", "batches"),
    [(10, 3, 1, 3), (9, 3, 1, 3), (8, 3, 1, 2), (2, 3, 1, 0), (25, 4, 3, 2), (24, 4, 3, 2), (23, 4, 3, 1)],
)
def test_shuffled_epochs_drop_the_last_incomplete_union_batch(
    length: int, batch_size: int, world: int, batches: int
) -> None:
    for rank in range(world):
        order = EpochOrder(length, batch_size, rank=rank, world_size=world)
        assert len(order) == batches
        if batches:
            assert [len(batch) for batch in order.batches(0)] == [batch_size] * batches


def test_a_shuffled_epoch_has_no_sample_twice_and_drops_others_in_another_epoch() -> None:
    order = EpochOrder(10, 4, seed=0)
    seen = [set(flat(rows(order, epoch))) for epoch in range(20)]
    assert all(len(epoch) == 8 and epoch <= set(range(10)) for epoch in seen)
    assert set.union(*seen) == set(range(10))
    assert len({frozenset(epoch) for epoch in seen}) > 1


def test_shuffling_depends_on_more_than_the_place_in_the_file() -> None:
    assert flat(rows(EpochOrder(100, 10))) != list(range(100))


def test_unshuffled_samples_come_in_file_order_with_the_last_incomplete_batch() -> None:
    order = EpochOrder(7, 3, shuffle=False)
    assert rows(order, 0) == rows(order, 9) == [[0, 1, 2], [3, 4, 5], [6]]
    assert len(order) == 3


def test_unshuffled_rank_r_takes_every_nth_sample() -> None:
    orders = [EpochOrder(8, 2, shuffle=False, rank=rank, world_size=3) for rank in range(3)]
    assert [rows(order) for order in orders] == [[[0, 3], [6]], [[1, 4], [7]], [[2, 5]]]
    assert [len(order) for order in orders] == [2, 2, 1]


@pytest.mark.parametrize("length", [3, 7, 12, 13])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_unshuffled_every_sample_comes_exactly_once_over_the_ranks(length: int, world: int) -> None:
    orders = [EpochOrder(length, 2, shuffle=False, rank=rank, world_size=world) for rank in range(world)]
    assert sorted(flat(flat(rows(order)) for order in orders)) == list(range(length))
    assert [len(order) for order in orders] == [len(order.batches(0)) for order in orders]


def test_flips_are_a_function_of_seed_and_epoch_and_not_of_batch_size_or_rank() -> None:
    flips = EpochOrder(200, 8, seed=3).flips(1)
    assert flips.dtype == torch.bool and flips.shape == (200,)
    assert torch.equal(EpochOrder(200, 5, seed=3, rank=1, world_size=4).flips(1), flips)
    assert not torch.equal(EpochOrder(200, 8, seed=3).flips(2), flips)
    assert not torch.equal(EpochOrder(200, 8, seed=4).flips(1), flips)


def test_about_half_of_the_samples_are_flipped_and_each_one_in_about_half_of_the_epochs() -> None:
    order = EpochOrder(200, 8, seed=3)
    flips = torch.stack([order.flips(epoch) for epoch in range(100)]).float()
    # 20,000 fair coins: standard deviation 0.0035; 100 coins of one sample: 0.05
    assert abs(flips.mean().item() - 0.5) < 0.018
    assert (flips.mean(dim=0) - 0.5).abs().max() < 0.25


class TestWeights:
    """How often a sample comes: its share of the epoch's places, rounded up or down."""

    WEIGHTS = torch.tensor([1.0, 0.0, 4.5, 2.0, 0.5])

    def counts(self, order: EpochOrder, epoch: int) -> list[int]:
        return torch.bincount(torch.cat(order.batches(epoch)), minlength=order.length).tolist()

    def test_each_sample_comes_as_often_as_its_share_in_every_epoch(self) -> None:
        # 40 samples of these weights eight times over: 40 places for a sum of 64, so 0.625 places a unit of weight
        order = EpochOrder(40, 8, seed=2, weights=self.WEIGHTS.repeat(8))
        shares = (0.625 * self.WEIGHTS.repeat(8)).tolist()
        counts = [self.counts(order, epoch) for epoch in range(200)]
        for epoch in counts:
            assert sum(epoch) == 40
            assert all(share - 1 < count < share + 1 for share, count in zip(shares, epoch, strict=True))
        # shares of 2.8125 and 0.3125 are rounded by chance: a standard deviation of at most 0.5 / sqrt(200) = 0.035
        means = torch.tensor(counts).double().mean(dim=0)
        torch.testing.assert_close(means, torch.tensor(shares).double(), rtol=0, atol=0.15)

    def test_equal_weights_bring_every_sample_once(self) -> None:
        order = EpochOrder(40, 8, seed=2, weights=torch.full((40,), 0.3))
        assert sorted(flat(rows(order))) == list(range(40))

    def test_the_copies_of_a_sample_do_not_follow_each_other(self) -> None:
        weights = torch.ones(100)
        weights[7] = 99  # half of the places
        batches = torch.stack(EpochOrder(100, 10, seed=3, weights=weights).batches(0))
        assert ((batches == 7).sum(dim=1) < 10).all() and ((batches == 7).sum(dim=1) > 0).all()

    def test_it_is_a_function_of_seed_and_epoch_and_the_same_for_several_processes(self) -> None:
        weights = torch.rand(50, generator=torch.Generator().manual_seed(0))
        one = EpochOrder(50, 12, seed=1, weights=weights)
        assert rows(one, 2) == rows(one, 2) != rows(one, 3)
        ranks = [rows(EpochOrder(50, 4, 1, rank=rank, world_size=3, weights=weights), 2) for rank in range(3)]
        assert [flat(parts) for parts in zip(*ranks, strict=True)] == rows(one, 2)
