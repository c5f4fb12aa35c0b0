"""The face count: which picture the detector gets, how grids are counted, and what is said if something is missing."""

import copy
import math
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.metrics.face_count import GRIDS, CascadeDetector, FaceCount, as_faces, face_grid


class Bright:
    """A stand-in for the detector: counts the bright tiles, and keeps what it saw."""

    def __init__(self) -> None:
        self.pictures: list[NDArray[np.uint8]] = []

    def __call__(self, picture: NDArray[np.uint8]) -> int:
        self.pictures.append(picture)
        # the background is white, a bright tile 200, and 63 or 64 px wide and high
        return round(float((picture == 200).sum()) / 63.7**2)


def tiles(bright: int, dark: int) -> Tensor:
    return torch.cat([torch.full((bright, 3, 64, 64), 200 / 127.5 - 1), torch.full((dark, 3, 64, 64), -1.0)])


def test_the_mean_and_the_spread_over_the_grids() -> None:
    metric = FaceCount(Bright())
    for bright in (25, 22, 19):
        metric.update(tiles(bright, 25 - bright))
    mean, spread = metric.compute()
    assert float(mean) == 22 and float(spread) == pytest.approx(3)


def test_a_single_grid_has_no_spread() -> None:
    metric = FaceCount(Bright())
    metric.update(tiles(5, 20))
    assert [float(value) for value in metric.compute()] == [5, 0]


@pytest.mark.parametrize("size", [1, 7, 25, 60])
def test_grids_fill_across_batches_and_an_open_grid_does_not_count(size: int) -> None:
    detector = Bright()
    metric = FaceCount(detector)
    for batch in torch.cat([tiles(25, 0), tiles(10, 15), tiles(10, 0)]).split(size):
        metric.update(batch)
    assert len(detector.pictures) == int(metric.grids) == 2
    assert float(metric.compute()[0]) == (25 + 10) / 2


def test_reset_forgets_the_open_grid_too() -> None:
    metric = FaceCount(Bright())
    metric.update(tiles(30, 0))
    metric.reset()
    metric.update(tiles(0, 25))
    assert float(metric.compute()[0]) == 0


def test_less_than_a_grid_is_refused() -> None:
    metric = FaceCount(Bright())
    metric.update(tiles(24, 0))
    with pytest.raises(InputError, match="at least 25 pictures"):
        metric.compute()


def test_the_picture_is_a_white_640x480_with_25_tiles_that_keep_their_order_and_do_not_touch() -> None:
    faces = torch.arange(1, 26, dtype=torch.uint8).view(25, 1, 1).expand(25, 64, 64)
    picture = face_grid(faces)
    assert picture.shape == (480, 640) and picture.dtype == np.uint8
    corners = []
    for value in range(1, 26):
        rows, columns = np.nonzero(picture == value)
        assert np.ptp(rows) in (62, 63) and np.ptp(columns) in (62, 63)
        assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        corners.append((rows.min(), columns.min()))
    assert corners == sorted(corners)
    assert np.isin(picture, [255, *range(1, 26)]).all()
    # measured in such a figure of matplotlib's
    assert sorted({int(top) for top, _ in corners}) == [58, 134, 211, 287, 363]
    assert sorted({int(left) for _, left in corners}) == [91, 194, 296, 399, 501]


def test_a_tile_is_resampled_smoothly() -> None:
    ramp = torch.arange(64, dtype=torch.uint8).mul(3).expand(25, 64, 64)
    tile = face_grid(ramp)[60:118, 91:155].astype(int)
    assert np.ptp(tile, axis=0).max() <= 1
    np.testing.assert_allclose(tile[0], (np.arange(64) + 0.6) * 64 / 63.72 * 3 - 1.5, atol=1.5)


def test_colours_become_the_grey_of_opencv_and_sizes_64() -> None:
    colours = torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 160, 30]]).view(4, 3, 1, 1)
    faces = as_faces(colours.expand(4, 3, 32, 32) / 127.5 - 1)
    assert faces.shape == (4, 64, 64) and faces.dtype == torch.uint8
    # 0.299 R + 0.587 G + 0.114 B
    assert [int(face[30, 30]) for face in faces] == [76, 150, 29, 124]
    assert as_faces(torch.full((2, 1, 64, 64), 1.0)).unique().tolist() == [255]


def test_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match=r"pictures of shape \(3, 64, 64\)"):
        FaceCount(Bright()).update(torch.zeros(3, 64, 64))


class TestCascadeDetector:
    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"cascade .*none\.xml: no such file; .* lbpcascade_animeface\.xml"):
            CascadeDetector(tmp_path / "none.xml")

    def test_without_opencv_it_says_what_to_install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "cascade.xml").write_text("<opencv_storage/>")
        monkeypatch.setitem(sys.modules, "cv2", None)
        with pytest.raises(InputError, match="counting faces needs OpenCV: pip install 'opencv-python-headless<5'"):
            CascadeDetector(tmp_path / "cascade.xml")

    def test_opencv_5_has_no_cascades(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "cascade.xml").write_text("<opencv_storage/>")
        newest = types.ModuleType("cv2")
        newest.__version__ = "5.0.0"  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "cv2", newest)
        with pytest.raises(InputError, match=r"OpenCV 5\.0\.0 has no cascade detector: .*<5"):
            CascadeDetector(tmp_path / "cascade.xml")

    def test_a_file_of_another_kind_is_refused(self, tmp_path: Path) -> None:
        pytest.importorskip("cv2")
        for content in ("no xml", "<?xml version='1.0'?><opencv_storage></opencv_storage>"):
            (tmp_path / "other.xml").write_text(content)
            with pytest.raises(InputError, match=r"other\.xml: not a cascade that OpenCV can read"):
                CascadeDetector(tmp_path / "other.xml")

    @pytest.mark.real_data
    @pytest.mark.skipif("LIT_GANS_DATA" not in os.environ, reason="LIT_GANS_DATA is not set")
    def test_real_faces_are_found_and_noise_is_not(self) -> None:
        pytest.importorskip("cv2")
        root = Path(os.environ["LIT_GANS_DATA"])
        if not (root / "lbpcascade_animeface.xml").is_file():
            pytest.skip("no lbpcascade_animeface.xml in LIT_GANS_DATA")
        detector = CascadeDetector(root / "lbpcascade_animeface.xml")
        files = sorted((root / "anime" / "faces").iterdir())[:: 18_119 // (25 * GRIDS)][: 25 * GRIDS]
        pixels = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
        metric = FaceCount(copy.deepcopy(detector))
        metric.update(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1)
        mean, spread = (float(value) for value in metric.compute())
        assert 24.2 <= mean <= 24.8 and spread / math.sqrt(GRIDS) < 0.2
        metric.reset()
        metric.update(torch.rand(25, 3, 64, 64) * 2 - 1)
        assert float(metric.compute()[0]) == 0
