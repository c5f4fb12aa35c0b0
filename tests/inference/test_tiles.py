"""Large images in tiles: nothing is lost, no seam is left, and the network never gets more than a tile."""

import itertools

import pytest
import torch
from torch import Tensor

from lit_gans.inference.tiles import in_tiles, starts


@pytest.mark.parametrize("size", [(20, 20), (50, 20), (33, 71), (100, 47)])
def test_a_network_of_single_pixels_gives_what_it_gives_of_the_whole(size: tuple[int, int]) -> None:
    seen: list[tuple[int, ...]] = []

    def network(images: Tensor) -> Tensor:
        seen.append(tuple(images.shape[-2:]))
        return 0.5 * images + 0.1

    images = torch.rand(2, 3, *size) * 2 - 1
    torch.testing.assert_close(in_tiles(network, images, 24), 0.5 * images + 0.1)
    assert all(side <= 24 for shape in seen for side in shape)
    assert (len(seen) == 1) == (max(size) <= 24)


def test_tiles_that_differ_leave_no_seam() -> None:
    """Each tile in a grey of its own, as statistics of its own may make it: neighbouring pixels stay near."""
    greys = iter([0.0, 1.0, 0.0, 1.0])
    made = in_tiles(lambda images: torch.full_like(images, next(greys)), torch.zeros(1, 1, 16, 160), 48)
    assert made.min() == 0 and made.max() == 1
    assert made.diff(dim=-1).abs().max() <= 1 / (48 // 8)


@pytest.mark.parametrize(("side", "tile"), [(25, 24), (45, 24), (1000, 24), (2049, 1024)])
def test_tiles_cover_a_side_and_share_an_eighth(side: int, tile: int) -> None:
    begins = starts(side, tile)
    assert begins[0] == 0 and begins[-1] == side - tile
    assert all(later - one <= tile - tile // 8 for one, later in itertools.pairwise(begins))
