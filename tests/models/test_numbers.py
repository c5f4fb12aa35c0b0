"""Numbers that a user gives: every one of them is refused outside of its range, and where it is NaN or infinite."""

import math
from inspect import signature
from typing import Any

import numpy as np
import pytest
import torch

from lit_gans.errors import InputError
from lit_gans.models.cdcgan import CDCGAN
from lit_gans.models.conditional_gan import ConditionalGAN
from lit_gans.models.cyclegan import CycleGAN
from lit_gans.models.dcgan import DCGAN
from lit_gans.models.evaluator import Evaluator
from lit_gans.models.flow import ConditionalFlow
from lit_gans.models.flow_matching import ConditionalFlowMatching
from lit_gans.models.lsgan import LSGAN
from lit_gans.models.modulated_gan import ModulatedGAN
from lit_gans.models.registry import MODELS, model_class
from lit_gans.models.tag_dcgan import TagDCGAN

# What no number of any option may be; each also stands for its kind: another kind of number, a slip of the keyboard.
NO_NUMBERS: list[Any] = [math.nan, math.inf, -math.inf, "many", [], {}, 1j]
NAMES = ["gray cube", "red cube", "red sphere", "blue cylinder"]
TINY: dict[type, dict[str, Any]] = {
    CDCGAN: {"num_classes": 4, "class_names": NAMES, "image_size": 8, "width": 2, "latent_dim": 3, "condition_dim": 2},
    ConditionalGAN: {"num_classes": 4, "image_size": 16, "width": 16, "patch_size": 8, "discriminator_width": 4},
    DCGAN: {"image_size": 8, "width": 4, "latent_dim": 3},
    CycleGAN: {"width": 2, "blocks": 1, "discriminator_width": 2},
    TagDCGAN: {"num_classes": 4, "image_size": 8, "width": 2, "latent_dim": 3},
    LSGAN: {"image_size": 8, "width": 4, "latent_dim": 3},
    ModulatedGAN: {"image_size": 8, "width": 2, "latent_dim": 3, "discriminator_width": 4},
    Evaluator: {"num_classes": 4, "width": 2},
    ConditionalFlowMatching: {"num_classes": 4, "image_size": 8, "width": 16, "levels": 2, "blocks": 1},
    ConditionalFlow: {
        **{"num_classes": 4, "image_size": 8, "levels": 2, "steps": 1, "hidden": 4, "features": 4, "growth": 2},
        "blocks": 1,
    },
}
# model, option -> values outside of its range, beside NaN and infinity
RANGES: dict[tuple[type, str], list[Any]] = {
    (CDCGAN, "lr_generator"): [-1],
    (CDCGAN, "lr_discriminator"): [-1],
    (CDCGAN, "ema_decay"): [-0.1, 1.0],
    (CDCGAN, "clip_norm"): [-1, 0],
    (CDCGAN, "clip_weights"): [-1, 0],
    (CDCGAN, "augment_share"): [-0.1, 1.5],
    (CDCGAN, "augment_until"): [-0.1, 1.5],
    (CDCGAN, "input_noise"): [-0.1],
    (CDCGAN, "temperature"): [-0.5],
    (CDCGAN, "decay_from"): [-0.1, 1.0],
    (CDCGAN, "wrong_labels"): [-1],
    (ConditionalGAN, "auxiliary"): [-1],
    (DCGAN, "generator_dropout"): [-0.1, 1.0],
    (DCGAN, "generator_noise"): [-0.1],
    (CycleGAN, "cycle_weight"): [-1],
    (CycleGAN, "identity_weight"): [-1],
    (CycleGAN, "cycle_weight_end"): [-1],
    (CycleGAN, "cycle_falls_until"): [0, 1.5],
    (CycleGAN, "contrast_weight"): [-1],
    (CycleGAN, "ema_decay"): [-0.1, 1.0],
    (ConditionalFlow, "condition_drop"): [-0.1, 1.0],
    (ConditionalFlow, "order_drop"): [-0.1, 1.0],
    (ConditionalFlow, "lr"): [-1],
    (ConditionalFlow, "clip_norm"): [-1, 0],
    (ConditionalFlow, "guidance"): [-1],
}


@pytest.mark.parametrize(("model", "name"), RANGES, ids=lambda value: getattr(value, "__name__", value))
def test_a_hyperparameter_out_of_its_range_is_named(model: type, name: str) -> None:
    for value in [math.nan, math.inf, -math.inf, *RANGES[model, name]]:
        with pytest.raises(InputError, match=f"^{name} is {value}; expected a finite number"):
            model(**{**TINY[model], name: value})


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        *((CDCGAN, "latent_dim", value) for value in (-3, 0, 2.5)),
        *((model, "width", value) for model in (CDCGAN, DCGAN, CycleGAN) for value in (0, -2, 2.5)),
        *((CycleGAN, "pool_size", value) for value in (-1, 0.5)),
        *((CycleGAN, "blocks", value) for value in (-1,)),
        *((ConditionalFlow, "warmup", value) for value in (-1,)),
    ],
)
def test_a_count_out_of_its_range_is_named(model: type, name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"{name} is {value}; expected a whole number"):
        model(**{**TINY[model], name: value})


def numbers_of(model: type) -> set[str]:
    """The options whose default is a number, also those that a model hands on to what it is made from."""
    names: set[str] = set()
    for made_by in model.__mro__:
        if "__init__" not in vars(made_by):
            continue
        parameters = signature(made_by.__init__).parameters.values()  # type: ignore[misc]
        names |= {one.name for one in parameters if type(one.default) in (int, float)}
        if not any(one.kind == one.VAR_KEYWORD for one in parameters):
            break
    return names - {"condition_size"}  # what ConditionalGAN tells GAN, no option


@pytest.mark.parametrize("name", MODELS)
def test_each_number_of_each_model_is_refused_by_name_or_makes_a_model(name: str) -> None:
    """Whoever adds an option gets its check asked for here."""
    model, tiny = model_class(name), TINY[model_class(name)]
    options = numbers_of(model)
    assert len(options) > 5 and tiny.keys() - {"class_names"} <= options
    for option in sorted(options):
        for value in NO_NUMBERS:
            with pytest.raises(InputError, match=option):
                model(**{**tiny, option: value})
        for value in (-1, -0.5, 0, 0.5):
            try:
                model(**{**tiny, option: value})
            except InputError as error:
                assert option in str(error), f"{option} {value}: {error}"


@pytest.mark.parametrize("model", [CDCGAN, CycleGAN, ConditionalFlow])
@pytest.mark.parametrize("betas", [(0.5, 1.5), (-0.1, 0.9), (math.nan, 0.9), (0.5,)])
def test_betas_are_refused_where_adam_would_refuse_them_later(model: type, betas: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="betas"):
        model(**{**TINY[model], "betas": betas})


class TestSampling:
    @pytest.fixture(scope="class")
    def model(self) -> CDCGAN:
        torch.manual_seed(0)
        return CDCGAN(**TINY[CDCGAN]).eval()

    def test_conditions_are_taken_in_every_form_of_numbers(self, model: CDCGAN) -> None:
        expected = model.sample(torch.tensor([[0.0, 1, 0, 1]]), seed=3)
        names = [["red cube", "blue cylinder"]]
        for conditions in (np.array([[0, 1, 0, 1]]), [[0, 1, 0, 1]], [[0.0, 1.0, 0.0, 1.0]], names):
            assert torch.equal(model.sample(conditions, seed=3), expected)

    @pytest.mark.parametrize("seed", [np.int64(3), torch.tensor(3)])
    def test_a_seed_is_taken_in_every_form_of_numbers(self, model: CDCGAN, seed: Any) -> None:
        assert torch.equal(model.sample([["red cube"]], seed=seed), model.sample([["red cube"]], seed=3))

    @pytest.mark.parametrize(
        ("conditions", "message"),
        [
            ([], "conditions are .*; expected a list of names for each of one picture or more"),
            ("red cube", "conditions are 'red cube'; expected a list of names"),
            (["red cube"], "condition 'red cube' is not a list of names"),
            ([[]], r"condition \[\] is not a list of names"),
            ([[0, 1]], r"conditions have shape \(1, 2\); expected \(B, 4\)"),
            ([[0, 1, 0, 1], [0, 1]], "conditions are no numbers of one shape"),
            (np.zeros(4), r"conditions have shape \(4,\); expected \(B, 4\)"),
            (torch.tensor([[0.0, 2, 0, 0]]), "conditions hold 2; expected 1 for what is in a picture"),
            (torch.tensor([[0.0, torch.nan, 0, 0]]), "conditions hold nan"),
            ([["red cube", 3]], "object 3 is no name"),
            (None, "conditions are None"),
        ],
    )
    def test_other_conditions_are_refused_with_what_was_expected(
        self, model: CDCGAN, conditions: Any, message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            model.sample(conditions)

    @pytest.mark.parametrize(
        ("name", "values"), [("seed", [-1, 10**24, 0.5, "a"]), ("n", [0, -1, 1.5]), ("temperature", [math.nan, -1])]
    )
    def test_other_numbers_are_refused_by_name(self, model: CDCGAN, name: str, values: list[Any]) -> None:
        for value in values:
            with pytest.raises(InputError, match=f"{name} is {value!r}; expected"):
                model.sample([["red cube"]], **{name: value})
