"""Two unpaired folders: which picture meets which, what is cut and mirrored, and where an epoch goes on."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from data_modules.datasets.unpaired import PairLoader, RoundOrder, cut
from data_modules.errors import DataError
from data_modules.loader import ArrayLoader
from data_modules.sampler import EpochOrder
from data_modules.unpaired import Unpaired

SIDE = 16


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """7 and 4 training pictures, 3 and 2 test pictures. Picture i of A is 10 * i bright, of B 100 + 10 * i."""
    folder = tmp_path_factory.mktemp("unpaired")
    for name, count, start in (("trainA", 7, 0), ("trainB", 4, 100), ("testA", 3, 0), ("testB", 2, 100)):
        (folder / name).mkdir()
        for i in range(count):
            Image.new("RGB", (SIDE, SIDE), (start + 10 * i,) * 3).save(folder / name / f"{i}.png")
    (folder / "trainA" / "notes.txt").write_text("not a picture")
    return folder


def made(root: Path, **options: object) -> Unpaired:
    data = Unpaired(str(root), **({"image_size": SIDE, "flip": False} | options))  # type: ignore[arg-type]
    data.prepare_data()
    data.setup("fit")
    return data


def levels(image: Tensor) -> list[int]:
    """Brightness of each picture of a batch, 0..255."""
    return [round(value) for value in ((image[:, 0, 0, 0] + 1) * 127.5).tolist()]


def epoch(data: Unpaired, number: int, loader: PairLoader | None = None) -> tuple[list[int], list[int]]:
    """What was shown of A and of B, in order."""
    loader = loader or data.train_dataloader()
    loader.set_epoch(number)
    a: list[int] = []
    b: list[int] = []
    for batch in loader:
        ready = data.on_after_batch_transfer(batch, 0)
        assert set(ready) == {"image_a", "image_b"}
        a += levels(ready["image_a"])
        b += levels(ready["image_b"])
    return a, b


A = [0, 10, 20, 30, 40, 50, 60]
B = [100, 110, 120, 130]


class TestPairing:
    def test_an_epoch_shows_the_larger_domain_once_and_the_smaller_as_evenly_as_possible(self, root: Path) -> None:
        data = made(root)
        for number in range(5):
            a, b = epoch(data, number)
            assert sorted(a) == A
            assert len(b) == 7 and sorted(b.count(level) for level in B) == [1, 2, 2, 2]

    def test_each_epoch_pairs_anew_and_the_same_seed_pairs_alike(self, root: Path) -> None:
        data = made(root)
        epochs = [epoch(data, number) for number in range(20)]
        assert len({tuple(zip(*pairs, strict=True)) for pairs in epochs}) == 20
        assert epoch(made(root), 3) == epochs[3]
        assert epoch(made(root, seed=1), 3) != epochs[3]

    def test_every_picture_of_the_smaller_domain_is_the_one_shown_once_at_times(self, root: Path) -> None:
        data = made(root)
        assert {min(B, key=epoch(data, number)[1].count) for number in range(30)} == set(B)

    def test_domains_of_one_size_are_paired_in_many_ways(self, root: Path) -> None:
        order_a, order_b = (RoundOrder(7, 1, seed, images=7) for seed in (0, 1))
        partners = {
            (int(a), int(b)) for e in range(60) for a, b in zip(order_a.batches(e), order_b.batches(e), strict=True)
        }
        assert len(partners) == 49

    def test_two_processes_together_see_the_batches_of_one(self) -> None:
        one = RoundOrder(10, 4, seed=3, images=6)
        ranks = [RoundOrder(10, 2, seed=3, images=6, rank=rank, world_size=2) for rank in (0, 1)]
        for union, *parts in zip(one.batches(2), *(rank.batches(2) for rank in ranks), strict=True):
            assert torch.equal(union, torch.cat(parts))

    def test_a_round_order_of_as_many_images_as_draws_shows_each_once(self) -> None:
        assert sorted(torch.cat(RoundOrder(9, 3, images=9).batches(0)).tolist()) == list(range(9))
        assert isinstance(RoundOrder(9, 3, images=9), EpochOrder)


class TestResume:
    @pytest.mark.parametrize("stop", [1, 2, 3])
    def test_an_epoch_goes_on_where_it_was_left(self, root: Path, stop: int) -> None:
        data = made(root, batch_size=2, load_size=SIDE + 4, flip=True)
        whole, first = data.train_dataloader(), data.train_dataloader()
        whole.set_epoch(4)
        expected = list(whole)
        assert len(expected) == len(whole) == 3
        first.set_epoch(4)
        batches = iter(first)
        for _ in range(stop):
            next(batches)
        state = first.state_dict()
        rest = data.train_dataloader()
        rest.load_state_dict(state)
        rest.set_epoch(4)
        went_on = list(rest)
        remaining = expected[stop:] or expected  # an epoch that was shown whole is followed by a whole one
        assert len(went_on) == len(remaining)
        for one, two in zip(went_on, remaining, strict=True):
            assert one.keys() == two.keys()
            assert all(torch.equal(one[name], two[name]) for name in one)


class TestCutting:
    def test_each_image_is_cut_at_its_own_corner(self) -> None:
        image = torch.arange(2 * 3 * 5 * 5).view(2, 3, 5, 5)
        out = cut(image, torch.tensor([[0, 2], [1, 0]]), 3)
        assert torch.equal(out, torch.stack([image[0, :, 0:3, 2:5], image[1, :, 1:4, 0:3]]))

    def test_corners_are_drawn_anew_in_each_epoch_from_all_places(self) -> None:
        order = RoundOrder(50, 1, images=40)
        corners = torch.cat([order.corners(number, 3) for number in range(20)])
        assert corners.shape == (800, 2)
        for axis in (0, 1):
            counts = corners[:, axis].bincount(minlength=4)
            assert len(counts) == 4 and counts.min() > 150
        assert torch.equal(order.corners(5, 3), order.corners(5, 3))

    def test_load_size_gives_squares_of_image_size_from_larger_pictures(self, root: Path) -> None:
        data = made(root, load_size=SIDE + 4, batch_size=2)
        assert data.train["a"].shape == (7, 3, SIDE + 4, SIDE + 4)
        assert data.test["a"].shape == (3, 3, SIDE, SIDE)
        batch = next(iter(data.train_dataloader()))
        assert batch["corner_a"].shape == (2, 2)
        assert data.on_after_batch_transfer(batch, 0)["image_b"].shape == (2, 3, SIDE, SIDE)

    def test_test_pictures_have_their_own_size_and_are_not_cut(self, root: Path) -> None:
        data = made(root, load_size=SIDE + 8, eval_size=SIDE + 8)
        data.prepare_data()
        data.setup("test")
        for loader in data.test_dataloader():
            for batch in loader:
                assert batch["image"].shape[-2:] == (SIDE + 8, SIDE + 8)
        assert data.preview_batch()["image_a"].shape[-1] == SIDE + 8
        with pytest.raises(DataError, match=r"data\.eval_size is 4"):
            made(root, eval_size=4)

    def test_a_load_size_below_the_image_size_is_refused(self, root: Path) -> None:
        with pytest.raises(DataError, match=r"data.load_size is 8; expected at least data.image_size=16"):
            made(root, load_size=8)


def test_pictures_of_each_domain_are_mirrored_on_their_own(tmp_path: Path) -> None:
    ramp = np.repeat(np.arange(16, dtype=np.uint8)[None, :, None] * 10, 16, axis=0).repeat(3, axis=2)
    for name in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / name).mkdir()
        for i in range(20):
            Image.fromarray(ramp).save(tmp_path / name / f"{i}.png")
    data = made(tmp_path, flip=True)
    seen = []
    for batch in data.train_dataloader():
        ready = data.on_after_batch_transfer(batch, 0)
        seen.append(tuple(bool(ready[f"image_{side}"][0, 0, 0, 0] > 0) for side in "ab"))
    assert set(seen) == {(False, False), (False, True), (True, False), (True, True)}


def test_test_pictures_come_domain_by_domain_in_the_order_of_their_names(root: Path) -> None:
    data = made(root, eval_batch_size=2)
    data.setup("test")
    loaders = data.test_dataloader()
    assert all(isinstance(loader, ArrayLoader) for loader in loaders)
    shown = [[levels(data.on_after_batch_transfer(batch, 0)["image"]) for batch in loader] for loader in loaders]
    assert shown == [[[0, 10], [20]], [[100, 110]]]


def test_the_preview_is_of_test_pictures_in_range(root: Path) -> None:
    preview = made(root).preview_batch(8)
    assert {name: levels(image) for name, image in preview.items()} == {"image_a": [0, 10], "image_b": [100, 110]}


@pytest.mark.parametrize("missing", ["trainB", "testA"])
def test_a_missing_folder_is_named(root: Path, tmp_path: Path, missing: str) -> None:
    for name in {"trainA", "trainB", "testA", "testB"} - {missing}:
        (tmp_path / name).symlink_to(root / name)
    with pytest.raises(DataError, match=f"{missing}: no such folder; data.root must hold trainA, trainB, testA and"):
        made(tmp_path)


def test_a_folder_without_pictures_is_named(root: Path, tmp_path: Path) -> None:
    for name in ("trainA", "testA", "testB"):
        (tmp_path / name).symlink_to(root / name)
    (tmp_path / "trainB").mkdir()
    with pytest.raises(DataError, match="trainB: holds no pictures"):
        made(tmp_path)


class TestTwoFolders:
    @pytest.fixture
    def folders(self, tmp_path: Path) -> dict[str, str]:
        for name, count in (("a", 20), ("b", 8)):
            (tmp_path / name / "deep").mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (12, 8), (i, 0, 0)).save(tmp_path / name / ("deep" if i % 2 else "") / f"{i}.png")
        return {name: str(tmp_path / name) for name in ("a", "b")}

    def test_a_share_of_each_is_held_out_for_the_test_and_no_picture_is_on_both_sides(
        self, folders: dict[str, str]
    ) -> None:
        data = Unpaired(**folders, image_size=8, test_fraction=0.25)
        for domain, count in (("a", 20), ("b", 8)):
            train, test = data.paths("train", domain), data.paths("test", domain)
            assert len(test) == count // 4 and len({*train, *test}) == len(train) + len(test) == count

    def test_they_train_and_test_as_one_folder_does(self, folders: dict[str, str]) -> None:
        data = Unpaired(**folders, image_size=8, fit="crop")
        data.prepare_data()
        data.setup("fit")
        batch = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
        assert batch["image_a"].shape == batch["image_b"].shape == (1, 3, 8, 8)
        assert [len(loader.rows) for loader in data.test_dataloader()] == [2, 2]

    @pytest.mark.parametrize("given", [{}, {"a": "x"}, {"b": "x"}, {"root": "r", "a": "x", "b": "y"}])
    def test_a_root_or_both_folders_must_be_given(self, given: dict[str, str]) -> None:
        with pytest.raises(DataError, match=r"give data\.root .* or both data\.a and data\.b"):
            Unpaired(**given)

    def test_a_folder_that_is_not_there_is_named_by_its_option(self, folders: dict[str, str]) -> None:
        with pytest.raises(DataError, match=r"none: no such folder; data\.b"):
            Unpaired(a=folders["a"], b="none").prepare_data()
