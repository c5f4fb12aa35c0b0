"""CelebA: the attribute file read and refused, pictures cropped and held out, conditions multi-hot."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from data_modules.cache import fingerprint
from data_modules.celeba import CelebA
from data_modules.celeba_files import attribute_file, image_folder, read_attributes
from data_modules.errors import DataError

NAMES = ["Bald", "Eyeglasses", "Smiling"]
PICTURES = 20


def table(rows: list[str], names: list[str] = NAMES, count: int | None = None) -> str:
    return "\n".join([str(len(rows) if count is None else count), " ".join(names), *rows]) + "\n"


def values(index: int) -> list[int]:
    """The binary digits of a picture's number, as 1 and -1."""
    return [1 if index >> bit & 1 else -1 for bit in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 pictures of 12x20 px: red above, green in the central square, blue below; the green says which."""
    root = tmp_path_factory.mktemp("celeba")
    (root / "img_align_celeba").mkdir()
    rows = []
    for i in range(PICTURES):
        picture = np.zeros((20, 12, 3), np.uint8)
        picture[:4, :, 0], picture[4:16, :, 1], picture[16:, :, 2] = 255, 10 * i, 255
        Image.fromarray(picture).save(root / "img_align_celeba" / f"{i:06d}.png")
        rows.append(f"{i:06d}.png " + " ".join(f"{value:2d}" for value in values(i)))
    (root / "list_attr_celeba.txt").write_text(table(rows))
    (root / "asked.json").write_text(json.dumps([["Smiling"], ["Eyeglasses", "Smiling"]]))
    return root


def module(folder: Path, stage: str = "fit", **options: Any) -> CelebA:
    data = CelebA(str(folder), **({"image_size": 8, "batch_size": 4, "val_fraction": 0.25, "flip": False} | options))
    data.prepare_data()
    data.setup(stage)
    return data


class TestModule:
    def test_every_batch_has_the_attributes_of_its_pictures(self, folder: Path) -> None:
        data = module(folder)
        seen = []
        for batch in data.train_dataloader():
            for pixels, condition in zip(batch["image"], batch["condition"], strict=True):
                index = int(pixels[1, 4, 4]) // 10
                assert condition.tolist() == [(value + 1) / 2 for value in values(index)]
                seen.append(index)
        held_out = [int(pixels[1, 4, 4]) // 10 for batch in data.val_dataloader() for pixels in batch["image"]]
        assert len(seen) == len(set(seen)) == 12  # three whole batches of 15 pictures
        assert len(held_out) == 5 and not set(seen) & set(held_out)

    def test_the_largest_centred_square_is_kept(self, folder: Path) -> None:
        image = module(folder).preview_batch()["image"]
        assert image.shape == (5, 3, 8, 8)
        assert (image[:, 0] == -1).all() and (image[:, 2] == -1).all()

    def test_attributes_are_chosen_and_ordered(self, folder: Path) -> None:
        data = module(folder, attributes=["Smiling", "Bald"])
        assert data.class_names == ["Smiling", "Bald"] and data.num_classes == 2
        every = module(folder)
        assert every.class_names == NAMES
        torch.testing.assert_close(data.preview_batch()["condition"], every.preview_batch()["condition"][:, [2, 0]])

    def test_what_is_held_out_follows_from_the_seed_and_not_from_the_attributes(self, folder: Path) -> None:
        rows = module(folder, seed=3).val_rows.tolist()
        assert module(folder, seed=3, attributes=["Bald"]).val_rows.tolist() == rows
        assert len({tuple(module(folder, seed=seed).val_rows.tolist()) for seed in range(6)}) > 3

    def test_a_test_has_the_lists_of_files_and_the_held_out_attributes(self, folder: Path) -> None:
        data = module(folder, "test", test_conditions=["asked.json"], held_out_conditions=4)
        batches = {batch["name"]: batch["condition"] for loader in data.predict_dataloader() for batch in loader}
        assert batches.keys() == {"asked", "held_out"}
        assert batches["asked"].tolist() == [[0, 0, 1], [0, 1, 1]]
        torch.testing.assert_close(batches["held_out"], module(folder).preview_batch()["condition"][:4])

    def test_celeba_hq_is_found_by_its_own_names(self, folder: Path, tmp_path: Path) -> None:
        (folder / "img_align_celeba").rename(tmp_path / "CelebA-HQ-img")
        try:
            content = (folder / "list_attr_celeba.txt").read_text()
            (tmp_path / "CelebAMask-HQ-attribute-anno.txt").write_text(content)
            assert module(tmp_path).preview_batch()["image"].shape == (5, 3, 8, 8)
        finally:
            (tmp_path / "CelebA-HQ-img").rename(folder / "img_align_celeba")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                {"attributes": ["Smilling"]},
                r"data\.attributes: 'Smilling' is not in list_attr.*did you mean 'Smiling'\?",
            ),
            ({"attributes": []}, r"data\.attributes is empty"),
            ({"attributes": ["Bald", "Bald"]}, r"names 'Bald' more than once"),
            ({"val_fraction": 1.0}, r"data\.val_fraction is 1\.0"),
            ({"held_out_conditions": 0}, r"data\.held_out_conditions is 0; expected 1 or more"),
            ({"images": "photos"}, r"photos: no such image folder"),
            ({"attribute_file": "attributes.txt"}, r"no attribute file .*attributes\.txt"),
        ],
    )
    def test_bad_options_are_refused(self, folder: Path, options: dict[str, Any], message: str) -> None:
        with pytest.raises(DataError, match=message):
            module(folder, **options)

    def test_bad_condition_lists_are_refused(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "bad.json").write_text('[["Bald"], ["Smilng"]]')
        with pytest.raises(
            DataError, match=r"bad\.json: condition 1: 'Smilng' is not in data\.attributes; did you mean"
        ):
            module(folder, "test", test_conditions=[str(tmp_path / "bad.json")])
        (tmp_path / "held_out.json").write_text('[["Bald"]]')
        with pytest.raises(DataError, match="names two lists alike: held_out, held_out"):
            module(folder, "test", test_conditions=[str(tmp_path / "held_out.json")])

    def test_pictures_that_are_listed_but_missing_are_named(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "list_attr_celeba.txt").write_text(table(["a.jpg 1 1 -1", "b.jpg 1 1 1"]))
        (tmp_path / "img_align_celeba").mkdir()
        with pytest.raises(DataError, match=r"no picture in .*img_align_celeba or "):
            module(tmp_path)
        shutil.copy(next((folder / "img_align_celeba").iterdir()), tmp_path / "img_align_celeba" / "c.jpg")
        with pytest.raises(DataError, match=r"2 of 2 image files are missing.*\n.*a\.jpg\n.*b\.jpg"):
            module(tmp_path)


class TestAttributeFile:
    def read(self, tmp_path: Path, text: str) -> Any:
        file = tmp_path / "list_attr_celeba.txt"
        file.write_text(text)
        return read_attributes(file)

    def test_1_is_present_and_all_else_absent(self, tmp_path: Path) -> None:
        found = self.read(tmp_path, table(["b.jpg  1 -1 -1 ", "a.jpg -1  0  1", ""], count=2))
        assert (found.names, found.images) == (NAMES, ["b.jpg", "a.jpg"])
        assert found.present.tolist() == [[True, False, False], [False, False, True]]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                table(["a.jpg 1 1 1", "b.jpg 1 1", "c.jpg 1 1 1 1"]),
                r"2 lines are wrong.*\n  line 4: 2 values for 3 attr",
            ),
            (table(["a.jpg 1 2 1"]), r"\n  line 3: the value '2', expected 1 or -1: a\.jpg 1 2 1"),
            (table(["a.jpg 1 1 1"], count=5), r"line 1: says 5 pictures, but 1 are listed; is the file cut short\?"),
            (table(["a.jpg 1 1 1", "a.jpg 1 1 1"]), r"1 pictures are listed more than once; keep one:\n  a\.jpg"),
            (table(["a.jpg 1 1"], names=["Bald", "Bald"]), r"line 2: the attribute 'Bald' stands there more than once"),
            (
                "\x1c2\nBald\na.jpg 1\n",
                r"line 1: says 2 pictures, but 1 are",
            ),  # int() does not strip \x1c
            ("image_id,Bald\na.jpg,1\nb.jpg,-1\n", r"line 1: expected the number of pictures"),
            ("", r"line 1: expected the number of pictures"),
        ],
    )
    def test_faults_are_named_with_their_lines(self, tmp_path: Path, text: str, message: str) -> None:
        with pytest.raises(DataError, match=message):
            self.read(tmp_path, text)

    def test_files_that_are_no_text_or_missing(self, tmp_path: Path) -> None:
        (tmp_path / "picture.txt").write_bytes(b"\xff\xd8\xff\xe0")
        with pytest.raises(DataError, match=r"picture\.txt: not UTF-8 text"):
            read_attributes(tmp_path / "picture.txt")
        with pytest.raises(DataError, match=r"none\.txt: no such file"):
            read_attributes(tmp_path / "none.txt")

    def test_where_files_are_looked_for(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no attribute file .*list_attr_celeba\.txt or .*CelebAMask"):
            attribute_file(tmp_path)
        with pytest.raises(DataError, match=r"nowhere: no such folder"):
            attribute_file(tmp_path / "nowhere")
        with pytest.raises(DataError, match="no picture in"):
            image_folder(tmp_path)
        Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
        assert image_folder(tmp_path) == tmp_path


def test_a_cropped_cache_is_another_file_and_an_old_one_stays_valid(folder: Path) -> None:
    paths = sorted((folder / "img_align_celeba").iterdir())
    assert fingerprint(paths, 8) == fingerprint(paths, 8, "squash") != fingerprint(paths, 8, "crop")
