"""Rendered scenes: what they show, and the files they are written to."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_modules.iclevr_files import image_folder, read_conditions, read_objects, read_train
from data_modules.rendered import scenes as module
from data_modules.rendered.raycast import Camera, silhouette
from data_modules.rendered.scenes import COLORS, MAX_HIDDEN, NAMES, Scene, conditions, render_scenes, write_dataset
from data_modules.rendered.solids import Shape, Solid


@pytest.fixture(scope="module")
def rendered() -> list[Scene]:
    return list(render_scenes(40, seed=3))


def solid(shape: Shape, angle: float = 0.0) -> Solid:
    return Solid(shape, 0.0, 0.0, angle, (0.5, 0.5, 0.5))


def ray(*values: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, z = np.array(values, dtype=np.float32)
    return x, y, z


def filled_share(shape: Shape, seen_from: tuple[int, int, int]) -> float:
    """Share of the silhouette's bounding rectangle that parallel rays find filled."""
    u, v = np.meshgrid(*[np.linspace(-0.999, 0.999, 300, dtype=np.float32)] * 2)
    x, y, z = (u, v, np.full_like(u, 10)) if seen_from[2] else (u, np.full_like(u, 10), 1 + v)
    near, far = solid(shape).span((x, y, z), ray(*(-float(axis) for axis in seen_from)))
    hit = near < far
    return float(hit.sum() / (hit.any(axis=1).sum() * hit.any(axis=0).sum()))


def solid_pixels(ids: np.ndarray, index: int) -> np.ndarray:
    """Pixels all of whose sub-pixels show the object."""
    size = len(ids) // 2
    inside: np.ndarray = (ids.reshape(size, 2, size, 2) == index).all(axis=(1, 3))
    return inside


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_scene_depends_on_seed_and_index_only(rendered: list[Scene]) -> None:
    shard = list(render_scenes(2, seed=3, start=5))
    for scene, again in zip(rendered[5:7], shard, strict=True):
        assert scene.labels == again.labels
        np.testing.assert_array_equal(scene.images, again.images)
    other = next(render_scenes(1, seed=4, start=5))
    assert (other.images != rendered[5].images).any()
    assert (rendered[6].images != rendered[5].images).any()


def test_labels_do_not_depend_on_the_size(rendered: list[Scene]) -> None:
    assert [scene.labels for scene in render_scenes(3, size=32, seed=3)] == [scene.labels for scene in rendered[:3]]


def test_images_are_three_square_rgb_bytes_of_the_asked_size() -> None:
    for size in (16, 33):
        scene = next(render_scenes(1, size=size))
        assert scene.images.shape == (3, size, size, 3)
        assert scene.images.dtype == np.uint8
        assert scene.ids.shape == (3, 2 * size, 2 * size)


def test_each_image_adds_one_object_of_a_new_class(rendered: list[Scene]) -> None:
    for scene in rendered:
        one, two, three = scene.labels
        assert (len(one), len(two), len(three)) == (1, 2, 3)
        assert one == two[:1] and two == three[:2]
        assert len(set(three)) == 3
        assert set(three) <= set(NAMES)


def test_labels_name_the_rendered_shapes(rendered: list[Scene]) -> None:
    for scene in rendered:
        assert [name.split()[1] for name in scene.labels[2]] == [solid.shape for solid in scene.solids]


def test_all_24_classes_occur() -> None:
    rng_names = {name for scene in render_scenes(40, size=16) for name in scene.labels[2]}
    assert rng_names == set(NAMES)


def test_objects_stay_where_they_were_put(rendered: list[Scene]) -> None:
    for scene in rendered:
        for new in (1, 2):
            before, after = scene.ids[new - 1], scene.ids[new]
            np.testing.assert_array_equal(np.where(after == new, before, after), before)


def test_no_object_is_hidden_by_more_than_the_stated_share(rendered: list[Scene]) -> None:
    shares = []
    for scene in rendered:
        side = scene.ids.shape[1]
        alone = [silhouette(solid, scene.camera, side).sum() for solid in scene.solids]
        for image in range(3):
            shares += [(scene.ids[image] == index).sum() / alone[index] for index in range(image + 1)]
    assert min(shares) >= 1 - MAX_HIDDEN
    assert max(shares) == 1
    assert min(shares) < 0.9, "some objects should overlap in the picture"


def test_objects_stand_apart_and_inside_the_picture(rendered: list[Scene]) -> None:
    for scene in rendered:
        ids = scene.ids[2]
        assert (np.concatenate([ids[0], ids[-1], ids[:, 0], ids[:, -1]]) == -1).all()
        for i, one in enumerate(scene.solids):
            for two in scene.solids[i + 1 :]:
                assert math.hypot(one.x - two.x, one.y - two.y) > one.footprint + two.footprint


def test_first_object_is_near_the_centre(rendered: list[Scene]) -> None:
    for scene in rendered:
        centre = np.argwhere(scene.ids[0] == 0).mean(axis=0) / scene.ids.shape[1]
        assert np.abs(centre - 0.5).max() < 0.12


def test_pixels_have_the_colour_of_the_label(rendered: list[Scene]) -> None:
    palette = np.array(list(COLORS.values()), dtype=float)
    palette /= np.linalg.norm(palette, axis=1, keepdims=True)
    for scene in rendered:
        for index, name in enumerate(scene.labels[2]):
            pixels = scene.images[index][solid_pixels(scene.ids[index], index)]
            linear = ((pixels / 255.0) ** 2.2).mean(axis=0)
            similarity = palette @ (linear / np.linalg.norm(linear))
            assert list(COLORS)[similarity.argmax()] == name.split()[0]


def test_a_new_object_shades_but_never_brightens_what_stood_there(rendered: list[Scene]) -> None:
    for scene in rendered:
        for new in (1, 2):
            size = scene.images.shape[1]
            old = (scene.ids[new].reshape(size, 2, size, 2) != new).all(axis=(1, 3))
            change = scene.images[new][old].astype(int) - scene.images[new - 1][old]
            assert change.max() <= 0
            assert change.min() <= -5


def test_sphere_is_hit_where_the_chord_says() -> None:
    # Radius 0.7, centre at height 0.7; 0.42 above the centre the half chord is sqrt(0.49 - 0.1764) = 0.56.
    ball = solid("sphere")
    near, far = ball.span(ray(0, -10, 0.7 + 0.42), ray(0, 1, 0))
    assert (float(near), float(far)) == pytest.approx((9.44, 10.56), abs=1e-4)
    assert [float(n) for n in ball.normal(ray(0, -0.56, 1.12))] == pytest.approx([0, -0.8, 0.6], abs=1e-5)
    near, far = ball.span(ray(0, -10, 1.41), ray(0, 1, 0))
    assert not near < far


def test_cube_turned_by_45_degrees_is_hit_on_its_edge() -> None:
    half = solid("cube").half
    near, far = solid("cube").span(ray(0, -10, half), ray(0, 2, 0))
    assert (float(near), float(far)) == pytest.approx(((10 - half) / 2, (10 + half) / 2), abs=1e-4)
    near, far = solid("cube", math.pi / 4).span(ray(0, -10, half), ray(0, 1, 0))
    assert (float(near), float(far)) == pytest.approx((10 - half * math.sqrt(2), 10 + half * math.sqrt(2)), abs=1e-4)
    normal = solid("cube", math.pi / 4).normal(ray(0.1, -half * math.sqrt(2) + 0.1, half))
    assert [float(n) for n in normal] == pytest.approx([math.sqrt(0.5), -math.sqrt(0.5), 0], abs=1e-5)


def test_cylinder_seen_from_above_is_a_disc_at_full_height() -> None:
    near, far = solid("cylinder").span(ray(0.49, 0.49, 10), ray(0, 0, -1))  # 0.693 from the axis, radius 0.7
    assert (float(near), float(far)) == pytest.approx((8.6, 10), abs=1e-4)
    assert [float(n) for n in solid("cylinder").normal(ray(0.49, 0.49, 1.4))] == pytest.approx([0, 0, 1], abs=1e-6)
    near, far = solid("cylinder").span(ray(0.5, 0.5, 10), ray(0, 0, -1))  # 0.707 from the axis
    assert not near < far
    near, far = solid("cube").span(ray(0.5, 0.5, 10), ray(0, 0, -1))
    assert near < far


def test_silhouettes_from_above_tell_square_from_disc() -> None:
    assert filled_share("cube", seen_from=(0, 0, 1)) == 1
    assert filled_share("sphere", seen_from=(0, 0, 1)) == pytest.approx(math.pi / 4, abs=0.01)
    assert filled_share("cylinder", seen_from=(0, 0, 1)) == pytest.approx(math.pi / 4, abs=0.01)


def test_silhouettes_from_the_side_tell_ball_from_cylinder() -> None:
    assert filled_share("cube", seen_from=(0, 1, 0)) == 1
    assert filled_share("cylinder", seen_from=(0, 1, 0)) == 1
    assert filled_share("sphere", seen_from=(0, 1, 0)) == pytest.approx(math.pi / 4, abs=0.01)


def test_camera_sees_its_target_in_the_middle() -> None:
    top, left, bottom, right = Camera((3.0, -9.0, 5.0)).frame(np.zeros((1, 3), dtype=np.float32), 64)
    assert (top, left, bottom, right) == pytest.approx((32, 32, 32, 32), abs=1e-3)


def test_conditions_are_seeded_and_distinct() -> None:
    lists = conditions((6, 12, 14), seed=1)
    assert lists == conditions((6, 12, 14), seed=1)
    assert lists != conditions((6, 12, 14), seed=2)
    assert len({frozenset(names) for names in lists}) == 32
    assert all(len(set(names)) == len(names) for names in lists)


def test_more_conditions_than_there_are_is_refused() -> None:
    assert len(conditions((24,), seed=0)) == 24
    with pytest.raises(ValueError, match="25 different lists of 1 objects asked for, but there are only 24"):
        conditions((25,), seed=0)


def test_written_files_have_the_form_of_the_real_set(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "scenes"
    write_dataset(folder, scenes=2, size=24, seed=5, workers=1, progress=False)

    names = [f"CLEVR_train_{scene:06d}_{image}.png" for scene in range(2) for image in range(3)]
    assert sorted(path.name for path in (folder / "images").iterdir()) == names
    assert sorted(path.name for path in folder.iterdir()) == [
        "images",
        "new_test.json",
        "objects.json",
        "places.json",
        "test.json",
        "train.json",
    ]
    colors = ["gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow"]
    expected = [f"{color} {shape}" for shape in ("cube", "sphere", "cylinder") for color in colors]
    assert json.loads((folder / "objects.json").read_text()) == {name: index for index, name in enumerate(expected)}
    scenes = list(render_scenes(2, size=24, seed=5))
    labels = [names for scene in scenes for names in scene.labels]
    assert json.loads((folder / "train.json").read_text()) == dict(zip(names, labels, strict=True))
    with Image.open(folder / "images" / names[4]) as image:
        assert image.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(image), scenes[1].images[1])
    for file, sizes in (("test.json", [6, 12, 14]), ("new_test.json", [0, 12, 20])):
        lists = json.loads((folder / file).read_text())
        assert [sum(len(names) == size for names in lists) for size in (1, 2, 3)] == sizes
        assert len(lists) == 32


def test_loader_of_the_real_set_reads_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "scenes"
    write_dataset(folder, scenes=1, size=16, workers=1, progress=False)
    objects = read_objects(folder)
    paths, labels = read_train(folder, objects, image_folder(folder))
    assert (len(paths), len(labels), list(objects)) == (3, 3, list(NAMES))
    assert len(read_conditions(folder / "new_test.json", objects)) == 32


def test_files_do_not_depend_on_the_number_of_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", 2)
    for workers in (1, 2):
        write_dataset(tmp_path / str(workers), scenes=5, size=16, seed=2, workers=workers, progress=False)
    assert files(tmp_path / "1") == files(tmp_path / "2")
    assert len(files(tmp_path / "1")) == 15 + 5


def test_folder_with_files_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "scenes"
    folder.mkdir()
    (folder / "notes.txt").write_text("keep")
    with pytest.raises(ValueError, match=r"scenes is not an empty folder: name a new one"):
        write_dataset(folder, scenes=1, size=16, workers=1, progress=False)
    assert files(tmp_path) == {"scenes/notes.txt": b"keep"}
    with pytest.raises(ValueError, match="not an empty folder"):
        write_dataset(folder / "notes.txt", scenes=1, size=16, workers=1, progress=False)


def test_empty_folder_is_filled(tmp_path: Path) -> None:
    write_dataset(tmp_path, scenes=1, size=16, workers=1, progress=False)
    assert len(files(tmp_path)) == 3 + 5


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_failure_leaves_no_half_written_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def fail(*_: object) -> None:
        raise error("disk full")

    monkeypatch.setattr(module, "_write_json", fail)
    with pytest.raises(error):
        write_dataset(tmp_path / "scenes", scenes=1, size=16, workers=1, progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="sends what a terminal sends at Ctrl-C")
def test_ctrl_c_is_told_once_and_by_no_worker(tmp_path: Path) -> None:
    arguments = ["data", "render-iclevr", str(tmp_path / "scenes"), "--scenes", "4000", "--workers", "2"]
    heeding = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"  # also in the background
    code = f"{heeding}; from lit_gans.cli import main; sys.exit(main()) if __name__ == '__main__' else None"
    command = [sys.executable, "-c", code, *arguments]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, **options) as process:  # type: ignore[call-overload]
        while not list(tmp_path.glob(".scenes.*/images/*.png")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in told and told.endswith("lit-gans data: interrupted\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scenes": 0}, "scenes is 0, expected 1 or more"),
        ({"scenes": 1, "size": 15}, "size is 15, expected 16 pixels or more"),
        ({"scenes": 1, "seed": -1}, "seed is -1, expected 0 or more"),
        ({"scenes": 1, "workers": 0}, "workers is 0, expected 1 or more"),
    ],
)
def test_bad_values_are_named(tmp_path: Path, arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_dataset(tmp_path / "scenes", **arguments, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_render_scenes_checks_its_arguments_when_called() -> None:
    with pytest.raises(ValueError, match="scenes is 0"):
        render_scenes(0)
    with pytest.raises(ValueError, match="start is -1"):
        render_scenes(1, start=-1)
