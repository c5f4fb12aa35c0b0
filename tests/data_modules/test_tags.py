"""Tag files of anime faces: both forms, and everything that can be wrong with them."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from data_modules.errors import DataError
from data_modules.tags import all_pairs, colours, read_requests, read_tags, tag_names, tag_vectors


def written(folder: Path, *lines: str) -> Path:
    file = folder / "tags.csv"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


class TestColours:
    @pytest.mark.parametrize(
        ("text", "hair", "eyes"),
        [
            ("blue hair red eyes", ["blue"], ["red"]),
            ("red eyes blue hair", ["blue"], ["red"]),
            ("blonde long hair and pink eyes", ["blonde"], ["pink"]),
            ("long purple short hair and black eyes", ["purple"], ["black"]),
            ("Blue Hair and RED eyes", ["blue"], ["red"]),
            ("blue eyes:18705\tlong hair:3\tblonde hair:12", ["blonde"], ["blue"]),
            ("blue and green hair red eyes", ["blue", "green"], ["red"]),
            ("blue hair, pink hair, red eyes", ["blue", "pink"], ["red"]),
            ("blue hair blue hair red eyes", ["blue"], ["red"]),
            ("purple short hair and bicolored purple eyes", ["purple"], ["bicolored", "purple"]),
            ("green ribbon blue eyes", [], ["blue"]),
            ("violet long hair and red eyes", ["violet"], ["red"]),
            ("closed eyes blue eyes", [], ["blue"]),
            ("long hair", [], []),
            ("blonde eyes", [], ["blonde"]),  # a colour of hair and no colour of eyes
            ("", [], []),
        ],
    )
    def test_those_before_each_noun_are_taken(self, text: str, hair: list[str], eyes: list[str]) -> None:
        assert colours(text) == {"hair": hair, "eyes": eyes}


class TestTagFiles:
    def test_lines_with_one_hair_and_one_eye_colour_are_used(self, tmp_path: Path) -> None:
        tags = read_tags(written(tmp_path, "7,blue hair red eyes", "", "12,white long hair and gray eyes"))
        assert tags.pairs == {"7": ("blue", "red"), "12": ("white", "gray")}
        assert (tags.rows, tags.lines, tags.skipped) == (2, {"7": 1, "12": 3}, {})

    def test_all_others_are_skipped_and_listed_with_their_reason_and_line(self, tmp_path: Path) -> None:
        tags = read_tags(
            written(
                tmp_path,
                "1,blue hair red eyes",
                "2,blue and pink hair red eyes",
                "3,violet hair red eyes",
                "4,long hair",
                "5,blue hair bicolored eyes",
                "6,violet hair red eyes",
            )
        )
        assert list(tags.pairs) == ["1"]
        assert tags.skipped == {
            "several hair colours": [2],
            "unknown hair colour 'violet'": [3, 6],
            "no hair colour, no eye colour": [4],
            "several eye colours": [5],
        }
        assert "1 of 6 lines" in str(tags) and "unknown hair colour 'violet': 2 lines (3, 6)" in str(tags)

    def test_a_likely_slip_is_named_with_the_nearest_colour(self, tmp_path: Path) -> None:
        tags = read_tags(written(tmp_path, "1,blue hair red eyes", "2,blue hair purpel eyes"))
        assert tags.skipped == {"unknown eye colour 'purpel' (did you mean 'purple'?)": [2]}

    @pytest.mark.parametrize("line", ["blue hair red eyes", "1,blue hair,red eyes", ",blue hair red eyes"])
    def test_a_wrong_number_of_columns_is_refused_with_its_line(self, tmp_path: Path, line: str) -> None:
        file = written(tmp_path, "1,blue hair red eyes", line)
        with pytest.raises(DataError, match=rf"{re.escape(str(file))}: 1 line \(2\) without exactly two columns"):
            read_tags(file)

    def test_one_id_with_two_tags_is_refused_with_both_lines(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"line 3: id 1 is tagged otherwise in line 1"):
            read_tags(written(tmp_path, "1,blue hair red eyes", "2,blue hair red eyes", "1,red hair red eyes"))

    def test_the_same_line_twice_is_no_fault(self, tmp_path: Path) -> None:
        assert len(read_tags(written(tmp_path, "1,blue hair red eyes", "1,blue hair red eyes")).pairs) == 1

    def test_a_file_without_a_usable_line_is_refused_with_the_reasons(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"0 of 1 lines(.|\n)*no eye colour: 1 line \(1\)(.|\n)*expected"):
            read_tags(written(tmp_path, "1,blue hair"))

    def test_a_missing_file_and_other_text_are_refused_by_name(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"none\.csv: no such file"):
            read_tags(tmp_path / "none.csv")
        (tmp_path / "other.csv").write_bytes(b"1,\xff\xfe")
        with pytest.raises(DataError, match=r"other\.csv: not UTF-8 text \(byte 2\)"):
            read_tags(tmp_path / "other.csv")

    @pytest.mark.real_data
    @pytest.mark.skipif("LIT_GANS_DATA" not in os.environ, reason="LIT_GANS_DATA is not set")
    def test_both_files_of_the_course_give_the_same_11406_faces(self) -> None:
        root = Path(os.environ["LIT_GANS_DATA"]) / "anime"
        assert len(read_tags(root / "tags.csv").pairs) == 11_406
        assert read_tags(root / "tags_clean.csv").pairs == read_tags(root / "tags.csv").pairs
        assert len(read_requests(root / "testing_tags.txt")) == 25


class TestRequests:
    def test_each_line_is_a_picture_in_order(self, tmp_path: Path) -> None:
        file = written(tmp_path, "1,blue hair red eyes", "1,green eyes blue hair")
        assert read_requests(file) == [("blue", "red"), ("blue", "green")]

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("2,violet hair red eyes", "line 2: unknown hair colour 'violet'"),
            ("2,blue hair", "line 2: no eye colour"),
            ("2,blue hair green hair red eyes", "line 2: several hair colours"),
            ("2,dark blue hair red eyes", "line 2: unknown word 'dark'"),
            ("2;blue hair red eyes", r"1 line \(2\) without exactly two columns"),
        ],
    )
    def test_anything_unclear_is_refused_with_its_line(self, tmp_path: Path, line: str, message: str) -> None:
        with pytest.raises(DataError, match=message):
            read_requests(written(tmp_path, "1,blue hair red eyes", line))

    def test_an_empty_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="is empty; expected lines such as"):
            read_requests(written(tmp_path, ""))


class TestVectors:
    def test_hair_comes_before_eyes_in_the_courses_order(self) -> None:
        names = tag_names()
        assert (len(names), names[0], names[11], names[12], names[22]) == (
            23,
            "orange hair",
            "blonde hair",
            "gray eyes",
            "blue eyes",
        )
        vector = tag_vectors([("white", "blue")])[0]
        assert np.flatnonzero(vector).tolist() == [1, 22] and vector.dtype == np.float32

    def test_the_alphabetical_order_is_a_choice(self) -> None:
        names = tag_names("alphabetical")
        assert names[:2] == ["aqua hair", "black hair"] and names[12:14] == ["aqua eyes", "black eyes"]
        assert sorted(names) == sorted(tag_names())
        vector = tag_vectors([("white", "blue")], "alphabetical")[0]
        assert [names[i] for i in np.flatnonzero(vector)] == ["white hair", "blue eyes"]

    def test_there_are_132_different_pairs(self) -> None:
        assert len(set(all_pairs())) == 132
        assert (tag_vectors(all_pairs()).sum(axis=1) == 2).all()

    def test_another_order_is_refused(self) -> None:
        with pytest.raises(DataError, match=r"data\.tag_order is 'random'"):
            tag_names("random")  # type: ignore[arg-type]
