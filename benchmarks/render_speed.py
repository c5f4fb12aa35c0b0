"""Images a second of the scene renderer on one core, without and with PNG encoding.

python benchmarks/render_speed.py --scenes 200
"""

import argparse
import io
import time

from PIL import Image

from data_modules.rendered.scenes import render_scenes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=200, help="scenes to render, three images each")
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels")
    arguments = parser.parse_args()
    list(render_scenes(2, arguments.size))  # first use fills the tables of lamp samples and grain

    start = time.perf_counter()
    rendered = [scene.images for scene in render_scenes(arguments.scenes, arguments.size)]
    render = time.perf_counter() - start
    for images in rendered:
        for image in images:
            Image.fromarray(image).save(io.BytesIO(), format="PNG")
    both = time.perf_counter() - start

    count = 3 * arguments.scenes
    print(f"{count} images of {arguments.size} x {arguments.size} on one core")
    print(f"render:       {count / render:7.1f} images/s")
    print(f"render + PNG: {count / both:7.1f} images/s")


if __name__ == "__main__":
    main()
