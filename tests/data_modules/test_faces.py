"""Rendered faces: what they show, that nothing else changes with an attribute, and the files they are written to."""

import sys
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from data_modules.celeba import CelebA
from data_modules.celeba_files import read_attributes
from data_modules.errors import DataError
from data_modules.rendered import faces as module
from data_modules.rendered.faces import ATTRIBUTES, Faces, render_faces, write_dataset
from data_modules.rendered.strokes import Canvas

NONE = np.zeros((20, len(ATTRIBUTES)), bool)


@pytest.fixture(scope="module")
def drawn() -> Faces:
    return render_faces(2400, size=32, seed=1)


def only(name: str) -> NDArray[np.bool_]:
    present = NONE.copy()
    present[:, ATTRIBUTES.index(name)] = True
    return present


def changed(name: str, size: int = 64) -> NDArray[np.bool_]:
    """(20, size, size): where an attribute changes a face by more than a tenth of the scale."""
    without, with_ = (render_faces(20, size, present=present).images.astype(int) for present in (NONE, only(name)))
    there: NDArray[np.bool_] = np.abs(with_ - without).max(axis=3) > 25
    return there


def test_a_face_follows_from_seed_and_index_alone() -> None:
    faces = render_faces(70, size=32, seed=3)
    shard = render_faces(3, size=32, seed=3, start=65)
    np.testing.assert_array_equal(faces.images[65:68], shard.images)
    np.testing.assert_array_equal(faces.present[65:68], shard.present)
    assert (render_faces(3, size=32, seed=4, start=65).images != shard.images).any()
    assert len({face.tobytes() for face in faces.images}) == 70


def test_the_size_changes_the_resolution_only() -> None:
    small, large = render_faces(20, size=32), render_faces(20, size=64)
    np.testing.assert_array_equal(small.present, large.present)
    halved = large.images.reshape(20, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(halved - small.images).mean() < 2.5


def test_attributes_are_even_and_independent(drawn: Faces) -> None:
    present = drawn.present.astype(float)
    # of 2,400 coins, the share of heads has the deviation 0.0102 and a correlation 0.0204
    np.testing.assert_allclose(present.mean(axis=0), 0.5, atol=4 * 0.0102)
    correlations = np.corrcoef(present.T) - np.eye(len(ATTRIBUTES))
    assert np.abs(correlations).max() < 4 * 0.0204


def test_each_attribute_can_be_read_off_the_pixels(drawn: Faces) -> None:
    # a linear classifier (ridge regression) learns from 2,000 faces at 32 px and is asked about 400 others
    pixels = drawn.images.reshape(len(drawn.images), -1) / 127.5 - 1
    pixels = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1)
    train, test = pixels[:2000], pixels[2000:]
    signs = drawn.present * 2.0 - 1
    weights = train.T @ np.linalg.solve(train @ train.T + 30 * np.eye(2000), signs[:2000])
    accuracy = ((test @ weights > 0) == drawn.present[2000:]).mean(axis=0)
    assert dict(zip(ATTRIBUTES, accuracy, strict=True)) == {name: pytest.approx(1, abs=0.05) for name in ATTRIBUTES}


@pytest.mark.parametrize(
    ("name", "rows"),
    # of 64: from the hat's crown to the end of the hair
    [
        ("Beard", (33, 61)),
        ("Big_Eyes", (20, 44)),
        ("Eyeglasses", (22, 46)),
        ("Smiling", (40, 58)),
        ("Wearing_Hat", (0, 29)),
    ],
)
def test_an_attribute_changes_its_part_of_every_face_and_no_other(name: str, rows: tuple[int, int]) -> None:
    difference = changed(name)
    assert difference.any(axis=(1, 2)).all()
    assert not difference[:, : rows[0]].any() and not difference[:, rows[1] :].any()
    assert difference.sum(axis=(1, 2)).min() >= 20  # pixels


@pytest.mark.parametrize("name", ["Blond_Hair", "Long_Hair", "Pale_Skin"])
def test_hair_and_skin_change_much_and_leave_the_ground_alone(name: str) -> None:
    difference = changed(name)
    assert difference.sum(axis=(1, 2)).min() >= 200
    assert not difference[:, :, :4].any() and not difference[:, :, -4:].any()


def test_no_shape_is_cut_off_by_its_box(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = render_faces(60, size=48)
    monkeypatch.setattr(Canvas, "window", lambda self, box: (slice(None), slice(None)))
    whole = render_faces(60, size=48)
    # what lies outside of a box is the part of a parabola's other branch at most: nothing that can be seen
    assert np.abs(faces.images.astype(int) - whole.images).max() <= 1


def test_64_faces_are_drawn_at_once_by_as_many_calls_as_16() -> None:
    """What makes 500 a second of them on one core: no Python a face but its random numbers."""

    def calls(faces: int) -> int:
        counted = 0

        def count(frame: FrameType, event: str, argument: object) -> None:
            nonlocal counted
            counted += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            render_faces(faces, size=16)
        finally:
            sys.setprofile(None)
        return counted

    calls(16)  # what is made once
    assert calls(64) - calls(16) <= 48 * 50  # 47 a face with NumPy 1.26, fewer than 30 with 2


def test_the_folder_is_of_celebas_layout(tmp_path: Path) -> None:
    write_dataset(tmp_path / "faces", 70, size=16, seed=5, progress=False)
    expected = render_faces(70, size=16, seed=5)
    table = read_attributes(tmp_path / "faces" / "list_attr_celeba.txt")
    assert table.names == list(ATTRIBUTES)
    np.testing.assert_array_equal(table.present, expected.present)
    for name, image in zip(table.images, expected.images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "faces" / "img_align_celeba" / name)), image)
    data = CelebA(str(tmp_path / "faces"), ["Smiling", "Eyeglasses", "Beard"], image_size=16, batch_size=8)
    data.setup("fit")
    assert next(iter(data.train_dataloader()))["condition"].shape == (8, 3)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="is not an empty folder"):
        write_dataset(tmp_path, 2, size=16, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_failed_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> Faces:
        raise RuntimeError("interrupted")

    monkeypatch.setattr(module, "render_faces", fail)
    with pytest.raises(RuntimeError, match="interrupted"):
        write_dataset(tmp_path / "faces", 2, size=16, progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"faces": 0}, "faces is 0"),
        ({"size": 8}, "size is 8"),
        ({"seed": -1}, "seed is -1"),
        ({"start": -1}, "start is -1"),
        ({"present": NONE}, r"present has the shape \(20, 8\), expected \(2, 8\)"),
    ],
)
def test_impossible_values_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        render_faces(**({"faces": 2} | options))
