"""Soft labels: what is drawn, and the losses with them."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from lit_gans.errors import InputError
from lit_gans.losses.adversarial import OBJECTIVES
from lit_gans.losses.soft_labels import Labels, SoftLabels, objective_of

TIP_6: SoftLabels = {"real": (0.7, 1.2), "fake": (0.0, 0.3), "flip": 0.1}


def test_labels_are_uniform_in_their_ranges_and_some_are_flipped() -> None:
    labels = Labels.of(TIP_6)
    real, fake = labels.draw(torch.zeros(100_000), real=True), labels.draw(torch.zeros(100_000), real=False)
    for drawn, (low, high), (other_low, other_high) in (
        (real, (0.7, 1.2), (0.0, 0.3)),
        (fake, (0.0, 0.3), (0.7, 1.2)),
    ):
        mine = (drawn >= low) & (drawn <= high)
        assert (mine | ((drawn >= other_low) & (drawn <= other_high))).all()
        assert abs(mine.float().mean().item() - 0.9) < 0.01
        assert abs(drawn[mine].mean().item() - (low + high) / 2) < 0.005
        assert drawn[mine].min() < low + 0.001 and drawn[mine].max() > high - 0.001


@pytest.mark.parametrize("name", ["bce", "minimax", "lsgan"])
def test_hard_labels_give_the_objectives_own_loss(name: str) -> None:
    real, fake = torch.randn(2, 8)
    soft, hard = objective_of(name, {}), OBJECTIVES[name]  # type: ignore[arg-type]
    torch.testing.assert_close(soft.discriminator(real, fake), hard.discriminator(real, fake))
    torch.testing.assert_close(soft.generator(fake, None), hard.generator(fake, None))


def test_the_loss_of_bce_is_torchs_for_the_drawn_labels() -> None:
    real, fake = torch.randn(2, 50)
    objective, labels = objective_of("bce", TIP_6), Labels.of(TIP_6)
    torch.manual_seed(3)
    found = objective.discriminator(real, fake)
    torch.manual_seed(3)
    parts: list[Tensor] = [
        binary_cross_entropy_with_logits(logits, labels.draw(logits, real=is_real))
        for logits, is_real in ((real, True), (fake, False))
    ]
    torch.testing.assert_close(found, sum(parts))


@pytest.mark.parametrize("name", ["wgan", "hinge", "rpgan"])
def test_objectives_without_labels_refuse_them(name: str) -> None:
    with pytest.raises(InputError, match=f"soft_labels are given for objective '{name}'"):
        objective_of(name, {"flip": 0.1})  # type: ignore[arg-type]
    assert objective_of(name, None) is OBJECTIVES[name]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"reel": [0, 1]}, "soft_labels has no reel; expected real, fake, flip"),
        ({"real": [1.2, 0.7]}, r"soft_labels\.real is \[1\.2, 0\.7\]"),
        ({"fake": [0.0]}, r"soft_labels\.fake is \[0\.0\]"),
        ({"flip": 0.5}, r"soft_labels\.flip is 0\.5"),
    ],
)
def test_anything_else_is_refused_by_name(given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        objective_of("bce", given)  # type: ignore[arg-type]


def test_an_unknown_objective_is_refused() -> None:
    with pytest.raises(InputError, match="objective is 'gan'; expected one of bce, minimax"):
        objective_of("gan", None)  # type: ignore[arg-type]
