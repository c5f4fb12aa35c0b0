"""From labels to features."""

from typing import Any

import pytest
import torch
from torch import nn

from lit_gans.networks.flow.label_pyramid import LabelPyramid, ResidualDense, coordinates

LABELS = torch.tensor([[1.0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]])


def pyramid(sizes: tuple[int, ...] = (32, 16, 8, 4), **options: Any) -> LabelPyramid:
    return LabelPyramid(4, sizes, embedding=6, features=5, growth=3, blocks=2, **options)


def test_a_block_of_the_trunk_has_the_reports_parameters() -> None:
    """Report 003, section B3: 239,808 a dense block, 719,424 three of them."""
    block = ResidualDense(64, 32)
    counts = [sum(p.numel() for p in dense.parameters()) for dense in block]
    assert counts == [239_808] * 3
    shapes = [tuple(conv.weight.shape[:2]) for conv in block[0].convs]  # type: ignore[union-attr, index]
    assert shapes == [(32, 64), (32, 96), (32, 128), (32, 160), (64, 192)]


@pytest.mark.parametrize("sizes", [(32, 16, 8, 4), (16, 8), (8, 4), (24, 12, 6), (64,)], ids=str)
def test_there_are_features_for_each_size(sizes: tuple[int, ...]) -> None:
    assert [tuple(u.shape) for u in pyramid(sizes)(LABELS)] == [(3, 5, size, size) for size in sizes]


def test_the_label_changes_the_features_at_every_size() -> None:
    network = pyramid()
    for u, other in zip(network(LABELS), network(LABELS.roll(1, 1)), strict=True):
        assert (u - other).abs().amax((1, 2, 3))[:2].min() > 1e-3
        assert torch.equal(u[2], other[2])  # whose label stayed the same


def test_features_know_where_they_are() -> None:
    u = pyramid((8,))(LABELS)[0]
    assert (u - u.flip(2)).abs().max() > 1e-2 and (u - u.flip(3)).abs().max() > 1e-2
    planes = coordinates(torch.zeros(2, 1, 3, 5))
    assert planes.shape == (2, 2, 3, 5)
    assert planes[1, 0, :, 2].tolist() == [-1, 0, 1] and planes[1, 1, 2].tolist() == [-1, -0.5, 0, 0.5, 1]


def test_a_dropped_label_leaves_no_trace_and_is_not_the_empty_label() -> None:
    network = pyramid()
    nothing = torch.zeros(3, dtype=torch.bool)
    for u, other, empty in zip(
        network(LABELS, nothing), network(LABELS.flip(0), nothing), network(torch.zeros(3, 4)), strict=True
    ):
        torch.testing.assert_close(u, other)
        torch.testing.assert_close(u[0], u[1])
        assert (u - empty).abs().max() > 1e-3
    some = network(LABELS, torch.tensor([True, False, True]))[0]
    torch.testing.assert_close(some[0], network(LABELS)[0][0])
    torch.testing.assert_close(some[1], network(LABELS, nothing)[0][1])


@pytest.mark.parametrize("kept", [torch.ones(3).bool(), torch.zeros(3).bool(), torch.tensor([True, False, True])])
def test_every_parameter_gets_a_gradient_whatever_labels_are_dropped(kept: torch.Tensor) -> None:
    """DistributedDataParallel waits for each of them."""
    network = pyramid(low_resolution=True)
    sum(u.square().mean() for u in network(LABELS, kept, torch.rand(3, 3, 8, 8), kept)).backward()  # type: ignore[union-attr]
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_without_dropping_there_is_no_embedding_of_no_label() -> None:
    assert pyramid(droppable=False).unlabelled is None
    assert isinstance(pyramid().unlabelled, nn.Parameter)


def test_the_low_resolution_image_changes_the_features_unless_it_is_dropped() -> None:
    network = pyramid(low_resolution=True)
    low = torch.rand(3, 3, 8, 8)
    without = network(LABELS)[0]
    dropped = network(LABELS, None, low, torch.zeros(3, dtype=torch.bool))[0]
    torch.testing.assert_close(dropped, without)
    assert (network(LABELS, None, low)[0] - without).abs().amax((1, 2, 3)).min() > 1e-3
    black = network(LABELS, None, torch.zeros_like(low))[0]
    assert (black - without).abs().max() > 1e-3  # a gray image is not "no image"
