"""The heads of contrastive translation."""

import torch

from lit_gans.networks.patch_heads import WIDTH, PatchHeads


def test_places_are_looked_up_in_each_layer_and_become_unit_vectors() -> None:
    heads = PatchHeads([3, 5], patches=4)
    features = [torch.randn(2, 3, 4, 4), torch.randn(2, 5, 2, 3)]
    places = [torch.tensor([0, 15]), torch.tensor([4])]
    first, second = heads(features, places)
    assert first.shape == (2, 2, WIDTH) and second.shape == (2, 1, WIDTH)
    torch.testing.assert_close(first.norm(dim=-1), torch.ones(2, 2))
    features[1][:, :, 1, 1] += 1  # the place 4 of 2x3 pixels
    features[0][:, :, 1, 1] += 1  # none of those looked at
    changed = heads(features, places)
    torch.testing.assert_close(changed[0], first)
    assert not torch.allclose(changed[1], second)


def test_places_are_none_twice_and_all_of_a_small_layer() -> None:
    heads = PatchHeads([1, 1], patches=6)
    many, few = heads.places([torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 2, 2)], torch.Generator().manual_seed(0))
    assert len(many) == len(set(many.tolist())) == 6 and max(many) < 64
    assert sorted(few.tolist()) == [0, 1, 2, 3]
