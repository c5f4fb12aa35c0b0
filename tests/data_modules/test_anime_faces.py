"""Anime faces: which pictures are used, the batches, and what is refused or counted."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from data_modules.anime_check import check
from data_modules.anime_faces import AnimeFaces
from data_modules.anime_files import face_folder, faces
from data_modules.datasets.labelled import split
from data_modules.errors import DataError


def module(root: Path, stage: str = "fit", **options: Any) -> AnimeFaces:
    data = AnimeFaces(str(root), **({"image_size": 16, "batch_size": 5, "val_fraction": 0.25} | options))
    data.prepare_data()
    data.setup(stage)
    return data


@pytest.fixture
def copy(faces_folder: Path, tmp_path: Path) -> Path:
    """A copy of the folder that may be changed."""
    folder = tmp_path / "anime"
    shutil.copytree(faces_folder, folder, ignore=shutil.ignore_patterns(".lit_gans_cache"))
    return folder


def pixels(root: Path, identity: int) -> np.ndarray:
    return np.asarray(Image.open(root / "faces" / f"{identity}.png"))


class TestBatches:
    def test_without_tags_they_are_the_pictures_by_number(self, faces_folder: Path) -> None:
        data = module(faces_folder)
        assert isinstance(data.columns["image"], torch.Tensor) and set(data.columns) == {"image"}
        for row in range(24):  # 10.png comes after 9.png
            stored = data.columns["image"][row].permute(1, 2, 0).numpy()
            np.testing.assert_array_equal(stored, pixels(faces_folder, row))
        batches = list(data.train_dataloader())
        assert [len(batch["image"]) for batch in batches] == [5, 5, 5] and set(batches[0]) == {"image"}

    @pytest.mark.parametrize("file", ["tags.csv", "tags_clean.csv"])
    def test_with_tags_each_picture_has_its_two(self, faces_folder: Path, file: str) -> None:
        data = module(faces_folder, tags=file)
        lines = (faces_folder / "tags.csv").read_text().splitlines()
        condition = data.conditions()
        assert isinstance(condition, torch.Tensor) and condition.shape == (24, 23)
        for row, line in zip(condition, lines, strict=True):
            names = [data.class_names[i] for i in row.nonzero().flatten()]
            assert line.split(",")[1] == " ".join(names)

    def test_what_is_kept_of_a_picture_is_two_numbers_and_a_batch_has_them_multi_hot(self, faces_folder: Path) -> None:
        data = module(faces_folder, tags="tags.csv")
        assert data.columns["classes"].shape == (24, 2) and "condition" not in data.columns
        batch = data.on_after_batch_transfer(next(iter(data.val_dataloader())), 0)
        rows = data.conditions()
        assert rows is not None
        assert "classes" not in batch and torch.equal(batch["condition"], rows[data.val_rows][: len(batch["image"])])

    def test_only_tagged_pictures_are_used_and_the_rest_is_counted(self, copy: Path, caplog: Any) -> None:
        lines = (copy / "tags.csv").read_text().splitlines()
        lines[3] = "3,violet hair red eyes"
        lines[4] = "999,blue hair red eyes"
        (copy / "tags.csv").write_text("\n".join(lines))
        with caplog.at_level("INFO"):
            data = module(copy, tags="tags.csv")
        assert len(data.columns["image"]) == 22
        assert "unknown hair colour 'violet': 1 line (4)" in caplog.text
        assert "no picture of that id: 1 line (5)" in caplog.text

    def test_the_alphabetical_order_reaches_names_and_vectors(self, faces_folder: Path) -> None:
        course = module(faces_folder, tags="tags.csv")
        other = module(faces_folder, tags="tags.csv", tag_order="alphabetical")
        assert other.class_names == sorted(course.class_names[:12]) + sorted(course.class_names[12:])
        for one, two in zip(course.conditions(), other.conditions(), strict=True):
            named = [
                {names[i] for i in np.flatnonzero(row)}
                for names, row in ((course.class_names, one), (other.class_names, two))
            ]
            assert named[0] == named[1]

    @pytest.mark.parametrize(("even_tags", "shares"), [(0.0, [1, 1, 16]), (0.5, [1, 1, 4]), (1.0, [1, 1, 1])])
    def test_pairs_of_colours_can_be_evened_out(self, copy: Path, even_tags: float, shares: list[int]) -> None:
        pairs = ["red hair red eyes", "blue hair red eyes"] + ["green hair blue eyes"] * 22
        (copy / "tags.csv").write_text("".join(f"{i},{pair}\n" for i, pair in enumerate(pairs)))
        data = module(copy, tags="tags.csv", batch_size=18, even_tags=even_tags)
        data.train_rows = torch.arange(18)  # both of the rare pairs among them
        batches = [next(iter(self.of_epoch(data, epoch))) for epoch in range(100)]
        drawn = torch.cat([batch["classes"] for batch in batches])
        names = [" ".join(data.class_names[i] for i in row) for row in drawn.tolist()]
        counts = [names.count(pair) for pair in dict.fromkeys(pairs)]
        expected = [1800 * share / sum(shares) for share in shares]
        # each pair's places in an epoch are its share, rounded: 100 roundings have a standard deviation of at most 5
        assert counts == pytest.approx(expected, abs=25)

    def of_epoch(self, data: AnimeFaces, epoch: int) -> Any:
        loader = data.train_dataloader()
        loader.set_epoch(epoch)
        return loader

    def test_held_out_pictures_are_in_no_training(self, faces_folder: Path) -> None:
        data = module(faces_folder)
        assert len(data.val_rows) == 6 and len(data.train_rows) == 18
        assert sorted([*data.val_rows.tolist(), *data.train_rows.tolist()]) == list(range(24))

    def test_greyscale_and_small_pictures_become_colour_of_image_size(self, copy: Path) -> None:
        Image.new("L", (4, 6), 128).save(copy / "faces" / "0.png")
        data = module(copy)
        assert isinstance(data.columns["image"], torch.Tensor)
        assert (data.columns["image"][0] == 128).all() and data.columns["image"][0].shape == (3, 16, 16)


class TestTestLoaders:
    def test_without_tags_a_test_compares_with_the_training_pictures(self, faces_folder: Path) -> None:
        (real,) = module(faces_folder, "test").test_dataloader()
        batches = list(real)
        assert {batch["name"] for batch in batches} == {"train"}
        assert sum(len(batch["image"]) for batch in batches) == 18

    @pytest.mark.parametrize(("name", "count"), [("all", 24), ("train", 18), ("held_out", 6)])
    def test_the_split_can_be_chosen(self, faces_folder: Path, name: str, count: int) -> None:
        (real,) = module(faces_folder, "test", test_split=name).test_dataloader()
        assert sum(len(batch["image"]) for batch in real) == count

    def test_fewer_pictures_are_an_even_choice_that_does_not_change(self, faces_folder: Path) -> None:
        data = module(faces_folder, "test", test_images=7)
        rows = data._compared_rows()
        assert len(rows) == 7 and set(rows.tolist()) < set(data.train_rows.tolist())
        assert torch.equal(rows, data._compared_rows())
        assert rows.tolist() != data.train_rows[:7].tolist()

    def test_with_tags_there_are_held_out_pictures_and_two_lists_too(self, faces_folder: Path) -> None:
        loaders = module(faces_folder, "test", tags="tags.csv").test_dataloader()
        batches = [list(loader) for loader in loaders]
        assert [batch[0]["name"] for batch in batches] == ["train", "held_out", "testing_tags", "all_pairs"]
        assert [batch[0]["condition"].shape[0] for batch in batches[2:]] == [3, 132]
        names = [module(faces_folder).class_names[i] for i in batches[2][0]["condition"][0].nonzero()]
        assert names == ["blue hair", "red eyes"]

    def test_prediction_needs_no_pictures(self, copy: Path) -> None:
        shutil.rmtree(copy / "faces")
        for options, names in (({}, ["samples"]), ({"tags": "tags.csv"}, ["testing_tags", "all_pairs"])):
            data = AnimeFaces(str(copy), **options)  # type: ignore[arg-type]
            data.setup("predict")
            assert [batch["name"] for loader in data.predict_dataloader() for batch in loader] == names


class TestRefused:
    def test_a_folder_without_pictures(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no picture in .*faces or"):
            face_folder(tmp_path)
        with pytest.raises(DataError, match="none: no such folder"):
            face_folder(tmp_path / "none")
        with pytest.raises(DataError, match="here: no such image folder"):
            face_folder(tmp_path, "here")

    def test_two_pictures_of_one_id(self, copy: Path) -> None:
        Image.new("RGB", (4, 4)).save(copy / "faces" / "3.jpg")
        with pytest.raises(DataError, match=r"same id; keep one of each:\n  3\.jpg and 3\.png"):
            faces(copy / "faces")

    def test_tags_of_another_set(self, copy: Path) -> None:
        (copy / "tags.csv").write_text("100,blue hair red eyes\n")
        with pytest.raises(DataError, match="none of its 1 ids is a picture"):
            module(copy, tags="tags.csv")

    def test_a_list_with_the_name_of_another_one(self, copy: Path) -> None:
        shutil.copy(copy / "testing_tags.txt", copy / "all_pairs.txt")
        with pytest.raises(DataError, match="all_pairs is taken; rename it"):
            module(copy, "test", tags="tags.csv", testing_tags="all_pairs.txt")

    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ({"val_fraction": 0}, "data.val_fraction is 0"),
            ({"test_split": "val"}, "data.test_split is 'val'; expected one of all, train, held_out"),
            ({"even_tags": 1.5, "tags": "tags.csv"}, "data.even_tags is 1.5; expected 0"),
            ({"even_tags": 0.5}, "data.even_tags is 0.5, and there are no tags"),
            ({"test_images": 1}, "data.test_images is 1"),
            ({"tag_order": "x"}, "data.tag_order is 'x'"),
        ],
    )
    def test_options_without_meaning(self, faces_folder: Path, option: dict[str, Any], message: str) -> None:
        with pytest.raises(DataError, match=message):
            AnimeFaces(str(faces_folder), **option)

    def test_a_single_picture(self) -> None:
        with pytest.raises(DataError, match=r"1 picture\(s\); at least 2"):
            split(1, 0.5, 0)


class TestCheck:
    def test_a_good_folder_is_ok_and_everything_in_it_is_counted(self, faces_folder: Path) -> None:
        report = check(faces_folder)
        assert report.ok and report.present == 24 and report.sizes == {(16, 16): 24}
        assert report.tagged == {"tags.csv": 24, "tags_clean.csv": 24}
        assert len(report.tiny) == 24 and not report.greyscale
        assert str(report).endswith("ok")

    def test_faults_and_oddities_are_named(self, copy: Path) -> None:
        (copy / "faces" / "1.png").write_bytes(b"no picture")
        Image.new("L", (64, 64)).save(copy / "faces" / "2.png")
        (copy / "tags_clean.csv").write_text("1\n")
        report = check(copy)
        assert not report.ok and list(report.unreadable) == ["1.png"] and report.greyscale == ("2.png",)
        assert "2.png" not in report.tiny and len(report.tiny) == 22
        assert len(report.errors) == 1 and "tags_clean.csv: 1 line (1) without exactly two columns" in report.errors[0]
        assert str(report).endswith("NOT OK")

    def test_an_empty_folder_is_not_ok(self, tmp_path: Path) -> None:
        report = check(tmp_path)
        assert not report.ok and "no picture" in str(report)
