"""Ways between latents: their ends are pictures that the model draws, and only the latents change on them."""

from typing import Any

import pytest
import torch
from rounding import assert_same_but_for_rounding
from untrained import NAMES, untrained

from lit_gans.errors import InputError
from lit_gans.inference.walks import random_latents, walk
from lit_gans.networks.flow.latents import between

CONDITION: dict[str, Any] = {"conditions": [[NAMES[0]]]}
ASKED: dict[str, dict[str, Any]] = {
    "dcgan": {},
    "modulated": {},
    "tag_dcgan": CONDITION,
    "objects": CONDITION,
    "flow": CONDITION,
    "placed_flow": CONDITION,
    "flow_matching": CONDITION,
}


def model_of(system: str) -> Any:
    model = untrained(system)
    if system == "placed_flow":  # two layouts of one object
        label, place = torch.eye(5)[:2], torch.full((2, 5, 2), torch.nan)
        place[[0, 1], [0, 1]] = torch.tensor([[0.1, 0.2], [0.8, 0.7]])
        for flow in (model.flow, model.flow_ema):
            flow.layouts.add(label, place)
    return model


@pytest.mark.parametrize("system", ["dcgan", "modulated", "tag_dcgan", "objects", "flow_matching"])
def test_the_ends_are_pictures_that_sample_draws(system: str) -> None:
    model = model_of(system)
    first, second = (random_latents(model, 1, seed) for seed in (3, 4))
    way = walk(model, first, second, 3, **ASKED[system])
    assert way.shape[:2] == (1, 3) and not torch.equal(way[0, 0], way[0, 1])
    for i, seed in ((0, 3), (-1, 4)):
        drawn = model.sample(*ASKED[system].values(), n=1, seed=seed)
        assert_same_but_for_rounding(way[:, i], drawn, [model.chosen(True)] * 2)


@pytest.mark.parametrize("system", ["flow", "placed_flow", "objects"])
def test_nothing_but_the_latents_changes_on_the_way(system: str) -> None:
    """A flow that is told places keeps its layout."""
    model = model_of(system)
    z = random_latents(model, 1, 0)
    way = walk(model, z, z, 4, **ASKED[system])
    assert torch.equal(way, way[:, :1].expand_as(way))


def test_gaussian_latents_go_along_the_circle_and_uniform_ones_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    for system, mode in (("modulated", "slerp"), ("dcgan", "lerp")):
        model, seen = model_of(system), []
        drawn = model.pictures_of
        monkeypatch.setattr(model, "pictures_of", lambda z, *rest, s=seen, d=drawn: [s.append(z), *d(z, *rest)][1:])
        first, second = random_latents(model, 4, 0).chunk(2)
        walk(model, first, second, 3)
        assert torch.equal(seen[1], between(first, second, 0.5, mode))


@pytest.mark.parametrize(
    ("system", "options", "message"),
    [
        ("dcgan", {"steps": 1}, "steps is 1; expected a whole number of at least 2"),
        ("dcgan", {"mode": "round"}, "mode is 'round'"),
        ("dcgan", CONDITION, "a DCGAN takes no conditions"),
        ("tag_dcgan", {}, "a TagDCGAN draws for conditions; give one for each pair of latents"),
        ("flow", {"conditions": [["red cube"]] * 2}, "2 conditions for 1 pairs of latents"),
        ("objects", {"conditions": [NAMES[:4]]}, "4 objects, and this generator has 3 slots"),
    ],
)
def test_a_mistake_is_told(system: str, options: dict[str, Any], message: str) -> None:
    model = model_of(system)
    z = random_latents(model, 1, 0)
    with pytest.raises(InputError, match=message):
        walk(model, z, z, **options)
