"""What holds for any input: orders, schedules, tags, fingerprints, latents, and the flow's way there and back."""

import math
import os
from itertools import chain
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lit_gans
from data_modules.cache import fingerprint
from data_modules.sampler import EpochOrder
from data_modules.tags import EYES, HAIR, colours, read_tags, tag_names, tag_vectors
from lit_gans.errors import InputError
from lit_gans.networks.flow.latents import Latents, between
from lit_gans.training.decay import decay_factor, one_cycle
from lit_gans.training.schedule import Updates

few = st.integers(1, 6)
shares = st.floats(0, 1)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Five files of five sizes and one time."""
    folder = tmp_path_factory.mktemp("files")
    for i in range(5):
        (folder / f"{i}.png").write_bytes(b"x" * i)
        os.utime(folder / f"{i}.png", (1e9, 1e9))
    return [folder / f"{i}.png" for i in range(5)]


@pytest.fixture(scope="module")
def model() -> lit_gans.ConditionalFlow:
    """A flow of 8x8 px whose every weight does something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        tiny = {"levels": 2, "steps": 1, "hidden": 4, "embedding": 5, "features": 4, "growth": 2, "blocks": 1}
        model = lit_gans.ConditionalFlow(4, image_size=8, **tiny)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.1 * torch.randn(weight.shape))
    return model.eval()


class TestEpochOrder:
    @given(st.integers(0, 200), few, few, st.integers(-(2**40), 2**40), st.integers(0, 1000))
    def test_ranks_share_one_permutation_and_no_sample(
        self, length: int, batch_size: int, world: int, seed: int, epoch: int
    ) -> None:
        ranks = [EpochOrder(length, batch_size, seed, rank=r, world_size=world).batches(epoch) for r in range(world)]
        seen = torch.cat([batch for rank in ranks for batch in rank] or [torch.zeros(0, dtype=torch.long)]).tolist()
        assert len(set(seen)) == len(seen) == length // (batch_size * world) * batch_size * world
        assert set(seen) <= set(range(length))

    @given(st.integers(0, 200), few, few, st.integers(0, 2**40), st.integers(0, 1000))
    def test_any_number_of_processes_trains_on_the_same_union_batches(
        self, length: int, batch_size: int, world: int, seed: int, epoch: int
    ) -> None:
        one = EpochOrder(length, batch_size * world, seed).batches(epoch)
        ranks = [EpochOrder(length, batch_size, seed, rank=r, world_size=world).batches(epoch) for r in range(world)]
        assert [torch.cat(parts).tolist() for parts in zip(*ranks, strict=True)] == [batch.tolist() for batch in one]

    @given(st.integers(0, 200), few, few)
    def test_without_shuffling_each_sample_comes_once(self, length: int, batch_size: int, world: int) -> None:
        ranks = [EpochOrder(length, batch_size, shuffle=False, rank=r, world_size=world) for r in range(world)]
        parts = [order.batches(0) for order in ranks]
        assert [len(part) for part in parts] == [len(order) for order in ranks]
        assert sorted(int(i) for i in chain.from_iterable(b for part in parts for b in part)) == list(range(length))

    @given(st.integers(1, 60), st.data())
    def test_weighted_samples_come_as_often_as_their_share_rounded(self, length: int, data: st.DataObject) -> None:
        weights = torch.tensor(data.draw(st.lists(st.integers(1, 100), min_size=length, max_size=length))).double()
        (batch,) = EpochOrder(length, length, weights=weights).batches(data.draw(st.integers(0, 100)))
        expected = length * weights / weights.sum()
        assert ((torch.bincount(batch, minlength=length) - expected).abs() < 1 + 1e-9).all()


class TestSchedules:
    @given(few, few, few, st.booleans())
    def test_over_a_period_each_network_gets_its_updates_and_one_of_them_some_in_every_batch(
        self, generator: int, discriminator: int, every: int, rare_generator: bool
    ) -> None:
        rare = {"generator_every" if rare_generator else "discriminator_every": every}
        updates = Updates.of({"generator": generator, "discriminator": discriminator, **rare})  # type: ignore[typeddict-item]
        counts = [(updates.of_generator(batch), updates.of_discriminator(batch)) for batch in range(every)]
        assert sum(count for count, _ in counts) == generator * (1 if rare_generator else every)
        assert sum(count for _, count in counts) == discriminator * (every if rare_generator else 1)
        assert all(count[0 if updates.generator_counts else 1] for count in counts)

    @given(st.integers(2, 9), st.integers(2, 9))
    def test_two_rare_networks_are_refused(self, generator_every: int, discriminator_every: int) -> None:
        with pytest.raises(InputError, match="leave one of them at 1"):
            Updates.of({"generator_every": generator_every, "discriminator_every": discriminator_every})

    @given(shares, shares, st.floats(0, 0.999))
    def test_a_rate_is_a_share_that_never_rises(self, one: float, other: float, decay_from: float) -> None:
        early, late = (decay_factor(progress, decay_from) for progress in sorted((one, other)))
        assert 0 <= late <= early <= 1
        assert decay_factor(decay_from, decay_from) == 1 and decay_factor(1, decay_from) == 0

    @given(shares, st.floats(0.01, 0.99))
    def test_one_cycle_is_a_share_of_the_highest_rate(self, progress: float, warmup: float) -> None:
        assert 0 < one_cycle(progress, warmup) <= one_cycle(warmup, warmup) * (1 + 1e-12)


class TestTags:
    pairs = st.tuples(st.sampled_from(HAIR), st.sampled_from(EYES))
    fillers = st.lists(st.sampled_from(("long", "short", "very")), max_size=2).map(" ".join)

    @given(pairs, fillers, st.sampled_from((" and ", " ", ", ", "\t", " with ")), st.booleans())
    def test_a_colour_belongs_to_the_noun_behind_it(
        self, pair: tuple[str, str], filler: str, between: str, eyes_first: bool
    ) -> None:
        tags = [f"{pair[0]} {filler} hair", f"{filler} {pair[1]} eyes"]
        text = between.join(reversed(tags) if eyes_first else tags)
        assert colours(text) == {"hair": [pair[0]], "eyes": [pair[1]]}
        assert colours(text.upper()) == colours(text)

    @given(st.text(max_size=80))
    def test_any_text_has_words_of_its_own_or_none(self, text: str) -> None:
        for words in colours(text).values():
            assert all(word in text.lower() for word in words) and len(set(words)) == len(words)

    @given(st.lists(pairs, min_size=1, max_size=20))
    def test_a_file_gives_back_what_was_written(self, pairs: list[tuple[str, str]]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            lines = [f"{i},{hair} hair {eyes} eyes" for i, (hair, eyes) in enumerate(pairs)]
            patch.setattr("data_modules.tags.read_lines", lambda path: lines)
            tags = read_tags(Path("tags.csv"))
        assert list(tags.pairs.values()) == pairs and tags.rows == len(pairs) and not tags.skipped

    @given(st.lists(pairs, min_size=1, max_size=20), st.sampled_from(("course", "alphabetical")))
    def test_a_vector_names_its_pair(self, pairs: list[tuple[str, str]], order: str) -> None:
        names = tag_names(order)  # type: ignore[arg-type]
        for (hair, eyes), vector in zip(pairs, tag_vectors(pairs, order), strict=True):  # type: ignore[arg-type]
            assert [names[i] for i in vector.nonzero()[0]] == [f"{hair} hair", f"{eyes} eyes"]


class TestFingerprint:
    @given(order=st.permutations(range(5)), sizes=st.tuples(st.integers(1, 64), st.integers(1, 64)))
    def test_it_changes_with_order_and_size_and_with_nothing_else(
        self, paths: list[Path], order: list[int], sizes: tuple[int, int]
    ) -> None:
        plain = fingerprint(paths, sizes)
        permuted = fingerprint([paths[i] for i in order], sizes)
        assert (permuted == plain) == (order == sorted(order))
        assert (fingerprint(paths, sizes[0]) == plain) == (sizes[0] == sizes[1])

    @given(changed=st.integers(0, 4), seconds=st.integers(1, 10**6))
    def test_it_changes_with_the_time_of_any_file_and_comes_back_with_it(
        self, paths: list[Path], changed: int, seconds: int
    ) -> None:
        before = fingerprint(paths, 8)
        os.utime(paths[changed], (1e9, 1e9 + seconds))
        assert fingerprint(paths, 8) != before
        os.utime(paths[changed], (1e9, 1e9))
        assert fingerprint(paths, 8) == before


class TestLatents:
    shapes = st.lists(st.tuples(few, few, few), min_size=1, max_size=4)

    @given(shapes, few)
    def test_the_flat_form_holds_every_number_once(self, shapes: list[tuple[int, int, int]], count: int) -> None:
        dims = sum(math.prod(shape) for shape in shapes)
        flat = torch.arange(count * dims).view(count, dims).float()
        latents = Latents.unflatten(flat, shapes)
        assert [tuple(part.shape) for part in latents.parts] == [(count, *shape) for shape in shapes]
        assert torch.equal(latents.flatten(), flat)
        with pytest.raises(InputError, match="a row an image"):
            Latents.unflatten(flat[:, 1:], shapes)

    @given(st.integers(0, 2**32), shares, st.sampled_from(("lerp", "slerp")))
    def test_a_way_between_two_is_the_same_from_either_end(self, seed: int, share: float, mode: str) -> None:
        one, other = torch.randn(2, 2, 12, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        torch.testing.assert_close(between(one, other, share, mode), between(other, one, 1 - share, mode))
        torch.testing.assert_close(between(one, other, 0, mode), one)
        torch.testing.assert_close(between(one, other, 1, mode), other)


class TestFlow:
    @given(seed=st.integers(0, 2**32), labels=st.lists(st.integers(0, 15), min_size=1, max_size=3), told=st.booleans())
    def test_decoding_what_was_encoded_gives_it_back(
        self, model: lit_gans.ConditionalFlow, seed: int, labels: list[int], told: bool
    ) -> None:
        """For any image, label and number of images, also without a label; in float64, so to its rounding."""
        random = torch.Generator().manual_seed(seed)
        image = torch.rand(len(labels), 3, 8, 8, generator=random, dtype=torch.float64) * 2 - 1
        label = torch.tensor([[float(number >> bit & 1) for bit in range(4)] for number in labels]) if told else None
        latents = model.encode(image, label)
        torch.testing.assert_close(model.decode(latents, label), image, rtol=0, atol=1e-9)
        torch.testing.assert_close(model.encode(model.decode(latents, label), label).flatten(), latents.flatten())
