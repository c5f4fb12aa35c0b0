"""CDCGAN.sample: pictures for conditions, and nothing else in the process changed."""

from collections.abc import Callable

import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.models.cdcgan import CDCGAN

CONDITIONS = torch.tensor([[1.0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]])
NAMED = [["gray cube"], ["red sphere", "Red Cube"], ["blue cylinder"]]


@pytest.fixture
def model(cdcgan: Callable[..., CDCGAN]) -> CDCGAN:
    """Its two generators differ, and both of them react to z and condition."""
    model = cdcgan(ema_decay=0.9)
    random = torch.Generator().manual_seed(0)
    assert model.generator_ema is not None
    with torch.no_grad():
        for network in (model.generator, model.generator_ema):
            for tensor in network.parameters():
                tensor.copy_(torch.randn(tensor.shape, generator=random) * 0.5)
    return model


def same(one: Tensor, two: Tensor) -> bool:
    return one.shape == two.shape and torch.allclose(one, two, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [1, 4])
def test_there_are_n_pictures_a_condition_in_minus_1_to_1(model: CDCGAN, n: int) -> None:
    pictures = model.sample(CONDITIONS, n=n, seed=0)
    assert pictures.shape == (3 * n, 3, 8, 8) and pictures.dtype == torch.float32
    assert -1 <= pictures.min() < -0.5 and 0.5 < pictures.max() <= 1
    assert not pictures.requires_grad


def test_pictures_are_the_generators_for_noise_of_the_seed(model: CDCGAN) -> None:
    z = torch.randn(3, 5, generator=torch.Generator().manual_seed(9))
    assert model.generator_ema is not None
    with torch.no_grad():
        assert_same_but_for_rounding(
            model.sample(CONDITIONS, seed=9), model.generator_ema.eval()(z, CONDITIONS), [model.generator]
        )


def test_temperature_scales_the_noise_and_is_the_models_own_where_none_is_given(
    model: CDCGAN, cdcgan: Callable[..., CDCGAN]
) -> None:
    z = torch.randn(3, 5, generator=torch.Generator().manual_seed(9))
    assert model.generator_ema is not None
    with torch.no_grad():
        expected = model.generator_ema.eval()(0.25 * z, CONDITIONS)
    assert_same_but_for_rounding(model.sample(CONDITIONS, seed=9, temperature=0.25), expected, [model.generator])
    cool = cdcgan(ema_decay=0.9, temperature=0.25)
    cool.load_state_dict(model.state_dict())
    assert_same_but_for_rounding(cool.sample(CONDITIONS, seed=9), expected, [model.generator])
    assert same(cool.sample(CONDITIONS, seed=9, temperature=1), model.sample(CONDITIONS, seed=9))


def test_a_temperature_below_0_is_refused(model: CDCGAN, cdcgan: Callable[..., CDCGAN]) -> None:
    with pytest.raises(InputError, match=r"temperature is -0\.5; expected a finite number of at least 0"):
        cdcgan(temperature=-0.5)
    with pytest.raises(InputError, match=r"temperature is -0\.5; expected a finite number of at least 0"):
        model.sample(CONDITIONS, temperature=-0.5)


def test_the_n_pictures_of_a_condition_follow_each_other(model: CDCGAN) -> None:
    pictures = model.sample(CONDITIONS, n=2, seed=9)
    z = torch.randn(6, 5, generator=torch.Generator().manual_seed(9))
    assert model.generator_ema is not None
    with torch.no_grad():
        for i, condition in enumerate([0, 0, 1, 1, 2, 2]):
            alone = model.generator_ema.eval()(z[i : i + 1], CONDITIONS[condition : condition + 1])
            assert_same_but_for_rounding(pictures[i : i + 1], alone, [model.generator])
    assert not same(pictures[0:1], pictures[1:2])


def test_the_same_seed_gives_the_same_pictures_and_another_one_others(model: CDCGAN) -> None:
    first = model.sample(CONDITIONS, seed=1)
    torch.manual_seed(99)
    assert torch.equal(model.sample(CONDITIONS, seed=1), first)
    assert not same(model.sample(CONDITIONS, seed=2), first)


def test_without_a_seed_each_call_has_other_noise_even_after_a_global_seed(model: CDCGAN) -> None:
    torch.manual_seed(0)
    first = model.sample(CONDITIONS)
    torch.manual_seed(0)
    assert not same(model.sample(CONDITIONS), first)


def test_names_give_the_pictures_of_their_multi_hot_rows(model: CDCGAN) -> None:
    assert torch.equal(model.sample(NAMED, n=2, seed=1), model.sample(CONDITIONS, n=2, seed=1))


def test_the_condition_changes_the_picture(model: CDCGAN) -> None:
    assert not same(model.sample(CONDITIONS[:1], seed=1), model.sample(CONDITIONS[1:2], seed=1))


def test_the_averaged_weights_are_the_default_and_the_trained_ones_can_be_asked_for(model: CDCGAN) -> None:
    z = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        raw = model.generator.eval()(z, CONDITIONS)
    assert torch.equal(model.sample(CONDITIONS, seed=1), model.sample(CONDITIONS, seed=1, use_ema=True))
    torch.testing.assert_close(model.sample(CONDITIONS, seed=1, use_ema=False), raw)
    assert not same(model.sample(CONDITIONS, seed=1, use_ema=True), raw)


def test_a_model_without_average_draws_with_its_trained_weights(cdcgan: Callable[..., CDCGAN]) -> None:
    model = cdcgan(ema_decay=0)
    assert torch.equal(model.sample(CONDITIONS, seed=1, use_ema=True), model.sample(CONDITIONS, seed=1, use_ema=False))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("use_ema", [True, False])
def test_train_or_eval_mode_of_every_module_stays(model: CDCGAN, training: bool, use_ema: bool) -> None:
    model.train(training)
    model.sample(CONDITIONS, seed=1, use_ema=use_ema)
    assert all(part.training is training for part in model.modules())


def test_pictures_do_not_depend_on_train_or_eval_mode_or_on_the_other_conditions(model: CDCGAN) -> None:
    model.train()
    in_training = model.sample(CONDITIONS, seed=1)
    torch.testing.assert_close(in_training, model.eval().sample(CONDITIONS, seed=1), rtol=0, atol=0)
    torch.testing.assert_close(model.sample(CONDITIONS[:1], seed=1), in_training[:1])


def test_sampling_moves_no_weight_or_statistic(model: CDCGAN) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train().sample(CONDITIONS, n=3, seed=1, use_ema=False)
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)


@pytest.mark.parametrize("seed", [None, 3])
def test_the_global_generator_is_not_touched(model: CDCGAN, seed: int | None) -> None:
    before = torch.get_rng_state()
    model.sample(CONDITIONS, seed=seed)
    assert torch.equal(torch.get_rng_state(), before)


def test_pictures_are_drawn_in_full_precision_under_autocast(model: CDCGAN) -> None:
    expected = model.sample(CONDITIONS, seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pictures = model.sample(CONDITIONS, seed=1)
    torch.testing.assert_close(pictures, expected, rtol=0, atol=0)


@pytest.mark.parametrize("chunk", [1, 4, 5])
def test_many_pictures_are_drawn_in_parts_with_the_same_result(
    model: CDCGAN, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    whole = model.sample(CONDITIONS, n=3, seed=1)
    sizes: list[int] = []
    assert model.generator_ema is not None
    model.generator_ema.register_forward_hook(lambda network, inputs, output: sizes.append(len(output)))
    monkeypatch.setattr("lit_gans.inference.generators.SAMPLING_BATCH", chunk)
    assert_same_but_for_rounding(model.sample(CONDITIONS, n=3, seed=1), whole, [model.generator])
    assert sizes == {1: [1] * 9, 4: [4, 4, 1], 5: [5, 4]}[chunk]


@pytest.mark.parametrize("n", [0, -1])
def test_fewer_than_one_picture_is_refused(model: CDCGAN, n: int) -> None:
    with pytest.raises(InputError, match=f"n is {n}; expected a whole number of at least 1"):
        model.sample(CONDITIONS, n=n)


def test_conditions_without_meaning_are_refused(model: CDCGAN) -> None:
    with pytest.raises(InputError, match="unknown object 'red cub'"):
        model.sample([["red cub"]])
    with pytest.raises(InputError, match=r"shape \(1, 5\)"):
        model.sample(torch.zeros(1, 5))


def test_another_number_of_names_than_of_classes_is_refused(cdcgan: Callable[..., CDCGAN]) -> None:
    with pytest.raises(InputError, match="2 class_names for num_classes=4"):
        cdcgan(class_names=["a", "b"])


def test_previews_and_predictions_draw_with_the_weights_and_the_seed_that_the_model_was_told(model: CDCGAN) -> None:
    batch = {"condition": CONDITIONS}
    assert torch.equal(model.preview(batch, 4), model.sample(CONDITIONS, seed=4))
    assert torch.equal(model.predict_step(batch, 0), model.sample(CONDITIONS, seed=0))
    model.use_ema, model.draw_seed = False, 3
    assert torch.equal(model.preview(batch, 4), model.sample(CONDITIONS, seed=4, use_ema=False))
    assert torch.equal(model.predict_step(batch, 0), model.sample(CONDITIONS, seed=3, use_ema=False))
