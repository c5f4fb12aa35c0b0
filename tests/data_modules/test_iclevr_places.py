"""Where objects stand: found in pictures, read from places.json, and handed out with the batches."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data_modules import iclevr_places
from data_modules.errors import DataError
from data_modules.iclevr import ICLEVR
from data_modules.iclevr_check import check
from data_modules.iclevr_places import find_places, place_table
from data_modules.rendered.scenes import write_dataset

GROUND = (120, 120, 120)
COLOURS = {"red": (200, 40, 40), "blue": (40, 40, 200), "green": (40, 160, 40)}
SCENES = 12


def scene(*objects: tuple[str, int, int]) -> Iterator[np.ndarray]:
    """(3, 64, 64) pictures of which each has one 7x7 square more, centred on the pixel (x, y)."""
    picture = np.tile(np.array(GROUND, np.uint8)[:, None, None], (1, 64, 64))
    for colour, x, y in objects:
        picture = picture.copy()
        picture[:, y - 3 : y + 4, x - 3 : x + 4] = np.array(COLOURS[colour])[:, None, None]
        yield picture


def searched(*scenes: tuple[tuple[str, int, int], ...]) -> list[list[tuple[float, float] | None]]:
    pictures = [picture for objects in scenes for picture in scene(*objects)]
    files = [f"CLEVR_train_{s:06d}_{k}.png" for s, objects in enumerate(scenes) for k in range(len(objects))]
    names = [[f"{colour} cube" for colour, _, _ in objects[: k + 1]] for objects in scenes for k in range(len(objects))]
    return find_places(pictures.__getitem__, files, names)


def pixel(place: tuple[float, float] | None) -> tuple[float, float]:
    assert place is not None
    return place[0] * 64 - 0.5, place[1] * 64 - 0.5


class TestFindPlaces:
    def test_a_place_is_the_middle_of_what_changed_between_two_pictures_of_a_scene(self) -> None:
        scenes = (
            (("red", 31, 27), ("blue", 10, 40), ("green", 50, 20)),
            (("blue", 32, 26), ("green", 45, 45), ("red", 12, 12)),
            (("green", 31, 26), ("red", 55, 30), ("blue", 20, 50)),
        )
        found = searched(*scenes)
        for number, objects in enumerate(scenes):
            for k in range(3):
                row = found[3 * number + k]
                assert len(row) == k + 1
                for place, (_, x, y) in zip(row, objects, strict=False):
                    np.testing.assert_allclose(pixel(place), (x, y), atol=1.01)
                # what is not the first object is found to the pixel
                for place, (_, x, y) in list(zip(row, objects, strict=False))[1:]:
                    np.testing.assert_allclose(pixel(place), (x, y), atol=1e-6)

    def test_a_shadow_more_than_ten_pixels_away_does_not_move_the_place(self) -> None:
        first, second = scene(("red", 31, 27), ("blue", 20, 20))
        second = second.copy()
        second[:, 45:48, 50:53] = 60
        pictures = [first, second]
        found = find_places(pictures.__getitem__, ["CLEVR_a_1_0.png", "CLEVR_a_1_1.png"], [["red"], ["red", "blue"]])
        # the mean of all changed pixels is (24.8, 24.0); of those near it, one corner is missing
        np.testing.assert_allclose(pixel(found[1][1]), (20, 20), atol=0.1)

    def test_an_object_of_another_colour_than_named_is_not_found(self) -> None:
        right = [(("red", 31, 27), ("blue", 10, 40), ("green", 50, 20)), (("blue", 31, 27), ("red", 10, 40))] * 2
        wrong = (("green", 31, 27), ("blue", 10, 40), ("red", 50, 20))
        named = ("green", "blue", "green")
        pictures = [picture for objects in (*right, wrong) for picture in scene(*objects)]
        of_scene = [*([colour for colour, _, _ in objects] for objects in right), named]
        files = [f"CLEVR_train_{s}_{k}.png" for s, names in enumerate(of_scene) for k in range(len(names))]
        names = [[f"{c} cube" for c in names[: k + 1]] for names in of_scene for k in range(len(names))]
        names[-1][2] = "green ball"
        found = find_places(pictures.__getitem__, files, names)
        assert found[2][2] is not None and found[-1][1] is not None
        assert found[-1][2] is None

    def test_without_the_picture_before_it_an_object_is_not_found(self) -> None:
        pictures = list(scene(("red", 31, 27), ("blue", 10, 40), ("green", 50, 20)))
        files = ["CLEVR_train_1_0.png", "CLEVR_train_1_2.png"]
        names = [["red cube"], ["red cube", "blue cube", "green cube"]]
        found = find_places([pictures[0], pictures[2]].__getitem__, files, names)
        assert found[1][1] is None and found[1][2] is None

    def test_pictures_that_do_not_differ_give_no_place(self) -> None:
        (one,) = scene(("red", 31, 27))
        found = find_places([one, one].__getitem__, ["CLEVR_a_1_0.png", "CLEVR_a_1_1.png"], [["red"], ["red", "blue"]])
        assert found[1][1] is None


def test_the_table_has_each_place_in_its_class_and_nan_elsewhere() -> None:
    table = place_table([[(0.5, 0.25), None]], [["b", "a"]], {"a": 0, "b": 1, "c": 2})
    np.testing.assert_array_equal(table, np.array([[[np.nan] * 2, [0.5, 0.25], [np.nan] * 2]], np.float32))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places") / "scenes"
    write_dataset(folder, SCENES, size=64, workers=1, progress=False)
    return folder


@pytest.fixture
def without_file(rendered: Path, tmp_path: Path) -> Path:
    """The same pictures, whose places are to be searched."""
    folder = tmp_path / "scenes"
    shutil.copytree(rendered, folder)
    (folder / "places.json").unlink()
    return folder


def module(folder: Path, **options: object) -> ICLEVR:
    data = ICLEVR(str(folder), places=True, batch_size=9, val_fraction=0.25, **options)  # type: ignore[arg-type]
    data.prepare_data()
    data.setup("fit")
    return data


class TestRendered:
    def test_a_scene_writes_the_places_of_each_pictures_objects(self, rendered: Path) -> None:
        places = json.loads((rendered / "places.json").read_text())
        names = json.loads((rendered / "train.json").read_text())
        assert places.keys() == names.keys()
        for file, points in places.items():
            assert len(points) == len(names[file])
            assert all(0 < value < 1 for point in points for value in point)
        assert places["CLEVR_train_000003_0.png"] == places["CLEVR_train_000003_2.png"][:1]

    def test_the_written_place_is_the_middle_of_the_object_alone(self, rendered: Path) -> None:
        """The first object's pixels, against the same scene's ground: the picture's own border."""
        for number in range(SCENES):
            file = f"CLEVR_train_{number:06d}_0.png"
            x, y = json.loads((rendered / "places.json").read_text())[file][0]
            assert abs(x - 0.5) < 0.03 and 0.3 < y < 0.6

    def test_places_found_in_the_pictures_agree_with_those_written(self, rendered: Path, without_file: Path) -> None:
        exact, found = module(rendered).columns["place"], module(without_file).columns["place"]
        assert isinstance(exact, torch.Tensor) and isinstance(found, torch.Tensor)
        known = found.isfinite()
        assert exact.isfinite().sum() == 2 * SCENES * 6
        assert known.sum() >= 0.9 * 2 * SCENES * 6
        assert not (known & ~exact.isfinite()).any()
        apart = ((found - exact) * 64)[known].abs()
        assert apart.mean() < 1.5 and apart.max() < 5


class TestBatches:
    def test_places_are_nan_exactly_where_the_class_is_not_in_the_picture(self, rendered: Path) -> None:
        data = module(rendered)
        batch = next(iter(data.train_dataloader()))
        batch = data.on_after_batch_transfer(batch, 0)
        assert batch["place"].shape == (9, 24, 2) and batch["place"].dtype == torch.float32
        assert torch.equal(batch["place"].isnan().all(-1), batch["condition"] == 0)
        assert torch.equal(batch["place"].isnan().any(-1), batch["condition"] == 0)

    def test_a_mirrored_picture_has_mirrored_places(self, rendered: Path) -> None:
        data = module(rendered, flip=True)
        mirrored = 0
        for raw in data.train_dataloader():
            flags, before = raw["flip"], raw["place"].clone()
            after = data.on_after_batch_transfer(raw, 0)["place"]
            expected = torch.where(flags[:, None], 1 - before[..., 0], before[..., 0])
            torch.testing.assert_close(after[..., 0], expected, rtol=0, atol=0, equal_nan=True)
            torch.testing.assert_close(after[..., 1], before[..., 1], rtol=0, atol=0, equal_nan=True)
            mirrored += int(flags.sum())
        assert 0 < mirrored < len(data.train_rows)

    def test_mirroring_the_pictures_mirrors_what_is_found(self) -> None:
        """Independent of the batches: 1 - x is where the object stands in the mirrored picture."""
        pictures = list(scene(("red", 31, 27), ("blue", 10, 40)))
        files, names = ["CLEVR_a_1_0.png", "CLEVR_a_1_1.png"], [["red"], ["red", "blue"]]
        plain = find_places(pictures.__getitem__, files, names)[1][1]
        turned = find_places([picture[:, :, ::-1] for picture in pictures].__getitem__, files, names)[1][1]
        assert plain is not None and turned is not None
        np.testing.assert_allclose(turned, (1 - plain[0], plain[1]), atol=1e-9)

    def test_the_default_has_no_places(self, rendered: Path) -> None:
        data = ICLEVR(str(rendered), val_fraction=0.25)
        data.setup("fit")
        assert "place" not in data.columns

    def test_places_of_small_pictures_are_looked_for_in_large_ones(self, without_file: Path) -> None:
        small, large = module(without_file, image_size=16), module(without_file)
        assert small.columns["image"].shape[-1] == 16
        np.testing.assert_array_equal(small.columns["place"], large.columns["place"])


class TestCacheAndErrors:
    def test_the_second_start_reads_what_the_first_found(
        self, without_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = module(without_file).columns["place"]
        monkeypatch.setattr(iclevr_places, "find_places", None)  # would be called
        np.testing.assert_array_equal(module(without_file).columns["place"], first)

    def test_other_names_are_searched_anew(self, without_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        module(without_file)
        train = json.loads((without_file / "train.json").read_text())
        train["CLEVR_train_000000_2.png"].reverse()
        (without_file / "train.json").write_text(json.dumps(train))
        monkeypatch.setattr(iclevr_places, "find_places", lambda *_: pytest.fail("searched"))
        with pytest.raises(BaseException, match="searched"):
            module(without_file)

    def test_pictures_that_are_not_of_growing_scenes_are_refused_with_what_is_missing(self, tmp_path: Path) -> None:
        for number in range(4):
            pixels = np.random.default_rng(number).integers(0, 255, (64, 64, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        (tmp_path / "objects.json").write_text('{"red cube": 0, "blue cube": 1}')
        (tmp_path / "train.json").write_text(json.dumps({f"{i}.png": ["red cube", "blue cube"] for i in range(4)}))
        with pytest.raises(DataError, match=r"0 of 8 objects.*places\.json, or pictures CLEVR_.*one object more"):
            module(tmp_path)

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ("absent", r"CLEVR_train_000000_0\.png is not in it"),
            ([], r"expected a list of 1 \[x, y\]"),
            ([[0.5, 1.0]], r"the place \[0\.5, 1\.0\]; expected \[x, y\], both at least 0 and below 1"),
            ([[0.5]], r"the place \[0\.5\]"),
            ([[0.5, "a"]], r"expected \[x, y\]"),
            ([[0.5, True]], r"expected \[x, y\]"),
            ({}, r"expected a list of 1"),
        ],
    )
    def test_a_faulty_places_file_is_refused_by_picture(
        self, without_file: Path, rendered: Path, entry: object, message: str
    ) -> None:
        places = json.loads((rendered / "places.json").read_text())
        places["CLEVR_train_000000_0.png"] = entry
        if entry == "absent":
            del places["CLEVR_train_000000_0.png"]
        (without_file / "places.json").write_text(json.dumps(places))
        with pytest.raises(DataError, match=message):
            module(without_file)
        report = check(without_file)
        assert not report.ok and "places.json" in report.errors[0]

    def test_an_unknown_place_is_null(self, without_file: Path, rendered: Path) -> None:
        places = json.loads((rendered / "places.json").read_text())
        places["CLEVR_train_000000_0.png"] = [None]
        (without_file / "places.json").write_text(json.dumps(places))
        assert module(without_file).columns["place"].isfinite().sum() == 2 * (SCENES * 6 - 1)


class TestCheck:
    def test_the_report_says_how_many_places_are_known(self, rendered: Path, without_file: Path) -> None:
        assert check(rendered).places == (SCENES * 6, SCENES * 6)
        searched = check(without_file)
        assert searched.ok and searched.places is not None
        assert 0.9 * SCENES * 6 <= searched.places[0] <= searched.places[1] == SCENES * 6
        assert f"{searched.places[0]} of 72 are known" in str(searched)
