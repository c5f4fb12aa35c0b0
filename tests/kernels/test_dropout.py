"""Dropout with a mask of 16 random bits a value drops what torch's does."""

import pytest
import torch

from lit_gans.kernels.dropout import Dropout

LAYOUTS = (torch.contiguous_format, torch.channels_last)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("probability", [0.25, 0.7])
def test_dropout_drops_each_value_for_itself_and_in_training_only(
    layout: torch.memory_format, probability: float
) -> None:
    torch.manual_seed(0)
    images = torch.full((40, 5, 20, 25), 2.0).contiguous(memory_format=layout).requires_grad_()
    layer = Dropout(probability)
    out = layer(images)
    gone = (out == 0).double()
    assert out.unique().tolist() == pytest.approx([0, 2 / (1 - probability)], rel=1e-4)
    assert out.is_contiguous(memory_format=layout)
    # 100,000 values: four standard deviations are at most 0.0063; of 2,500 and of 5,000 values: 0.04
    assert abs(gone.mean().item() - probability) < 0.0063
    for axes in ((1, 2, 3), (0, 1)):
        assert (gone.mean(axes) - probability).abs().max() < (0.04 if axes == (1, 2, 3) else 0.16)
    neighbours = [(gone.roll(1, axis) - probability) * (gone - probability) for axis in range(4)]
    assert max(abs(product.mean().item()) for product in neighbours) < 0.005  # uncorrelated

    out.sum().backward()
    assert torch.equal(images.grad, out.detach() / 2)
    assert not torch.equal(out, layer(images))
    assert layer.eval()(images) is images


def test_a_seed_determines_what_is_dropped_and_the_ends_are_torchs() -> None:
    values = torch.ones(3, 7)
    torch.manual_seed(3)
    first = Dropout(0.5)(values)
    torch.manual_seed(3)
    assert torch.equal(Dropout(0.5)(values), first)
    assert torch.equal(Dropout(0.0)(values), values) and not Dropout(1.0)(values).any()
    assert Dropout(0.5)(values.double()).dtype == torch.float64
