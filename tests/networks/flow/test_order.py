"""Labels with the order of their objects."""

import torch

from lit_gans.networks.flow.order import random_order, with_order

LABELS = torch.tensor([[1.0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]])
ORDER = torch.tensor([[2, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]])


class TestInPlaces:
    def test_each_place_has_its_object_beside_the_whole_label(self) -> None:
        label, first, second = with_order(LABELS, ORDER, 2).split(4, dim=1)
        assert torch.equal(label, LABELS)
        assert first.tolist() == [[0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]]
        assert second.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]

    def test_an_unknown_order_leaves_the_places_empty(self) -> None:
        expected = torch.cat([LABELS, torch.zeros(3, 8)], dim=1)
        assert torch.equal(with_order(LABELS, None, 2), expected)
        assert torch.equal(with_order(LABELS, torch.zeros(3, 4), 2), expected)
        assert torch.equal(with_order(LABELS, None, 0), LABELS)


class TestRandomOrder:
    def test_it_numbers_the_objects_from_1_and_nothing_else(self) -> None:
        label = (torch.rand(200, 6) < 0.5).float()
        for row, order in zip(label, random_order(label, torch.Generator().manual_seed(0)), strict=True):
            assert (order[row == 0] == 0).all()
            assert sorted(order[row == 1].tolist()) == list(range(1, int(row.sum()) + 1))

    def test_all_orders_are_equally_likely_and_of_the_seed(self) -> None:
        """Of three objects there are six orders, a sixth each: 500 of 3,000, standard deviation 20."""
        label = torch.tensor([[1.0, 0, 1, 1]]).expand(3000, 4)
        orders = random_order(label, torch.Generator().manual_seed(0))
        _, counts = orders.unique(dim=0, return_counts=True)
        assert len(counts) == 6 and (counts - 500).abs().max() < 5 * 20
        assert torch.equal(random_order(label, torch.Generator().manual_seed(0)), orders)
