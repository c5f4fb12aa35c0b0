"""Seconds to build and to open the image cache of an iCLEVR folder: ``python benchmarks/cache.py DIR``."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from data_modules.cache import image_array
from data_modules.iclevr_files import image_folder, read_objects, read_train

REPEATS = 5


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--workers", type=int)
    args = parser.parse_args()

    paths, _ = read_train(args.folder, read_objects(args.folder), image_folder(args.folder))
    build, reopen = [], []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:

            def cached(folder: str = folder) -> object:
                return image_array(paths, args.size, Path(folder), workers=args.workers, progress=False)

            build.append(seconds(cached))
            reopen.append(seconds(cached))
    print(f"{len(paths):,} images at {args.size}x{args.size}, median of {REPEATS}")
    print(f"build {statistics.median(build):.2f} s  (first {build[0]:.2f}, min {min(build):.2f}, max {max(build):.2f})")
    print(f"open  {statistics.median(reopen):.3f} s  (min {min(reopen):.3f}, max {max(reopen):.3f})")


if __name__ == "__main__":
    main()
