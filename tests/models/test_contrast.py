"""Contrastive translation: what it compares, and what learns from it."""

import torch

from lit_gans.models.contrast import Contrast
from lit_gans.networks.cyclegan import ResnetGenerator

SIDE = 24


def test_a_picture_is_recognised_as_it_is_and_not_shuffled() -> None:
    torch.manual_seed(0)
    network = ResnetGenerator(4, 1)
    contrast = Contrast(1.0, 32, {"a2b": network.encoded_channels})
    source = torch.rand(2, 3, SIDE, SIDE)
    rows = torch.randperm(SIDE)
    kept, shuffled = (
        contrast("a2b", network, source, other, torch.Generator().manual_seed(0))
        for other in (source, source[:, :, rows])
    )
    assert kept < shuffled


def test_the_translation_the_generator_and_its_own_heads_get_gradients_and_the_source_none() -> None:
    networks = {name: ResnetGenerator(4, 1) for name in ("a2b", "b2a")}
    contrast = Contrast(1.0, 4, {name: network.encoded_channels for name, network in networks.items()})
    source, translated = (torch.rand(1, 3, SIDE, SIDE, requires_grad=True) for _ in range(2))
    contrast("a2b", networks["a2b"], source, translated, torch.Generator()).backward()
    assert source.grad is None and translated.grad is not None
    assert networks["a2b"].model[1].weight.grad is not None
    assert all(weight.grad is None for weight in networks["b2a"].parameters())
    graded = {name.split(".")[1] for name, weight in contrast.named_parameters() if weight.grad is not None}
    assert graded == {"a2b"}


def test_without_a_weight_nothing_is_there_to_learn() -> None:
    assert not list(Contrast(0.0, 4, {"a2b": [3, 4]}).parameters())
