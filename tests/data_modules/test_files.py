"""Which files are pictures, what is left out and what is said about it: the same for every data set."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from strangers import BOMB

from data_modules.anime_faces import AnimeFaces
from data_modules.cache import image_array
from data_modules.errors import DataError
from data_modules.files import is_file, list_pictures, picture_folder, stem
from data_modules.iclevr_files import missing
from data_modules.pictures import fitted, read_rgb
from data_modules.unpaired import Unpaired


def picture(file: Path, size: tuple[int, int] = (8, 8), mode: str = "RGB", **options: Any) -> Path:
    Image.new(mode, size, 100 if mode in ("L", "P") else None).save(file, **options)
    return file


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Nine pictures of all formats, and eight entries that are none."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name in ("a.png", "b.PNG", "c.Jpg", "d.jpeg", "e.webp", "f.bmp", "g.gif", "h.tif", "i.TIFF"):
        picture(folder / name, format={"Jpg": "JPEG"}.get(name.split(".")[1]))
    (folder / "9.png").mkdir()
    (folder / "plain").mkdir()
    for name in ("._1.png", ".hidden.png", "Thumbs.db", "photo.HEIC", "notes.txt"):
        (folder / name).write_bytes(b"x")
    os.symlink(folder / "nowhere", folder / "link.png")
    return folder


class TestListPictures:
    def test_pictures_are_known_by_their_suffix_in_any_case(self, mixed: Path) -> None:
        names = list_pictures(mixed).names
        assert names == ("a.png", "b.PNG", "c.Jpg", "d.jpeg", "e.webp", "f.bmp", "g.gif", "h.tif", "i.TIFF")
        assert image_array(list_pictures(mixed).paths, 8, mixed.parent / "cache").shape == (9, 3, 8, 8)

    def test_what_is_left_out_is_listed_by_its_reason(self, mixed: Path) -> None:
        assert list_pictures(mixed).left_out == {
            "folders with the name of a picture": ("9.png",),
            "formats that are not read (save them as PNG or JPEG)": ("photo.HEIC",),
            "hidden and system files": ("._1.png", ".hidden.png", "Thumbs.db"),
            "links to nothing": ("link.png",),
            "other files": ("notes.txt",),
        }

    def test_the_remark_names_all_but_files_that_look_like_no_picture(self, mixed: Path) -> None:
        remark = list_pictures(mixed).remark()
        assert "\n" not in remark and remark.startswith(f"{mixed}: left out ")
        for name in ("9.png", "photo.HEIC", "._1.png", "Thumbs.db", "link.png"):
            assert name in remark
        assert "notes.txt" not in remark and "notes.txt" in list_pictures(mixed).remark(every=True)

    def test_a_folder_of_pictures_alone_has_no_remark(self, tmp_path: Path) -> None:
        picture(tmp_path / "a.png")
        assert list_pictures(tmp_path).remark(every=True) == ""

    def test_folders_are_entered_when_asked_and_links_in_a_circle_once(self, tmp_path: Path) -> None:
        (tmp_path / "x" / "y").mkdir(parents=True)
        (tmp_path / ".hidden").mkdir()
        for name in ("a.png", "x/b.png", "x/y/c.png", ".hidden/d.png"):
            picture(tmp_path / name)
        os.symlink(tmp_path, tmp_path / "x" / "again")
        assert list_pictures(tmp_path).names == ("a.png",)
        assert list_pictures(tmp_path, nested=True).names == ("a.png", "x/b.png", "x/y/c.png")

    def test_linked_pictures_and_folders_are_followed(self, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        (tmp_path / "here").mkdir()
        picture(tmp_path / "there" / "a.png")
        os.symlink(tmp_path / "there" / "a.png", tmp_path / "here" / "b.png")
        os.symlink(tmp_path / "there", tmp_path / "here" / "folder")
        assert list_pictures(tmp_path / "here", nested=True).names == ("b.png", "folder/a.png")

    def test_spaces_unicode_and_long_names_are_names_like_others(self, tmp_path: Path) -> None:
        names = ["mit Leerzeichen.png", "日本語.png", "é" * 100 + ".png", "a" * 250 + ".png"]
        for name in names:
            picture(tmp_path / name)
        assert list_pictures(tmp_path).names == tuple(sorted(names))

    def test_no_folder_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"none: cannot be read \(No such file or directory\)"):
            list_pictures(tmp_path / "none")


class TestPictureFolder:
    def test_the_first_usual_folder_with_a_picture_is_taken(self, tmp_path: Path) -> None:
        (tmp_path / "one").mkdir()
        (tmp_path / "two").mkdir()
        (tmp_path / "one" / "._1.png").write_bytes(b"x")
        (tmp_path / "one" / "2.png").mkdir()
        picture(tmp_path / "two" / "a.png")
        assert picture_folder(tmp_path, None, ("one", "two")) == tmp_path / "two"
        assert picture_folder(tmp_path, "one", ("two",)) == tmp_path / "one"

    def test_a_file_in_place_of_the_folder_is_named_as_one(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"a\.png: a file; set data\.root"):
            picture_folder(picture(tmp_path / "a.png"), None, ())


def test_names_that_no_file_can_have_are_missing_and_no_error(tmp_path: Path) -> None:
    names = ["x" * 300 + ".png", "a\0b.png", "", "no/such/folder.png"]
    assert not any(is_file(tmp_path / name) for name in names)
    assert missing(tmp_path, names) == names


@pytest.mark.parametrize(("name", "expected"), [("12.png", "12"), ("a.b.JPEG", "a.b"), ("12", "12"), ("v1.5", "v1.5")])
def test_the_stem_is_the_name_without_the_ending_of_a_picture(name: str, expected: str) -> None:
    assert stem(name) == expected


class TestUnreadable:
    def test_every_file_that_is_no_picture_is_listed_with_its_reason(self, tmp_path: Path) -> None:
        picture(tmp_path / "good.png")
        (tmp_path / "bomb.png").write_bytes(BOMB)
        (tmp_path / "empty.png").write_bytes(b"")
        (tmp_path / "text.jpg").write_text("no picture")
        with pytest.raises(DataError) as raised:
            image_array(list_pictures(tmp_path).paths, 8, tmp_path / "cache")
        text = str(raised.value)
        assert text.startswith("3 of 4 image files cannot be read; repair or remove them:")
        assert re.search(r"bomb\.png: more than 178,956,970 pixels \(a decompression bomb\?\); make it smaller", text)
        assert re.search(r"empty\.png: empty file \(0 bytes\)", text)
        assert re.search(r"text\.jpg: no picture in a format that is read", text)

    def test_a_wrong_suffix_does_not_matter(self, tmp_path: Path) -> None:
        picture(tmp_path / "a.jpg", format="PNG")
        assert read_rgb(tmp_path / "a.jpg").size == (8, 8)

    def test_cmyk_and_the_first_frame_of_an_animation_are_read(self, tmp_path: Path) -> None:
        Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=100)
        red, green, blue = read_rgb(tmp_path / "a.jpg").getpixel((1, 1))  # type: ignore[misc]
        assert red > 200 and green < 60 and blue < 60
        frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
        frames[0].save(tmp_path / "b.gif", save_all=True, append_images=frames[1:])
        assert read_rgb(tmp_path / "b.gif").getpixel((1, 1)) == (255, 0, 0)


class TestFit:
    """A picture 8 px wide and 4 px high: black, white, white, black columns of 2 px."""

    @pytest.fixture
    def wide(self) -> Image.Image:
        row = np.repeat(np.array([0, 255, 255, 0], np.uint8), 2)
        return Image.fromarray(np.tile(row[None, :, None], (4, 1, 3)))

    def test_crop_keeps_the_middle_square(self, wide: Image.Image) -> None:
        assert (np.asarray(fitted(wide, 4, 4, "crop")) == 255).all()

    def test_pad_keeps_all_of_the_picture_between_edges_of_its_border_colour(self, wide: Image.Image) -> None:
        pixels = np.asarray(fitted(wide, 8, 8, "pad"))[..., 0]
        np.testing.assert_array_equal(pixels[2:6], np.asarray(wide)[..., 0])
        # border: twice 8 px of mean 127.5, and twice 4 px of black: 2040 / 24 = 85
        assert (pixels[:2] == 85).all() and (pixels[6:] == 85).all()

    def test_squash_keeps_all_of_the_picture_in_another_shape(self, wide: Image.Image) -> None:
        pixels = np.asarray(fitted(wide, 4, 4, "squash"))[..., 0]
        assert pixels.shape == (4, 4) and pixels[0, 0] < 60 and pixels[0, 1] > 200

    def test_a_picture_of_the_wanted_size_is_left_alone(self, wide: Image.Image) -> None:
        assert fitted(wide, 4, 8, "pad") is wide


class TestModules:
    """The same rules reach every data module that lists a folder."""

    def test_faces_are_found_among_other_entries_and_a_line_says_what_is_left_out(
        self, mixed: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        data = AnimeFaces(str(mixed), image_size=8, batch_size=2)
        with caplog.at_level("INFO"):
            data.prepare_data()
        data.setup("fit")
        assert len(data.columns["image"]) == 9
        assert "left out" in caplog.text and "photo.HEIC" in caplog.text and "._1.png" in caplog.text

    def test_both_domains_are_read_among_other_entries(self, mixed: Path, caplog: pytest.LogCaptureFixture) -> None:
        for name in ("trainA", "trainB", "testA", "testB"):
            os.symlink(mixed, mixed.parent / name)
        data = Unpaired(str(mixed.parent), image_size=8)
        with caplog.at_level("INFO"):
            data.prepare_data()
        data.setup("fit")
        assert len(data.train["a"]) == len(data.test["b"]) == 9
        assert "photo.HEIC" in caplog.text

    def test_a_tag_may_name_its_picture_by_file_or_with_zeros(self, faces_folder: Path, tmp_path: Path) -> None:
        (tmp_path / "tags.csv").write_text("1.png,blue hair red eyes\n00002,red hair red eyes\n3,red hair blue eyes\n")
        data = AnimeFaces(str(faces_folder), tags=str(tmp_path / "tags.csv"), image_size=16, cache_dir=str(tmp_path))
        data.setup("fit")
        assert len(data.columns["image"]) == 3


class TestCacheFolder:
    def test_a_data_folder_that_cannot_be_written_has_its_cache_in_the_users_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        root = tmp_path / "data"
        root.mkdir()
        for i in range(4):
            picture(root / f"{i}.png")
        (root / ".lit_gans_cache").write_text("a file, so that no folder can be made")
        data = AnimeFaces(str(root), image_size=8, batch_size=2)
        with caplog.at_level("INFO"):
            data.prepare_data()
        data.setup("fit")
        assert len(list((tmp_path / "cache" / "lit_gans").rglob("*.npy"))) == 1
        assert f"{root} cannot be written; the image cache is kept in {tmp_path / 'cache'}" in caplog.text

    def test_a_folder_that_was_asked_for_is_used_or_refused(self, faces_folder: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        data = AnimeFaces(str(faces_folder), image_size=8, cache_dir=str(tmp_path / "file"))
        with pytest.raises(DataError, match="cannot write the image cache"):
            data.prepare_data()

    def test_a_home_that_is_not_there_is_no_error(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        from data_modules.datasets.base import user_cache

        monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none/here")
        assert "lit_gans" in user_cache(tmp_path).parts
        assert user_cache(tmp_path) != user_cache(tmp_path / "other")
