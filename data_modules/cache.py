"""Any list of image files -> one uint8 array file: built once, in parallel, atomically, with a fingerprint."""

import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
from filelock import FileLock
from PIL import Image

from data_modules.errors import CacheError, DataError, listing
from data_modules.pictures import Fit, fitted, read_rgb, why_unreadable

if TYPE_CHECKING:
    from rich.progress import Progress

# Raise it when the same files would give other bytes: other resizing, other order on disk.
FORMAT_VERSION = 1
CHUNK = 256
DONE: dict[Fit, str] = {"crop": "cropped to their middle", "pad": "padded at their edges", "squash": "squashed"}


def image_array(
    paths: Sequence[Path],
    size: int | tuple[int, int],
    cache_dir: Path,
    *,
    fit: Fit = "squash",
    channels: int = 3,
    workers: int | None = None,
    progress: bool = True,
    tell: Callable[[str], None] | None = None,
) -> np.ndarray:
    """All images of ``paths`` as one read-only memory map, decoded at the first call and only opened after that.

    The file is ``cache_dir/images_<H>x<W>_<fingerprint>.npy``; ``np.load(file, mmap_mode="r")`` opens it too. It is
    built again when its size or header is wrong, and under another name when a file, the list, the size or ``fit``
    changes; files of earlier fingerprints are left where they are. Processes that start at once build it once.

    Args:
        paths: the image files, in the order of the rows.
        size: height and width (one number for both).
        fit: what happens to images of another size, see `pictures.fitted`.
        channels: 3, RGB, or 1, grey.
        cache_dir: folder of the array file; created when missing.
        workers: threads that decode (default: one a usable core, at most 8).
        progress: show a progress bar while building, if standard error is a terminal.
        tell: gets a line about images of another shape, when there are any that are decoded.

    Returns:
        uint8 array of shape (N, channels, H, W), values 0 to 255.

    Raises:
        DataError: no paths; missing files; unreadable files (all of them are named, up to 20); a ``cache_dir`` that
            cannot be written. No part of a file is left behind.
    """
    height, width = _height_width(size)
    shape = (len(paths), channels, height, width)
    name = f"images_{height}x{width}_{fingerprint(paths, size, fit, channels)}.npy"
    return array_file(
        cache_dir / name, shape, "|u1", lambda stream: _build(paths, shape, stream, fit, workers, progress, tell)
    )


def array_file(file: Path, shape: tuple[int, ...], dtype: str, write: Callable[[BinaryIO], None]) -> np.ndarray:
    """The array in a file of NumPy's format as a read-only memory map; where it is missing or not whole, `write` adds
    its values behind the header first. Processes that start at once build it once.

    Raises:
        CacheError: the file cannot be written; no part of it is left behind.
    """
    header = _header(shape, dtype)
    size = len(header) + int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if not _is_whole(file, header, size):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(file.with_name(f"{file.name}.lock")):
                if not _is_whole(file, header, size):
                    with _becoming(file) as stream:
                        stream.write(header)
                        write(stream)
        except OSError as error:
            raise CacheError(
                f"cannot write the image cache {file} ({error.strerror or error}): "
                "set the data module's `cache_dir` to a folder that can be written and has enough space"
            ) from error
    return cast(np.ndarray, np.load(file, mmap_mode="r"))


def fingerprint(paths: Sequence[Path], size: int | tuple[int, int], fit: Fit = "squash", channels: int = 3) -> str:
    """20 hexadecimal digits that change with the order, the absolute names, sizes and modification times of the files,
    with the target size and how others are fitted to it, the channels, and with the format of the cache.

    Raises:
        DataError: no paths, or missing files (up to 20 are named).
    """
    if len(paths) == 0:
        raise DataError("no image files: the list of paths is empty")
    # Nothing is added for squashing and for colour: the files of earlier versions stay valid.
    more = [*([] if fit == "squash" else [fit]), *([] if channels == 3 else [channels])]
    settings = (FORMAT_VERSION, _height_width(size), *more)
    digest = hashlib.blake2b(repr(settings).encode(), digest_size=10)
    missing: list[str] = []
    lines: list[str] = []
    # A plain os.stat a file: 45 ms for 18,009 files, where Path.stat takes 70 ms and os.scandir 65 ms (and scandir
    # would also read the files beside those listed).
    for path in paths:
        try:
            stat = os.stat(path)
        except OSError as error:
            reason = "" if isinstance(error, FileNotFoundError) else f" ({error.strerror})"
            missing.append(f"{path}{reason}")
        else:
            lines.append(f"{os.path.abspath(path)}\0{stat.st_size}\0{stat.st_mtime_ns}\0")
    if missing:
        raise DataError(
            f"{len(missing):,} of {len(paths):,} image files are missing; put them back or take them off the list:"
            + listing(missing)
        )
    digest.update("".join(lines).encode(errors="surrogateescape"))
    return digest.hexdigest()


def usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _height_width(size: int | tuple[int, int]) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    if height < 1 or width < 1:
        raise DataError(f"image size {height}x{width}: height and width must be at least 1")
    return height, width


def _header(shape: tuple[int, ...], dtype: str) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def _is_whole(file: Path, header: bytes, size: int) -> bool:
    """Whether ``file`` begins with the header and has `size` bytes."""
    try:
        if file.stat().st_size != size:
            return False
        with file.open("rb") as stream:
            return stream.read(len(header)) == header
    except OSError:
        return False


def _build(
    paths: Sequence[Path],
    shape: tuple[int, int, int, int],
    stream: BinaryIO,
    fit: Fit,
    workers: int | None,
    progress: bool,
    tell: Callable[[str], None] | None,
) -> None:
    _, channels, height, width = shape
    begin = stream.tell()
    unreadable: list[tuple[Path, str]] = []
    of_another_shape: list[Path] = []
    writing = threading.Lock()
    stopped = threading.Event()
    # Threads, not processes: Pillow decodes and resizes without the GIL, nothing is forked under torch's threads, and
    # no __main__ is imported again. What holds the GIL bounds only tiny images (about 10,000 64x64 PNGs a second);
    # larger ones scale with the cores.
    workers = max(1, min(8, usable_cores()) if workers is None else workers)
    with _bar(progress) as bar, ThreadPoolExecutor(workers) as pool:

        def write_chunk(start: int) -> int:
            chunk = paths[start : start + CHUNK]
            rows = np.zeros((len(chunk), channels, height, width), np.uint8)
            for row, path in zip(rows, chunk, strict=True):
                if stopped.is_set():  # a chunk of large pictures takes many seconds
                    break
                try:
                    image = _read(path, channels)
                    row[:] = _channels_first(fitted(image, height, width, fit))
                    if image.width * height != image.height * width:
                        of_another_shape.append(path)
                except Exception as error:  # a broken file may raise anything; every one of them is reported
                    unreadable.append((path, why_unreadable(path, error)))
            with writing:
                stream.seek(begin + start * channels * height * width)
                stream.write(rows.data)
            return len(chunk)

        task = bar.add_task("Caching images", total=len(paths))
        try:
            for done in as_completed([pool.submit(write_chunk, start) for start in range(0, len(paths), CHUNK)]):
                bar.advance(task, done.result())
        except BaseException:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise
        if unreadable:
            raise DataError(
                f"{len(unreadable):,} of {len(paths):,} image files cannot be read; repair or remove them:"
                + listing(f"{path}: {reason}" for path, reason in sorted(unreadable))
            )
    if tell is not None and of_another_shape:
        wanted = "square" if height == width else f"of the shape {width}:{height}"
        tell(f"{len(of_another_shape):,} of {len(paths):,} pictures are not {wanted}; they are {DONE[fit]}")


def decoded(path: Path, height: int, width: int, fit: Fit = "squash", channels: int = 3) -> np.ndarray:
    """One image file as uint8 (channels, height, width), see `image_array`; raises what `read_rgb` raises."""
    return _channels_first(fitted(_read(path, channels), height, width, fit))


def _read(path: Path, channels: int) -> Image.Image:
    image = read_rgb(path)
    return image if channels == 3 else image.convert("L")


def _channels_first(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


@contextmanager
def _becoming(file: Path) -> Iterator[BinaryIO]:
    """What is written becomes the file when the block ends without an error; else nothing is left of it.

    A file handle, not a memory map: on a full disk a map kills the process with SIGBUS, while a write raises.
    """
    # The lock file admits one builder, so a fixed name is safe, and what a killed builder left is overwritten.
    temporary = file.with_name(f"{file.name}.tmp")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            # Else a power cut after the renaming may leave a file of the right length full of zeros.
            os.fsync(stream.fileno())
        os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _bar(progress: bool) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not (progress and console.is_terminal))
