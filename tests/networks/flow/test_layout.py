"""Features of objects and their places, and the density of layouts."""

import math

import pytest
import torch

from lit_gans.errors import InputError
from lit_gans.networks.flow.layout import LayoutPyramid, with_places
from lit_gans.networks.flow.layouts import KEPT, WIDTH, Layouts

NAN = torch.nan
LABEL = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 1]])
PLACE = torch.tensor([[[0.25, 0.5], [NAN, NAN], [0.75, 0.25], [NAN, NAN]], [[NAN, NAN]] * 3 + [[0.5, 0.5]]])


@pytest.fixture
def pyramid() -> LayoutPyramid:
    torch.manual_seed(0)
    return LayoutPyramid(4, [16, 8, 4], features=3, embedding=5)


class TestLayoutPyramid:
    def test_features_have_the_sizes_and_channels_that_it_tells(self, pyramid: LayoutPyramid) -> None:
        features = pyramid(with_places(LABEL, PLACE))
        assert [tuple(u.shape) for u in features] == [(2, 3, 16, 16), (2, 17, 8, 8), (2, 53, 4, 4)]
        assert pyramid.channels == [3, 17, 53]

    def test_the_smaller_sizes_hold_the_largest_one_squeezed(self, pyramid: LayoutPyramid) -> None:
        largest, middle, smallest = pyramid(with_places(LABEL, PLACE))
        assert torch.equal(torch.pixel_shuffle(middle[:, :12], 2), largest)
        assert torch.equal(torch.pixel_shuffle(smallest[:, :48], 4), largest)

    def test_an_object_paints_the_same_wherever_it_stands(self, pyramid: LayoutPyramid) -> None:
        """Its own part, moved by four pixels, is the part of the object four pixels on; the place itself is told too,
        and is taken out of the comparison by its weights."""
        with torch.no_grad():
            pyramid.basis[0].weight[:, 6:] = 0
            pyramid.enter.weight[:, -2:] = 0
        one, other = (
            pyramid(with_places(LABEL[1:], place))[0]
            for place in (torch.full((1, 4, 2), 0.375), torch.tensor([0.625, 0.375]).expand(1, 4, 2))
        )
        torch.testing.assert_close(one[..., 3:9, 2:10], other[..., 3:9, 6:14])
        assert (one[..., 3:9, 2:10] - other[..., 3:9, 2:10]).abs().max() > 1e-3

    def test_a_label_without_places_reaches_the_smaller_sizes_alone(self, pyramid: LayoutPyramid) -> None:
        one, other = (pyramid(with_places(label, None)) for label in (LABEL, LABEL.flip(1)))
        assert torch.equal(one[0], other[0])
        for u, v in zip(one[1:], other[1:], strict=True):
            assert ((u - v).abs().amax((1, 2, 3)) > 1e-3).all()

    def test_classes_that_are_left_out_leave_the_places(self, pyramid: LayoutPyramid) -> None:
        kept = torch.tensor([True, False])
        features, without = (pyramid(with_places(LABEL, PLACE), mask) for mask in (None, kept))
        other = pyramid(with_places(LABEL.flip(1), PLACE.flip(1)), kept & False)
        nowhere = pyramid(with_places(LABEL, None), kept & False)
        for full, left_out, flipped, unplaced in zip(features, without, other, nowhere, strict=True):
            torch.testing.assert_close(full[0], left_out[0])
            assert (full[1] - left_out[1]).abs().max() > 1e-3
            torch.testing.assert_close(left_out[1], flipped[1])
            assert (left_out[1] - unplaced[1]).abs().max() > 1e-3

    def test_every_weight_gets_a_gradient(self, pyramid: LayoutPyramid) -> None:
        sum(u.square().sum() for u in pyramid(with_places(LABEL, PLACE), torch.tensor([True, False]))).backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in pyramid.parameters())


class TestLayouts:
    @pytest.fixture
    def layouts(self) -> Layouts:
        layouts = Layouts()
        layouts.add(LABEL, PLACE)
        return layouts

    def test_places_are_kept_to_a_hundredth_of_a_pixel(self, layouts: Layouts) -> None:
        torch.testing.assert_close(layouts.of(2), torch.tensor([[[0.25, 0.5], [0.75, 0.25]]]), rtol=0, atol=1e-4)
        torch.testing.assert_close(layouts.of(1), torch.tensor([[[0.5, 0.5]]]), rtol=0, atol=1e-4)

    def test_pictures_with_an_unknown_place_are_left_out_and_no_more_than_enough_are_kept(self) -> None:
        layouts = Layouts()
        unknown = PLACE.clone()
        unknown[0, 2] = NAN
        layouts.add(LABEL, unknown)
        assert int(layouts.count) == 1
        layouts.add(LABEL.repeat(KEPT, 1), PLACE.repeat(KEPT, 1, 1))
        assert int(layouts.count) == KEPT and len(layouts.of(1)) == KEPT // 2

    def test_each_object_is_as_likely_at_each_place(self, layouts: Layouts) -> None:
        """Of 400 drawings, 200 have the first object left, standard deviation 10; all are within five widths."""
        drawn = layouts.sample(torch.tensor([[0.0, 1, 1, 0]]).repeat(400, 1), torch.Generator().manual_seed(0))
        assert drawn[:, [0, 3]].isnan().all()
        left = drawn[:, 1, 0] < 0.5
        assert abs(int(left.sum()) - 200) < 50
        expected = torch.where(left[:, None, None], PLACE[0, [0, 2]], PLACE[0, [2, 0]])
        assert (drawn[:, [1, 2]] - expected).abs().max() < 5 * WIDTH

    def test_the_density_is_that_of_the_drawings(self, layouts: Layouts) -> None:
        """Two kernels in four dimensions, one a way to hand out the places; one kernel in two for one object."""
        place = PLACE + 0.3 * WIDTH
        found = layouts.log_prob(LABEL, place)
        one = -0.5 * 2 * 0.3**2 - math.log(2 * math.pi * WIDTH**2)
        torch.testing.assert_close(found, torch.tensor([2 * one - math.log(2), one]), rtol=1e-3, atol=1e-2)
        swapped = place.clone()
        swapped[0, [0, 2]] = place[0, [2, 0]]
        torch.testing.assert_close(layouts.log_prob(LABEL, swapped), found)

    def test_no_layout_of_so_many_objects_and_too_many_objects_are_refused(self, layouts: Layouts) -> None:
        with pytest.raises(InputError, match="no picture of 3 objects"):
            layouts.sample(torch.tensor([[1.0, 1, 1, 0]]), torch.Generator())
        with pytest.raises(InputError, match="has 5 objects; layout knows up to 4"):
            layouts.add(torch.ones(1, 5), torch.rand(1, 5, 2))
