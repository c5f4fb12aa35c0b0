"""The files of an iCLEVR folder: what is read, and the one clear error for each thing that can be wrong."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_modules.errors import DataError
from data_modules.iclevr_check import check
from data_modules.iclevr_files import (
    colours_and_shapes,
    image_folder,
    multi_hot,
    read_conditions,
    read_objects,
    read_train,
    scene_of,
)

OBJECTS = {"gray cube": 0, "red cube": 1, "blue sphere": 2}
TRAIN = {
    "CLEVR_train_000001_1.png": ["gray cube", "red cube"],
    "CLEVR_train_000000_0.png": ["blue sphere"],
    "CLEVR_train_000001_0.png": ["gray cube"],
}


def write(file: Path, value: object) -> Path:
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "iclevr_data"
    (root / "images").mkdir(parents=True)
    for name in TRAIN:
        Image.new("RGB", (6, 4), "gray").save(root / "images" / name)
    write(root / "objects.json", OBJECTS)
    write(root / "train.json", TRAIN)
    write(root / "test.json", [["red cube"], ["red cube", "blue sphere"]])
    write(root / "new_test.json", [["gray cube", "red cube", "blue sphere"]])
    return root


def train(root: Path) -> tuple[list[Path], list[list[str]]]:
    return read_train(root, OBJECTS, root / "images")


def fails(*parts: object) -> "pytest.RaisesExc[DataError]":
    """A DataError of one line whose text has all ``parts`` in this order."""
    return pytest.raises(DataError, match="^[^\n]*" + "[^\n]*".join(re.escape(str(part)) for part in parts))


class TestReadObjects:
    def test_names_and_indices_come_in_the_order_of_the_indices(self, root: Path) -> None:
        write(root / "objects.json", {"b": 1, "c": 2, "a": 0})
        assert list(read_objects(root).items()) == [("a", 0), ("b", 1), ("c", 2)]

    @pytest.mark.parametrize(
        ("value", "parts"),
        [
            ('{"a": 0,\n "b" 1}', ["line 2", "column 6", "not valid JSON"]),
            ('{"a": 0, "a": 1}', ["'a'", "more than once"]),
            (["a", "b"], ["found a list", "expected a mapping of object name -> index"]),
            (3, ["found a number", "expected a mapping"]),
            ({}, ["no objects"]),
            ({"a": "0"}, ["'a'", '"0"', "expected an index"]),
            ({"a": True}, ["'a'", "true", "expected an index"]),
            ({"a": 1, "b": 2}, ["0 to 1", "'b' (2)"]),
            ({"a": 0, "b": 0}, ["0 to 1", "'a' (0)", "'b' (0)"]),
            ({"a": 0, "b": -1}, ["0 to 1", "'b' (-1)"]),
        ],
    )
    def test_a_bad_file_is_named_with_what_is_wrong(self, value: object, parts: list[str], root: Path) -> None:
        file = write(root / "objects.json", value)
        with fails(file, *parts):
            read_objects(root)

    def test_a_missing_folder_and_a_missing_file_are_told_apart(self, root: Path) -> None:
        with fails(root / "none", "no such folder"):
            read_objects(root / "none")
        (root / "objects.json").unlink()
        with fails(root / "objects.json", "no such file"):
            read_objects(root)

    def test_a_file_that_is_not_utf_8_or_no_file_is_an_error(self, root: Path) -> None:
        (root / "objects.json").write_bytes(b'{"\xff": 0}')
        with fails(root / "objects.json", "not UTF-8"):
            read_objects(root)
        (root / "objects.json").unlink()
        (root / "objects.json").mkdir()
        with fails(root / "objects.json", "cannot be read"):
            read_objects(root)


class TestReadTrain:
    def test_files_and_names_come_sorted_by_file_name(self, root: Path) -> None:
        paths, names = train(root)
        assert paths == [root / "images" / name for name in sorted(TRAIN)]
        assert names == [["blue sphere"], ["gray cube"], ["gray cube", "red cube"]]

    def test_files_that_are_not_listed_are_left_out(self, root: Path) -> None:
        Image.new("RGB", (6, 4)).save(root / "images" / "other.png")
        assert len(train(root)[0]) == 3

    @pytest.mark.parametrize(
        ("value", "parts"),
        [
            ([["gray cube"]], ["found a list", "expected a mapping of image file name -> list of object names"]),
            ({}, ["no images"]),
            ({"a.png": "gray cube"}, ["a.png", '"gray cube"', "expected a list of object names"]),
            ({"a.png": ["gray cube", 3]}, ["a.png", "expected a list of object names"]),
            ({"a.png": []}, ["a.png", "empty list"]),
            ({"a.png": ["red cube", "red cube"]}, ["a.png", "'red cube' more than once"]),
            ({"a.png": ["rad cube"]}, ["a.png", "'rad cube' is not in objects.json", "did you mean 'red cube'"]),
            ({"a.png": ["zzz"]}, ["a.png", "'zzz' is not in objects.json", "gray cube, red cube, blue sphere"]),
            ("{", ["line 1", "column 2", "not valid JSON"]),
            ('{"a.png": ["red cube"], "a.png": ["gray cube"]}', ["'a.png'", "more than once"]),
        ],
    )
    def test_a_bad_file_is_named_with_key_and_what_is_wrong(self, value: object, parts: list[str], root: Path) -> None:
        file = write(root / "train.json", value)
        with fails(file, *parts):
            train(root)

    def test_all_missing_images_are_in_one_error(self, root: Path) -> None:
        names = sorted(TRAIN)
        for name in names[:2]:
            (root / "images" / name).unlink()
        with pytest.raises(DataError) as raised:
            train(root)
        first, *rest = str(raised.value).splitlines()
        assert first.startswith(f"{root / 'train.json'}: 2 of the 3 images listed are not in {root / 'images'}; ")
        assert [line.strip() for line in rest] == names[:2]

    def test_of_many_missing_images_twenty_are_named_and_the_rest_counted(self, root: Path) -> None:
        write(root / "train.json", {f"{i:02}.png": ["red cube"] for i in range(25)})
        with pytest.raises(DataError) as raised:
            train(root)
        lines = str(raised.value).splitlines()
        assert len(lines) == 22
        assert lines[20].strip() == "19.png"
        assert lines[21].strip() == "... and 5 more"


class TestReadConditions:
    def test_conditions_come_in_the_order_of_the_file(self, root: Path) -> None:
        assert read_conditions(root / "test.json", OBJECTS) == [["red cube"], ["red cube", "blue sphere"]]

    @pytest.mark.parametrize(
        ("value", "parts"),
        [
            ({"a": ["red cube"]}, ["found a mapping", "expected a list of lists of object names"]),
            ([], ["no conditions"]),
            (["red cube"], ["condition 0", '"red cube"', "expected a list of object names"]),
            ([["red cube"], []], ["condition 1", "empty list"]),
            ([["red cube"], ["blue sphear"]], ["condition 1", "'blue sphear'", "did you mean 'blue sphere'"]),
            ([["red cube", "red cube"]], ["condition 0", "'red cube' more than once"]),
        ],
    )
    def test_a_bad_file_is_named_with_the_condition(self, value: object, parts: list[str], root: Path) -> None:
        file = write(root / "test.json", value)
        with fails(file, *parts):
            read_conditions(file, OBJECTS)

    def test_a_missing_file_is_named(self, root: Path) -> None:
        with fails(root / "none.json", "no such file"):
            read_conditions(root / "none.json", OBJECTS)


class TestMultiHot:
    def test_there_is_a_one_for_every_object_named(self) -> None:
        array = multi_hot([["blue sphere"], ["red cube", "gray cube"], []], OBJECTS)
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, [[0, 0, 1], [1, 1, 0], [0, 0, 0]])

    def test_no_names_give_no_rows(self) -> None:
        assert multi_hot([], OBJECTS).shape == (0, 3)

    def test_an_unknown_name_is_an_error_with_the_nearest_names(self) -> None:
        with fails("condition 1", "'grey cube'", "did you mean 'gray cube'"):
            multi_hot([["red cube"], ["grey cube"]], OBJECTS)


class TestImageFolder:
    def test_a_folder_given_is_taken_inside_the_root_or_as_it_is(self, root: Path, tmp_path: Path) -> None:
        (root / "mine").mkdir()
        (tmp_path / "elsewhere").mkdir()
        assert image_folder(root, "mine") == root / "mine"
        assert image_folder(root, str(tmp_path / "elsewhere")) == tmp_path / "elsewhere"

    def test_images_come_before_iclevr_before_the_root(self, root: Path) -> None:
        (root / "iclevr").mkdir()
        Image.new("RGB", (2, 2)).save(root / "iclevr" / "a.PNG")
        Image.new("RGB", (2, 2)).save(root / "a.jpg")
        assert image_folder(root) == root / "images"
        for file in (root / "images").iterdir():
            file.unlink()
        assert image_folder(root) == root / "iclevr"
        (root / "iclevr" / "a.PNG").unlink()
        assert image_folder(root) == root

    def test_no_images_anywhere_is_an_error_that_names_the_places(self, root: Path) -> None:
        for file in (root / "images").iterdir():
            file.unlink()
        with fails("no picture in", root / "images", root / "iclevr", root):
            image_folder(root)

    def test_a_folder_given_that_does_not_exist_is_an_error(self, root: Path) -> None:
        with fails(root / "none", "no such image folder"):
            image_folder(root, "none")
        with fails(root / "none", "no such folder"):
            image_folder(root / "none")


@pytest.mark.parametrize(
    ("file_name", "scene"),
    [
        ("CLEVR_train_000123_1.png", "000123"),
        ("CLEVR_train_006002_0.jpg", "006002"),
        ("folder/CLEVR_val_000007_2.png", "000007"),
        ("CLEVR_train_000123.png", "CLEVR_train_000123"),
        ("my_CLEVR_train_000123_1.png", "my_CLEVR_train_000123_1"),
        ("cat.png", "cat"),
    ],
)
def test_the_scene_is_the_number_and_any_other_name_its_own_scene(file_name: str, scene: str) -> None:
    assert scene_of(file_name) == scene


class TestCheck:
    def test_a_good_folder_is_ok_and_counted(self, root: Path) -> None:
        report = check(root)
        assert report.ok
        assert report.images == root / "images"
        assert (report.listed, report.present, report.scenes) == (3, 3, 2)
        assert report.sizes == {(6, 4): 3}
        assert report.objects_per_image == {1: 2, 2: 1}
        assert report.conditions == {"test.json": {1: 1, 2: 1}, "new_test.json": {3: 1}}
        assert (report.missing, report.unlisted, report.errors) == ((), (), ())
        assert (report.unreadable, report.unknown_objects, report.duplicates) == ({}, {}, {})

    def test_the_text_has_the_counts_and_the_verdict(self, root: Path) -> None:
        lines = str(check(root)).splitlines()
        assert "images listed      3 of 2 scenes" in lines
        assert "width x height     6x4: 3" in lines
        assert "objects per image  1: 2, 2: 1" in lines
        assert "test.json          2 conditions; by size 1: 1, 2: 1" in lines
        assert lines[-1] == "ok"

    def test_everything_that_is_wrong_is_in_one_report(self, root: Path) -> None:
        first, second, third = sorted(TRAIN)
        write(
            root / "train.json",
            {
                first: ["blue sphere", "blue sphere"],
                second: ["gray cube", "pink cube", "odd"],
                third: "red cube",
                "gone.png": ["red cube"],
                "none.png": [],
            },
        )
        write(root / "test.json", [["red cube"], ["tin"], ["red cube", "red cube"], []])
        write(root / "new_test.json", "[")
        (root / "images" / first).write_bytes((root / "images" / first).read_bytes()[:-25])
        Image.new("RGB", (9, 9)).save(root / "images" / third)
        Image.new("RGB", (2, 2)).save(root / "images" / "extra.png")
        report = check(root)
        assert not report.ok
        assert (report.listed, report.present) == (5, 3)
        assert report.missing == ("gone.png", "none.png")
        assert list(report.unreadable) == [first]
        assert report.unlisted == ("extra.png",)
        assert report.unknown_objects == {second: ("pink cube", "odd"), "test.json condition 1": ("tin",)}
        assert report.duplicates == {first: ("blue sphere",), "test.json condition 2": ("red cube",)}
        assert report.sizes == {(6, 4): 1, (9, 9): 1}
        assert report.objects_per_image == {1: 1, 2: 1, 3: 1}
        assert report.conditions == {"test.json": {1: 2, 2: 1}}
        assert len(report.errors) == 4
        text = str(report)
        for part in (third, "none.png has an empty list", "condition 3 has an empty list", "new_test.json, line 1"):
            assert any(part in error for error in report.errors)
        for part in ("missing images: 2", "unreadable images: 1", "gone.png", f"{second}: pink cube, odd", "errors: 4"):
            assert part in text
        assert text.splitlines()[-1] == "NOT OK"

    @pytest.mark.parametrize("name", ["objects.json", "train.json", "test.json", "new_test.json"])
    def test_a_missing_file_is_reported_with_the_rest(self, name: str, root: Path) -> None:
        (root / name).unlink()
        report = check(root)
        assert not report.ok
        assert len(report.errors) == 1
        assert str(root / name) in report.errors[0]
        assert report.listed == (0 if name == "train.json" else 3)
        # Without objects.json nothing can be said about names; they must not all be called unknown.
        assert report.unknown_objects == {}

    def test_a_missing_root_or_image_folder_is_reported_not_raised(self, root: Path) -> None:
        nowhere = check(root / "none")
        assert (nowhere.ok, nowhere.images, nowhere.listed) == (False, None, 0)
        assert "no such folder" in str(nowhere)
        other = check(root, "none")
        assert (other.ok, other.images, other.listed, other.present) == (False, None, 3, 0)
        assert other.missing == ()
        assert "no such image folder" in other.errors[0]

    def test_an_empty_split_is_not_ok(self, root: Path) -> None:
        write(root / "train.json", {})
        assert not check(root).ok

    @pytest.mark.real_data
    @pytest.mark.skipif("LIT_GANS_DATA" not in os.environ, reason="LIT_GANS_DATA is not set")
    def test_the_real_data_set_is_whole(self) -> None:
        report = check(Path(os.environ["LIT_GANS_DATA"]) / "iclevr")
        assert report.ok, str(report)
        assert (report.listed, report.scenes, report.unlisted) == (18_009, 6_003, ())
        assert report.sizes == {(64, 64): 18_009}
        assert report.objects_per_image == {1: 6_003, 2: 6_003, 3: 6_003}
        assert report.conditions == {"test.json": {1: 6, 2: 12, 3: 14}, "new_test.json": {2: 12, 3: 20}}
        assert report.places is not None and report.places[0] >= 0.999 * report.places[1] == 0.999 * 36_018


def test_the_classes_of_each_colour_and_shape_are_known_where_objects_are_called_by_them() -> None:
    assert colours_and_shapes(["red cube", "red sphere", "blue cube"]) == {
        "colour": {"red": [0, 1], "blue": [2]},
        "shape": {"cube": [0, 2], "sphere": [1]},
    }
    assert colours_and_shapes(["red cube", "sphere"]) == {} and colours_and_shapes(["a large cube"]) == {}
