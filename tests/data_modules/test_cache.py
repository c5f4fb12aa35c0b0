"""The image cache: what is in it, when it is built again, and what a failure leaves behind."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from data_modules import cache
from data_modules.cache import fingerprint, image_array
from data_modules.errors import DataError

ROOT = Path(cache.__file__).parents[1]


def noise(seed: int, height: int = 8, width: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_images(folder: Path, count: int, size: int = 8) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{i:04}.png" for i in range(count)]
    for i, path in enumerate(paths):
        Image.fromarray(noise(i, size, size)).save(path)
    return paths


def write_one(folder: Path, image: Image.Image, **options: Any) -> list[Path]:
    path = folder / "one.png"
    image.save(path, **options)
    return [path]


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return write_images(tmp_path / "images", 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def cache_file(folder: Path) -> Path:
    (file,) = folder.glob("*.npy")
    return file


def left_over(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.suffix != ".lock"]


def python(*args: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", *args], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_rows_are_the_pixels_in_the_order_of_the_paths_channels_first(paths: list[Path], folder: Path) -> None:
    order = [paths[2], paths[0], paths[3]]
    array = image_array(order, 8, folder)
    assert array.shape == (3, 3, 8, 8)
    assert array.dtype == np.uint8
    for row, seed in zip(array, (2, 0, 3), strict=True):
        np.testing.assert_array_equal(row.transpose(1, 2, 0), noise(seed))


def test_every_chunk_lands_at_its_own_rows(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CHUNK", 3)
    paths = write_images(tmp_path / "images", 20, size=4)
    array = image_array(paths, 4, folder, workers=4)
    np.testing.assert_array_equal(array, np.stack([noise(i, 4, 4).transpose(2, 0, 1) for i in range(20)]))


def test_the_result_is_a_read_only_memory_map(paths: list[Path], folder: Path) -> None:
    array = image_array(paths, 8, folder)
    assert isinstance(array, np.memmap)
    assert not array.flags.writeable


def test_numpy_opens_the_file_on_its_own_and_its_name_has_size_and_fingerprint(paths: list[Path], folder: Path) -> None:
    array = image_array(paths, (8, 6), folder)
    assert cache_file(folder).name == f"images_8x6_{fingerprint(paths, (8, 6))}.npy"
    np.testing.assert_array_equal(np.load(cache_file(folder), mmap_mode="r"), array)


def test_the_size_is_height_then_width_and_images_are_squashed_to_it(tmp_path: Path, folder: Path) -> None:
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, 8:] = 200
    array = image_array(write_one(tmp_path, Image.fromarray(pixels)), (4, 2), folder)
    assert array.shape == (1, 3, 4, 2)
    # Left half dark, right half bright: nothing was cropped. Lanczos may ring a little across the edge.
    assert array[0, :, :, 0].max() <= 20
    assert array[0, :, :, 1].min() >= 180


def test_shrinking_averages_instead_of_picking_pixels(tmp_path: Path, folder: Path) -> None:
    checkers = np.indices((64, 64)).sum(0) % 2 * 255
    paths = write_one(tmp_path, Image.fromarray(checkers.astype(np.uint8)))
    array = image_array(paths, 8, folder)
    # The Lanczos kernel is cut off at the border, so only the inner pixels are an even grey.
    assert np.abs(array[..., 1:-1, 1:-1].astype(int) - 127).max() <= 2


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(Image.new("L", (2, 2), 70), (70, 70, 70), id="grey"),
        pytest.param(Image.new("1", (2, 2), 1), (255, 255, 255), id="1-bit"),
        pytest.param(Image.new("RGB", (2, 2), (9, 8, 7)).quantize(4), (9, 8, 7), id="palette"),
        pytest.param(Image.new("RGBA", (2, 2), (9, 8, 7, 255)), (9, 8, 7), id="opaque"),
        pytest.param(Image.new("RGBA", (2, 2), (9, 8, 7, 0)), (255, 255, 255), id="transparent-on-white"),
        pytest.param(Image.new("LA", (2, 2), (40, 255)), (40, 40, 40), id="grey-and-alpha"),
        pytest.param(Image.fromarray(np.full((2, 2), 65535, np.uint16)), (255, 255, 255), id="16-bit-white"),
        pytest.param(Image.fromarray(np.full((2, 2), 100 * 257, np.uint16)), (100, 100, 100), id="16-bit-grey"),
    ],
)
def test_every_kind_of_pixel_becomes_8_bit_rgb(
    image: Image.Image, expected: tuple[int, int, int], tmp_path: Path, folder: Path
) -> None:
    array = image_array(write_one(tmp_path, image), 2, folder)
    np.testing.assert_array_equal(array[0], np.broadcast_to(np.reshape(expected, (3, 1, 1)), (3, 2, 2)))


def test_a_palette_with_a_transparent_colour_is_laid_on_white(tmp_path: Path, folder: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    array = image_array(write_one(tmp_path, image, transparency=0), (1, 2), folder)
    assert array[0, :, 0, 0].tolist() == [255, 255, 255]
    assert array[0, :, 0, 1].tolist() == [40, 50, 60]


def test_exif_orientation_is_applied(tmp_path: Path, folder: Path) -> None:
    image = Image.new("RGB", (2, 1), (255, 0, 0))
    image.putpixel((1, 0), (0, 0, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # the stored left edge is the top of the picture
    array = image_array(write_one(tmp_path, image, exif=exif), (2, 1), folder)
    assert array[0, :, 0, 0].tolist() == [255, 0, 0]
    assert array[0, :, 1, 0].tolist() == [0, 0, 255]


def test_a_second_call_opens_the_file_without_decoding(
    paths: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = image_array(paths, 8, folder)
    before = cache_file(folder).stat()
    monkeypatch.setattr(cache, "_build", lambda *_: pytest.fail("built again"))
    np.testing.assert_array_equal(image_array(paths, 8, folder), first)
    assert cache_file(folder).stat().st_ino == before.st_ino


def test_the_fingerprint_stays_when_nothing_changes(paths: list[Path]) -> None:
    assert fingerprint(paths, 8) == fingerprint(paths, 8) == fingerprint(tuple(paths), (8, 8))


def test_the_fingerprint_changes_with_target_size_order_name_folder_bytes_and_time(paths: list[Path]) -> None:
    seen = [fingerprint(paths, 8), fingerprint(paths, (8, 9)), fingerprint(paths, (9, 8)), fingerprint(paths[::-1], 8)]
    seen.append(fingerprint(paths[:3], 8))

    stat = paths[0].stat()
    os.utime(paths[0], ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))
    seen.append(fingerprint(paths, 8))
    with paths[0].open("ab") as stream:
        stream.write(b"x")
    os.utime(paths[0], ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))
    seen.append(fingerprint(paths, 8))

    renamed = paths[0].rename(paths[0].with_name("other.png"))
    seen.append(fingerprint([renamed, *paths[1:]], 8))
    moved = paths[0].parent.rename(paths[0].parent.with_name("moved"))
    seen.append(fingerprint([moved / path.name for path in (renamed, *paths[1:])], 8))
    assert len(set(seen)) == len(seen)


def test_the_fingerprint_changes_with_the_format_version(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(paths, 8)
    monkeypatch.setattr(cache, "FORMAT_VERSION", cache.FORMAT_VERSION + 1)
    assert fingerprint(paths, 8) != before


def test_the_fingerprint_is_the_same_for_relative_and_absolute_paths(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(paths[0].parent)
    assert fingerprint([Path(path.name) for path in paths], 8) == fingerprint(paths, 8)


def test_a_changed_image_is_read_again(paths: list[Path], folder: Path) -> None:
    image_array(paths, 8, folder)
    Image.fromarray(noise(99)).save(paths[1])
    later = time.time() + 10
    os.utime(paths[1], (later, later))
    np.testing.assert_array_equal(image_array(paths, 8, folder)[1].transpose(1, 2, 0), noise(99))


@pytest.mark.parametrize("damage", ["truncated", "empty", "longer", "other shape", "other type", "no header"])
def test_a_damaged_cache_is_built_again(damage: str, paths: list[Path], folder: Path) -> None:
    expected = np.array(image_array(paths, 8, folder))
    file = cache_file(folder)
    whole = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(whole[:-1])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "longer":
        file.write_bytes(whole + b"\0")
    elif damage == "other shape":
        np.save(file, expected.reshape(4, 3, 4, 16))
    elif damage == "other type":
        np.save(file, expected.view(np.int8))
    else:
        file.write_bytes(bytes(len(whole)))
    assert file.read_bytes() != whole
    np.testing.assert_array_equal(image_array(paths, 8, folder), expected)
    assert file.read_bytes() == whole


def test_what_a_killed_run_left_behind_is_overwritten(paths: list[Path], folder: Path) -> None:
    name = f"images_8x8_{fingerprint(paths, 8)}.npy"
    folder.mkdir()
    (folder / f"{name}.tmp").write_bytes(b"half an image" * 1000)
    array = image_array(paths, 8, folder)
    np.testing.assert_array_equal(array[3].transpose(1, 2, 0), noise(3))
    assert left_over(folder) == [name]


@pytest.mark.parametrize("count", [2, 8])
def test_processes_that_start_at_once_build_it_once(count: int, tmp_path: Path, folder: Path) -> None:
    write_images(tmp_path / "images", 600, size=4)
    script = """
import os, sys, time
from pathlib import Path
from data_modules import cache

base, me = Path(sys.argv[1]), sys.argv[2]
build = cache._build

def logged(*args):
    with open(base / "builds", "a") as log:
        log.write(me)
    time.sleep(0.5)
    build(*args)

cache._build = logged
(base / f"ready{me}").touch()
while not (base / "go").exists():
    time.sleep(0.005)
array = cache.image_array(sorted((base / "images").iterdir()), 4, base / "cache")
print(array.shape, int(array.sum(dtype="int64")), os.stat(array.filename).st_ino)
"""
    processes = [python(script, str(tmp_path), str(i)) for i in range(count)]
    deadline = time.monotonic() + 300
    while not all((tmp_path / f"ready{i}").exists() for i in range(count)) and time.monotonic() < deadline:
        time.sleep(0.01)
    (tmp_path / "go").touch()
    results = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0] * count, results
    assert len({result[0] for result in results}) == 1
    total = sum(int(noise(i, 4, 4).sum()) for i in range(600))
    assert results[0][0].startswith(f"(600, 3, 4, 4) {total} ")
    assert len((tmp_path / "builds").read_text()) == 1


def test_a_builder_that_is_killed_leaves_neither_a_part_under_the_final_name_nor_a_lock(
    paths: list[Path], folder: Path, tmp_path: Path
) -> None:
    script = """
import sys, time
from pathlib import Path
from data_modules import cache

read = cache.read_rgb

def slow(path):
    if path == paths[-1]:
        Path(sys.argv[2], "nearly").touch()
        time.sleep(600)
    return read(path)

cache.read_rgb = slow
paths = [Path(path) for path in sys.argv[3:]]
cache.image_array(paths, 8, Path(sys.argv[1]), workers=1)
"""
    builder = python(script, str(folder), str(tmp_path), *map(str, paths))
    deadline = time.monotonic() + 300
    while not (tmp_path / "nearly").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    builder.kill()
    builder.communicate(timeout=60)
    name = f"images_8x8_{fingerprint(paths, 8)}.npy"
    assert (folder / f"{name}.tmp").exists() and not (folder / name).exists()
    array = image_array(paths, 8, folder)
    np.testing.assert_array_equal(array[3].transpose(1, 2, 0), noise(3))
    assert left_over(folder) == [name]


def test_a_clock_that_was_set_back_does_not_bring_an_old_file_back(paths: list[Path], folder: Path) -> None:
    """What decides is whether a picture is the one that was read, not which is newer."""
    image_array(paths, 8, folder)
    Image.new("RGB", (8, 8), (1, 2, 3)).save(paths[0])
    os.utime(paths[0], (1, 1))  # 1970: older than the cache
    assert (image_array(paths, 8, folder)[0, :, 0, 0] == [1, 2, 3]).all()


def test_the_final_name_appears_only_when_the_file_is_whole(
    paths: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    read, replace = cache.read_rgb, os.replace

    def read_and_look(path: Path) -> Image.Image:
        seen.append([file.suffix for file in folder.iterdir() if file.suffix != ".lock"])
        return read(path)

    def replace_and_look(source: Path, target: Path) -> None:
        assert source.parent == target.parent
        np.testing.assert_array_equal(np.load(source)[3].transpose(1, 2, 0), noise(3))
        replace(source, target)

    monkeypatch.setattr(cache, "read_rgb", read_and_look)
    monkeypatch.setattr(os, "replace", replace_and_look)
    image_array(paths, 8, folder)
    assert seen == [[".tmp"]] * 4
    assert [file.suffix for file in folder.iterdir() if file.suffix != ".lock"] == [".npy"]


def test_all_unreadable_files_are_named_in_one_error_and_nothing_is_left(tmp_path: Path, folder: Path) -> None:
    paths = write_images(tmp_path / "images", 600, size=16)
    paths[0].write_bytes(paths[0].read_bytes()[:-200])
    paths[300].write_text("no image")
    paths[599].write_bytes(b"")
    with pytest.raises(DataError) as raised:
        image_array(paths, 16, folder)
    message = str(raised.value)
    assert message.startswith("3 of 600 image files cannot be read; repair or remove them:")
    assert [line.split(": ")[0].strip() for line in message.splitlines()[1:]] == [
        str(paths[0]),
        str(paths[300]),
        str(paths[599]),
    ]
    assert "truncated" in message.splitlines()[1]
    assert left_over(folder) == []


def test_of_many_bad_files_twenty_are_named_and_the_rest_counted(tmp_path: Path, folder: Path) -> None:
    paths = [tmp_path / f"{i:02}.png" for i in range(33)]
    for path in paths:
        path.write_text("no image")
    with pytest.raises(DataError) as raised:
        image_array(paths, 8, folder)
    lines = str(raised.value).splitlines()
    assert len(lines) == 1 + 20 + 1
    assert "19.png" in lines[20]
    assert lines[21].strip() == "... and 13 more"


def test_pixels_without_a_known_range_count_as_unreadable(tmp_path: Path, folder: Path) -> None:
    floats, wide = tmp_path / "floats.tiff", tmp_path / "wide.tiff"
    Image.fromarray(np.full((2, 2), 0.5, np.float32)).save(floats)
    Image.fromarray(np.full((2, 2), 70_000, np.int32)).save(wide)
    with pytest.raises(DataError, match=r"(?s)2 of 2 .*floats\.tiff: floating-point.*wide\.tiff: 32-bit"):
        image_array([floats, wide], 2, folder)


def test_all_missing_files_are_named_in_one_error_as_missing(paths: list[Path], folder: Path) -> None:
    listed: Sequence[Path] = [*paths, paths[0].with_name("a.png"), paths[0] / "b.png"]
    paths[2].unlink()
    with pytest.raises(DataError) as raised:
        image_array(listed, 8, folder)
    message = str(raised.value)
    assert message.startswith("3 of 6 image files are missing; ")
    assert [Path(line.split(" (")[0].strip()) for line in message.splitlines()[1:]] == [paths[2], *listed[4:]]
    assert not folder.exists()


def test_an_empty_list_is_an_error(folder: Path) -> None:
    with pytest.raises(DataError, match="no image files"):
        image_array([], 8, folder)


@pytest.mark.parametrize("size", [0, -1, (8, 0)])
def test_a_size_below_one_is_an_error(size: int | tuple[int, int], paths: list[Path], folder: Path) -> None:
    with pytest.raises(DataError, match=r"image size .* at least 1"):
        image_array(paths, size, folder)


def test_a_cache_folder_that_cannot_be_written_is_an_error_that_names_the_setting(
    paths: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot write the image cache .*set the data module's `cache_dir`"):
        image_array(paths, 8, tmp_path / "file" / "cache")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_is_one_clear_error_and_nothing_is_left(tmp_path: Path, folder: Path) -> None:
    # A limit on the size of files stops a write in the middle, as a full disk does.
    write_images(tmp_path / "images", 300, size=16)
    script = """
import resource, sys
from pathlib import Path
from data_modules.cache import image_array
from data_modules.errors import DataError

base = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    image_array(sorted((base / "images").iterdir()), 16, base / "cache")
except DataError as error:
    print(error)
"""
    process = python(script, str(tmp_path))
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "cannot write the image cache" in out
    assert "File too large" in out
    assert left_over(folder) == []


def test_an_interruption_leaves_nothing(paths: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(path: Path) -> Image.Image:
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "read_rgb", interrupt)
    with pytest.raises(KeyboardInterrupt):
        image_array(paths, 8, folder)
    assert left_over(folder) == []


def test_an_interruption_waits_for_no_more_than_the_pictures_at_hand(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_images(tmp_path / "images", 40, size=4)
    stopping = threading.Event()
    read, after = cache.read_rgb, []

    class Pool(ThreadPoolExecutor):
        def shutdown(self, *args: bool, **options: bool) -> None:
            stopping.set()
            super().shutdown(*args, **options)

    def read_at_the_end(path: Path) -> Image.Image:
        stopping.wait(60)
        after.append(path)
        return read(path)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "read_rgb", read_at_the_end)
    monkeypatch.setattr(cache, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(cache, "CHUNK", 20)
    monkeypatch.setattr(cache, "as_completed", interrupt)
    with pytest.raises(KeyboardInterrupt):
        image_array(paths, 4, folder, workers=2)
    assert len(after) <= 2  # one a thread, of chunks of 20


def test_nothing_is_printed_where_there_is_no_terminal(
    paths: list[Path], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    image_array(paths, 8, folder)
    assert capfd.readouterr() == ("", "")


def test_importing_the_cache_imports_no_torch() -> None:
    process = python("import sys, data_modules.cache, data_modules.iclevr_files; print('torch' in sys.modules)")
    out, errors = process.communicate(timeout=300)
    assert out == "False\n", errors
