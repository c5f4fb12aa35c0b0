"""Anybody's pictures: which files, labels and parts are found, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from data_modules.datasets.labelled import from_numbers
from data_modules.errors import DataError
from data_modules.image_folder import ImageFolder


def pictures(folder: Path, *names: str, size: tuple[int, int] = (8, 8)) -> Path:
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (10 * i, 0, 0)).save(folder / name)
    return folder


def module(root: Path, stage: str = "fit", **options: Any) -> ImageFolder:
    data = ImageFolder(str(root), **({"image_size": 8, "batch_size": 2, "val_fraction": 0.25} | options))
    data.prepare_data()
    data.setup(stage)
    return data


def labelled(data: ImageFolder) -> dict[str, list[str]]:
    """Picture -> its classes."""
    conditions = from_numbers(torch.from_numpy(data.table.numbers), data.num_classes)
    return {
        path.relative_to(data.root).as_posix(): [data.class_names[i] for i in row.nonzero().flatten().tolist()]
        for path, row in zip(data.paths(), conditions, strict=True)
    }


class TestFolders:
    def test_a_flat_folder_has_one_class_and_every_picture(self, tmp_path: Path) -> None:
        data = module(pictures(tmp_path, "a.png", "b.JPG", "c d.webp", "é.bmp"))
        assert labelled(data) == {name: ["picture"] for name in ("a.png", "b.JPG", "c d.webp", "é.bmp")}
        assert data.num_classes == 1 and data.class_groups == {}
        assert len(data.train_rows) == 2 and len(data.val_rows) == 2

    def test_without_labels_batches_hold_images_alone(self, tmp_path: Path) -> None:
        data = module(pictures(tmp_path, "x/a.png", "y/b.png", "y/c.png", "y/d.png"), labels="none")
        (batch,) = data.train_dataloader()
        assert set(batch) == {"image"}

    def test_class_folders_are_one_hot_in_the_order_of_their_names(self, tmp_path: Path) -> None:
        root = pictures(tmp_path, "10/a.png", "9/a.png", "9/deeper/b.png", "cat/c.png")
        data = module(root)
        assert data.class_names == ["9", "10", "cat"]
        assert labelled(data) == {
            "10/a.png": ["10"],
            "9/a.png": ["9"],
            "9/deeper/b.png": ["9"],
            "cat/c.png": ["cat"],
        }
        assert data.class_groups == {"class": [0, 1, 2]}

    @pytest.mark.parametrize("names", [("a.png", "x/b.png", "y/c.png"), ("x/a.png", "x/b.png", "x/y/c.png")])
    def test_folders_that_do_not_divide_all_pictures_are_no_classes(
        self, names: tuple[str, ...], tmp_path: Path
    ) -> None:
        assert module(pictures(tmp_path, *names)).class_names == ["picture"]
        with pytest.raises(DataError, match=r"not all in class folders, two or more, which data\.labels asks for"):
            module(tmp_path, labels="folders")

    def test_parts_are_taken_from_folders_and_nothing_else_is_held_out(self, tmp_path: Path) -> None:
        root = pictures(
            tmp_path, *(f"{p}/{c}/{i}.png" for p in ("train", "val", "test") for c in "xy" for i in range(2))
        )
        data = module(root, stage="test")
        for part, rows in (("train", data.train_rows), ("val", data.val_rows)):
            assert {data.paths()[row].parent.parent.name for row in rows.tolist()} == {part}
        real, *lists = data.test_dataloader()
        (batch,) = real
        assert batch["name"] == "held_out" and len(batch["image"]) == 4
        assert [name for loader in lists for name in [next(iter(loader))["name"]]] == ["classes", "held_out"]

    def test_a_test_part_alone_leaves_the_validation_to_the_seed(self, tmp_path: Path) -> None:
        root = pictures(tmp_path, *(f"train/{i}.png" for i in range(8)), "test/9.png")
        data = module(root)
        assert len(data.train_rows) == 6 and len(data.val_rows) == 2
        again = module(root)
        assert torch.equal(data.val_rows, again.val_rows)
        assert any(not torch.equal(data.val_rows, module(root, seed=seed).val_rows) for seed in range(1, 6))

    def test_a_class_that_training_does_not_have_is_refused(self, tmp_path: Path) -> None:
        root = pictures(tmp_path, "train/x/1.png", "train/y/1.png", "test/x/1.png", "test/z/1.png")
        with pytest.raises(DataError, match=r"test: the class 'z' is none of those in training"):
            module(root)


class TestMetadata:
    ROOT = ("a.png", "b.png", "x/c.png")

    def read(self, tmp_path: Path, text: str, name: str = "metadata.csv", **options: Any) -> ImageFolder:
        pictures(tmp_path, *self.ROOT)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return module(tmp_path, **options)

    def test_a_column_of_values_is_a_class_each(self, tmp_path: Path) -> None:
        data = self.read(tmp_path, "\ufefffile_name,label\na.png,dog\nb.png,cat\nx/c.png,dog\n")
        assert data.class_names == ["cat", "dog"] and data.class_groups == {"label": [0, 1]}
        assert labelled(data) == {"a.png": ["dog"], "b.png": ["cat"], "x/c.png": ["dog"]}

    def test_columns_of_0_and_1_are_classes_by_their_name(self, tmp_path: Path) -> None:
        data = self.read(tmp_path, "file_name,Smiling,Hat\na.png,1,0\nb.png,-1,1\nx/c.png,1,1\n")
        assert data.class_names == ["Smiling", "Hat"] and data.class_groups == {}
        assert labelled(data) == {"a.png": ["Smiling"], "b.png": ["Hat"], "x/c.png": ["Smiling", "Hat"]}

    def test_several_columns_of_values_are_told_apart_by_their_name(self, tmp_path: Path) -> None:
        data = self.read(tmp_path, "file_name,hair,eyes\na.png,red,red\nb.png,blue,red\nx/c.png,red,blue\n")
        assert data.class_names == ["hair=blue", "hair=red", "eyes=blue", "eyes=red"]
        assert labelled(data)["x/c.png"] == ["hair=red", "eyes=blue"]
        assert data.class_groups == {"hair": [0, 1], "eyes": [2, 3]}

    def test_a_cell_may_hold_several_labels_or_none(self, tmp_path: Path) -> None:
        data = self.read(tmp_path, 'file_name,objects\na.png,"cube; ball"\nb.png,\nx/c.png,ball|cone\n')
        assert labelled(data) == {"a.png": ["ball", "cube"], "b.png": [], "x/c.png": ["ball", "cone"]}
        assert data.class_groups == {}

    def test_json_lines_hold_lists_and_numbers(self, tmp_path: Path) -> None:
        rows = [("a.png", ["u", "v"]), ("b.png", [2]), ("x/c.png", ["v"])]
        text = "\n".join(json.dumps({"file_name": name, "objects": objects}) for name, objects in rows)
        data = self.read(tmp_path, text, "metadata.jsonl")
        assert data.class_names == ["2", "u", "v"]
        assert labelled(data) == {"a.png": ["u", "v"], "b.png": ["2"], "x/c.png": ["v"]}

    def test_the_columns_can_be_chosen(self, tmp_path: Path) -> None:
        text = "file_name,text,label\na.png,a long story,p\nb.png,another,q\nx/c.png,a third,p\n"
        assert self.read(tmp_path, text, columns=["label"]).class_names == ["p", "q"]
        with pytest.raises(DataError, match=r"data\.columns: 'lable' is not in .*metadata\.csv; did you mean 'label'"):
            module(tmp_path, columns=["lable"])

    def test_the_form_of_iclevr_is_read_with_the_order_of_its_classes(self, tmp_path: Path) -> None:
        pictures(tmp_path, "images/a.png", "images/b.png")
        (tmp_path / "objects.json").write_text('{"red cube": 1, "blue ball": 0}')
        (tmp_path / "train.json").write_text('{"a.png": ["red cube"], "b.png": ["blue ball", "red cube"]}')
        data = module(tmp_path)
        assert data.class_names == ["blue ball", "red cube"]
        assert labelled(data) == {"images/a.png": ["red cube"], "images/b.png": ["blue ball", "red cube"]}

    def test_each_part_may_have_its_own_file(self, tmp_path: Path) -> None:
        for part, rows in (("train", "a.png,p\nb.png,q\n"), ("test", "a.png,q\n")):
            pictures(tmp_path / part, *(line.split(",")[0] for line in rows.split()))
            (tmp_path / part / "metadata.csv").write_text("file_name,label\n" + rows)
        data = module(tmp_path)
        assert labelled(data) == {"train/a.png": ["p"], "train/b.png": ["q"], "test/a.png": ["q"]}
        (tmp_path / "test" / "metadata.csv").unlink()
        with pytest.raises(
            DataError, match=r"test: none of metadata\.csv, metadata\.jsonl, train\.json, which the other"
        ):
            module(tmp_path)

    def test_one_file_in_the_root_names_the_pictures_of_all_parts(self, tmp_path: Path) -> None:
        pictures(tmp_path, "train/a.png", "train/b.png", "val/c.png")
        (tmp_path / "metadata.csv").write_text("file_name,l\ntrain/a.png,p\ntrain/b.png,q\nval\\c.png,q\n")
        assert labelled(module(tmp_path)) == {"train/a.png": ["p"], "train/b.png": ["q"], "val/c.png": ["q"]}

    def test_pictures_without_a_label_are_left_out_and_counted(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level("INFO"):
            data = self.read(tmp_path, "file_name,label\na.png,p\nb.png,q\n")
        assert list(labelled(data)) == ["a.png", "b.png"]
        assert "left out 1 pictures that metadata.csv does not name (x/c.png)" in caplog.text

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty; expected a header with file_name"),
            ("name,label\na.png,p\n", "line 1: no column 'file_name' among name, label"),
            ("file_name\na.png\n", "no column beside file_name"),
            ("file_name,label\n", "names no picture"),
            ("file_name,l\na.png,p,q\n", r"1 lines have not the 2 values of the header:\n  line 2: 3 values"),
            ("file_name,l\na.png,p\na.png,q\n", r"line 3: a\.png is named a second time"),
            ("file_name,l\n./a.png,p\na.png,q\n", r"line 3: a\.png is named a second time"),
            ("file_name,l\n,p\n", 'line 2: file_name is ""'),
            ("file_name,l,l\na.png,p,q\n", "line 1: the column 'l' stands there more than once"),
            (
                "file_name,l\na.png,p\nnone.png,q\n",
                r"metadata\.csv: 1 of 2 pictures it names are not in .*\n  none\.png",
            ),
            ("file_name,l\nnone.png,q\n", r"none of its pictures is in metadata\.csv"),
        ],
    )
    def test_a_faulty_file_is_refused_with_its_line(self, text: str, message: str, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=message):
            self.read(tmp_path, text)

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("[1]", r"metadata\.jsonl, line 1: \[1\]; expected a mapping"),
            ("{", r"metadata\.jsonl, line 1, line 1, column 2: not valid JSON"),
            ('{"file_name": 3, "l": 1}', "line 1: file_name is 3"),
            ('{"file_name": "a.png", "l": 0.5}', r"a\.png: l is 0\.5; expected a text, a whole number, or a list"),
            ('{"file_name": "a.png", "l": {"x": [0, 0, 1, 1]}}', r"expected a text, a whole number, or a list"),
        ],
    )
    def test_a_faulty_line_is_refused_by_number(self, line: str, message: str, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=message):
            self.read(tmp_path, line, "metadata.jsonl")

    def test_captions_are_not_taken_for_classes(self, tmp_path: Path) -> None:
        names = [f"{i}.png" for i in range(30)]
        pictures(tmp_path, *names)
        (tmp_path / "metadata.csv").write_text("file_name,text\n" + "".join(f"{n},caption of {n}\n" for n in names))
        with pytest.raises(DataError, match=r"'text' has 30 different values for 30 pictures, too many for classes"):
            module(tmp_path)


class TestWhatIsSaid:
    def test_one_line_says_what_was_found(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        pictures(tmp_path, *(f"{c}/{i}.png" for c in ("cat", "dog") for i in range(3)))
        with caplog.at_level("INFO"):
            module(tmp_path)
        assert f"{tmp_path}: 6 pictures, 2 classes by class folders: cat 3, dog 3" in caplog.text

    @pytest.mark.parametrize(
        ("fit", "said"), [("crop", "cropped to their middle"), ("pad", "padded"), ("squash", "squashed")]
    )
    def test_one_line_says_how_many_pictures_changed_their_shape(
        self, fit: str, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        pictures(tmp_path, "a.png", "b.png")
        pictures(tmp_path, "c.png", "d.png", "e.png", size=(12, 8))
        with caplog.at_level("INFO"):
            module(tmp_path, fit=fit)
        assert f"3 of 5 pictures are not square; they are {said}" in caplog.text

    def test_pictures_are_cropped_unless_otherwise_asked(self, tmp_path: Path) -> None:
        row = np.repeat(np.array([0, 255, 255, 0], np.uint8), 4)
        for name in ("a.png", "b.png"):
            Image.fromarray(np.tile(row[None, :, None], (8, 1, 3))).save(tmp_path / name)
        assert (module(tmp_path).preview_batch()["image"] == 1).all()
        assert (module(tmp_path, fit="squash").preview_batch()["image"] < 0).any()


class TestRefused:
    def test_a_folder_without_pictures_says_what_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "a.heic").write_bytes(b"x")
        with pytest.raises(
            DataError, match=r"no pictures \(\.png, .*\)\. .*left out formats that are not read.*a\.heic"
        ):
            module(tmp_path)

    def test_a_part_without_pictures_is_named(self, tmp_path: Path) -> None:
        pictures(tmp_path, "train/a.png", "train/b.png")
        (tmp_path / "test").mkdir()
        with pytest.raises(DataError, match="test: no pictures"):
            module(tmp_path)

    @pytest.mark.parametrize("options", [{"fit": "stretch"}, {"val_fraction": 0.0}])
    def test_values_without_meaning_are_refused_by_name(self, options: dict[str, Any], tmp_path: Path) -> None:
        (name,) = options
        with pytest.raises(DataError, match=f"data.{name} is"):
            ImageFolder(str(tmp_path), **options)

    def test_a_single_picture_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"1 picture\(s\); at least 2 are needed"):
            module(pictures(tmp_path, "a.png"))


def test_without_labels_a_test_compares_with_training_pictures_and_predicts_from_noise(tmp_path: Path) -> None:
    data = module(pictures(tmp_path, *(f"{i}.png" for i in range(8))), "test", labels="none")
    (real,) = data.test_dataloader()
    assert [len(batch["image"]) for batch in real] == [6] and next(iter(real))["name"] == "train"
    assert [batch for loader in data.predict_dataloader() for batch in loader] == [{"count": 25, "name": "samples"}]


def test_own_lists_are_drawn_beside_those_of_the_data(tmp_path: Path) -> None:
    root = pictures(tmp_path, *(f"{c}/{i}.png" for c in ("cat", "dog") for i in range(4)))
    (root / "mine.json").write_text('[["dog"], ["dog", "cat"]]')
    data = module(root, "predict", test_conditions=["mine.json"])
    lists = {batch["name"]: batch["condition"].tolist() for loader in data.predict_dataloader() for batch in loader}
    assert lists["mine"] == [[0, 1], [1, 1]] and lists["classes"] == [[1, 0], [0, 1]]
    assert all(sum(row) == 1 for row in lists["held_out"]) and len(lists["held_out"]) == 2
