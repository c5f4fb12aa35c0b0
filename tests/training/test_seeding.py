"""Seeds of batches: functions of (seed, batch, rank), distinct, and apart from the global generator."""

import pytest
import torch

from lit_gans.training.seeding import batch_seed, generator


def test_hand_computed_value() -> None:
    # 2 * 1,000,000,007 + 3 * 4,099 + 1
    assert batch_seed(2, 3, 1) == 2_000_012_312


def test_rank_0_is_the_default() -> None:
    assert batch_seed(5, 6) == batch_seed(5, 6, 0)


def test_seeds_batches_and_ranks_have_different_seeds() -> None:
    found = {batch_seed(s, b, r) for s in range(5) for b in range(2000) for r in range(16)}
    assert len(found) == 5 * 2000 * 16


@pytest.mark.parametrize(("seed", "batch", "rank"), [(0, 0, 0), (2**31 - 1, 10**7, 63), (2**62, 10**9, 1000)])
def test_any_seed_fits_a_generator(seed: int, batch: int, rank: int) -> None:
    value = batch_seed(seed, batch, rank)
    assert 0 <= value < 2**63
    assert generator(value).initial_seed() == value


def test_a_generators_stream_depends_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = torch.randn(8, generator=generator(3))
    torch.manual_seed(2)
    assert torch.equal(torch.randn(8, generator=generator(3)), first)
    assert not torch.equal(torch.randn(8, generator=generator(4)), first)


def test_making_a_generator_leaves_the_global_one_alone() -> None:
    before = torch.get_rng_state()
    torch.randn(8, generator=generator(3))
    assert torch.equal(torch.get_rng_state(), before)
