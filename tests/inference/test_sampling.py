"""Pictures in parts, and models made from their hyperparameters alone."""

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import torch
from rounding import assert_same_but_for_rounding

import lit_gans
from lit_gans.errors import InputError
from lit_gans.inference.registry import INFERENCE
from lit_gans.models.registry import MODELS, model_class

# a kind of model -> what else its pictures are asked with
DRAWING: dict[str, dict[str, Any]] = {
    "dcgan": {},
    "tag_dcgan": {},
    "conditional_gan_objects": {"temperature": 0.5},
    "flow_without_places": {"guidance": 1.0},
}


@pytest.fixture(params=DRAWING)
def drawing(request: pytest.FixtureRequest, trained_files: dict[str, Path]) -> tuple[Any, Callable[..., Any]]:
    """A model, and its `stream` of 20 pictures; a model with conditions draws 10 for each of two."""
    model = lit_gans.load(trained_files[request.param])
    asked: dict[str, Any] = {"n": 20}
    if hasattr(model, "class_names"):
        asked = {"conditions": [[model.class_names[0]], [model.class_names[1]]], "n": 10}
    return model, lambda **options: model.stream(**asked, seed=4, **DRAWING[request.param], **options)


def test_a_stream_gives_the_pictures_of_a_sample_in_parts(
    drawing: tuple[Any, Callable[..., Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, stream = drawing
    (whole,) = stream()
    monkeypatch.setattr("lit_gans.inference.sampling.BLOCK", 16)
    parts = list(stream())
    assert [len(part) for part in parts] == [16, 4]
    assert_same_but_for_rounding(torch.cat(parts), whole, [model.chosen(True)])
    assert not whole.requires_grad and torch.is_grad_enabled()


def test_between_two_parts_nothing_of_torch_or_the_model_is_switched(
    trained_files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lit_gans.inference.generators.SAMPLING_BATCH", 2)
    model = lit_gans.load(trained_files["dcgan"]).train()
    for part in model.stream(5, seed=0):
        assert len(part) <= 2 and torch.is_grad_enabled() and model.generator_ema.training


def test_an_option_that_the_model_does_not_have_is_refused(trained_files: dict[str, Path]) -> None:
    dcgan, flow = lit_gans.load(trained_files["dcgan"]), lit_gans.load(trained_files["flow"])
    with pytest.raises(InputError, match=r"a DCGAN has no guidance; leave it out \(it has temperature\)"):
        dcgan.sample(2, guidance=1.0)
    with pytest.raises(InputError, match=r"a ConditionalFlow has no steps; .*temperature, guidance, low_res"):
        flow.sample([["red cube"]], steps=3)
    with pytest.raises(InputError, match=r"low_res has shape \(2, 3, 8, 8\); expected a row for each of 1"):
        flow.sample([["red cube"]], low_res=torch.zeros(2, 3, 8, 8))


@pytest.mark.parametrize("name", MODELS)
def test_what_makes_a_network_calls_its_arguments_as_the_model_does_with_the_same_defaults(name: str) -> None:
    """A checkpoint's network is made of its hyperparameters by name, one without a hyperparameter of the default."""
    of_the_model: dict[str, Any] = {}
    for base in reversed(model_class(name).__mro__):
        if "__init__" in vars(base):
            of_the_model |= signature(base).parameters
    fixed = {"channels", "style_dim"}  # of LSGAN and of ModulatedGAN: no hyperparameter sets them
    for argument, parameter in signature(INFERENCE[name][1]).parameters.items():
        assert argument in of_the_model or argument in fixed, argument
        if argument in of_the_model and of_the_model[argument].default is not parameter.empty:
            assert parameter.default in (of_the_model[argument].default, parameter.empty), argument
