"""The face score of the anime task: how many faces OpenCV's detector finds in a 5x5 grid of pictures.

faces = FaceCount(CascadeDetector("lbpcascade_animeface.xml"))
faces.update(images)  # (B, 3, H, W) in [-1, 1], until GRIDS grids are full
mean, spread = faces.compute()
"""

import math
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate
from torchmetrics import Metric

from lit_gans.errors import InputError
from lit_gans.pictures import to_uint8

GRIDS = 40
"""How many grids a reported count should be the mean of: a single one is off by 1 to 2 faces from one draw to the
next."""

SIDE = 5
FACE = 64
HEIGHT, WIDTH = 480, 640
# Where matplotlib puts square pictures in a 5x5 figure of 640x480 px with its default margins and gaps.
TILE = 0.77 * HEIGHT / (SIDE + 0.2 * (SIDE - 1))
CELL = 0.775 * WIDTH / (SIDE + 0.2 * (SIDE - 1))
TOP, DOWN = 0.12 * HEIGHT, 1.2 * TILE
LEFT, ACROSS = 0.125 * WIDTH + (CELL - TILE) / 2, 1.2 * CELL

SCALE_FACTOR, MIN_NEIGHBORS, MIN_SIZE = 1.1, 5, (24, 24)


class CascadeDetector:
    """The report's detector: OpenCV's cascade after histogram equalisation; scale 1.1, 5 neighbours, at least 24 px.

    Args:
        path: cascade file; for anime faces `lbpcascade_animeface.xml` (nagadomi, MIT).

    Raises:
        InputError: no OpenCV below version 5 (which has no cascades), or no readable cascade file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        if not self.path.is_file():
            raise InputError(
                f"face cascade {path}: no such file; for anime faces it is lbpcascade_animeface.xml by nagadomi"
            )
        try:
            cv2: Any = import_module("cv2")
        except ImportError:
            raise InputError("counting faces needs OpenCV: pip install 'opencv-python-headless<5'") from None
        if not hasattr(cv2, "CascadeClassifier"):
            raise InputError(
                f"OpenCV {cv2.__version__} has no cascade detector: pip install 'opencv-python-headless<5'"
            )
        self.cv2 = cv2
        try:
            self.cascade = cv2.CascadeClassifier(str(self.path))
            readable = not self.cascade.empty()
        except (cv2.error, SystemError):  # both come up for files that are no XML, by version
            readable = False
        if not readable:
            raise InputError(f"face cascade {path}: not a cascade that OpenCV can read")

    def __call__(self, picture: NDArray[np.uint8]) -> int:
        """Number of boxes in a grey picture (H, W)."""
        found = self.cascade.detectMultiScale(
            self.cv2.equalizeHist(picture), scaleFactor=SCALE_FACTOR, minNeighbors=MIN_NEIGHBORS, minSize=MIN_SIZE
        )
        return len(found)

    def __reduce__(self) -> tuple[type["CascadeDetector"], tuple[Path]]:
        """Copied and pickled by its file: OpenCV's object cannot be."""
        return CascadeDetector, (self.path,)


class FaceCount(Metric):
    """Faces found in a grid of 25 pictures, mean over the grids: 24.2 to 24.8 for real anime faces, 0 for noise.

    Boxes are counted, as in the report, so a grid can have more than 25. Pictures fill grids in the order they come;
    those of a last grid that is not full are not counted. Counts are summed across processes.
    Source: report 000; `GRIDS` says how many grids a reported value should have.

    Args:
        detector: number of faces in a grey picture, uint8 (480, 640); see `CascadeDetector`.
    """

    full_state_update = True
    higher_is_better = True
    grids: Tensor
    faces: Tensor
    squares: Tensor

    def __init__(self, detector: Callable[[NDArray[np.uint8]], int]) -> None:
        super().__init__()
        self.detector = detector
        self.waiting: list[Tensor] = []
        for name in ("grids", "faces", "squares"):
            self.add_state(name, torch.tensor(0), dist_reduce_fx="sum")

    def update(self, images: Tensor) -> None:
        """
        Args:
            images: (B, 3, H, W) or, grey, (B, 1, H, W), in [-1, 1]; resized to 64x64 if they have another size.
        """
        self.waiting.extend(as_faces(images))
        while len(self.waiting) >= SIDE * SIDE:
            count = self.detector(face_grid(torch.stack(self.waiting[: SIDE * SIDE])))
            del self.waiting[: SIDE * SIDE]
            self.grids += 1
            self.faces += count
            self.squares += count * count

    def compute(self) -> tuple[Tensor, Tensor]:
        """Mean over the grids and the standard deviation between them (n - 1; 0 for a single grid).

        Raises:
            InputError: fewer than 25 pictures.
        """
        if self.grids == 0:
            raise InputError(f"a face count needs at least {SIDE * SIDE} pictures, one full grid")
        mean = self.faces / self.grids
        variance = (self.squares - self.grids * mean.double().square()) / (self.grids - 1).clamp(min=1)
        return mean, variance.clamp(min=0).sqrt().float()

    def reset(self) -> None:
        super().reset()
        self.waiting = []


class FaceReport:
    """`FaceCount` of the first `GRIDS` grids of a test, as plain values and as a line.

    Args:
        cascade: file of the detector, see `CascadeDetector`.
    """

    def __init__(self, cascade: str) -> None:
        self.cascade = cascade
        self.count = FaceCount(CascadeDetector(cascade))

    def update(self, images: Tensor) -> None:
        """(B, 3, H, W) in [-1, 1]; those after the last grid are left out."""
        left = (GRIDS - int(self.count.grids)) * SIDE**2 - len(self.count.waiting)
        if left > 0:
            self.count.update(images[:left])

    def compute(self) -> tuple[dict[str, Any], str]:
        mean, spread = (float(value) for value in self.count.compute())
        grids = int(self.count.grids)
        facts = {"mean": mean, "std": spread, "grids": grids, "of": SIDE**2, "cascade": self.cascade}
        return facts, f"faces found {mean:.2f} of {SIDE**2}, mean of {grids} grids (standard deviation {spread:.2f})"


def as_faces(images: Tensor) -> Tensor:
    """(B, C, H, W) in [-1, 1] -> grey (B, 64, 64) uint8 on the CPU, in the weights of ITU-R BT.601 that OpenCV has."""
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise InputError(f"face count: pictures of shape {tuple(images.shape)}; expected (B, 3, H, W) or (B, 1, H, W)")
    if images.shape[2:] != (FACE, FACE):
        images = interpolate(images.float(), (FACE, FACE), mode="bilinear", antialias=True)
    pixels = to_uint8(images.cpu()).expand(-1, 3, -1, -1).float()
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (pixels * weights).sum(dim=1).round().to(torch.uint8)


def face_grid(faces: Tensor) -> NDArray[np.uint8]:
    """25 grey pictures (25, 64, 64) -> one (480, 640), white around them, row by row: the report's figure.

    A tile is 63.7 px wide there. Resampling it smooths the pictures a little, and the detector finds more faces in
    them than in an exact copy: 24.5 of 25 instead of 24.2.
    """
    mosaic = faces.float().view(SIDE, SIDE, FACE, FACE).transpose(1, 2).reshape(SIDE * FACE, SIDE * FACE)
    rows, columns = placement(HEIGHT, TOP, DOWN), placement(WIDTH, LEFT, ACROSS)
    covered = torch.outer(rows.sum(dim=1), columns.sum(dim=1))
    picture = rows @ mosaic @ columns.T + 255 * (1 - covered)
    return picture.round().to(torch.uint8).numpy()


@cache
def placement(length: int, start: float, step: float) -> Tensor:
    """Linear resampling along one axis: (length, 5 * 64), the weights of the tiles' pixels in each of the picture's.

    Tile k begins at `start + k * step` and is TILE long; the rows of the matrix between tiles are 0.
    """
    weights = torch.zeros(length, SIDE * FACE)
    for k in range(SIDE):
        begin = start + k * step
        for pixel in range(math.ceil(begin - 0.5), math.ceil(begin + TILE - 0.5)):
            source = min(max((pixel + 0.5 - begin) * FACE / TILE - 0.5, 0), FACE - 1)
            lower = min(int(source), FACE - 2)
            weights[pixel, k * FACE + lower] = 1 - (source - lower)
            weights[pixel, k * FACE + lower + 1] = source - lower
    return weights
