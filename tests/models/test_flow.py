"""ConditionalFlow: what it does for its user, and how it is trained."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import Tensor
from torch.utils.data import DataLoader

import lit_gans
from lit_gans.callbacks.checkpoints import LastCheckpoint
from lit_gans.errors import InputError
from lit_gans.models.flow import ConditionalFlow
from lit_gans.networks.flow.bijections import ActNorm, Mixing
from lit_gans.networks.flow.denoising import denoised
from lit_gans.scoring.score import Score
from lit_gans.training.batches import VALIDATION_SEED, Batch

NAMES = ["gray cube", "red cube", "red sphere", "blue cylinder"]
LABELS = torch.tensor([[1.0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]])
NAMED = [["gray cube"], ["red cube", "red sphere"], ["blue cylinder"]]
Batches = Callable[..., "DataLoader[Batch]"]
MakeTrainer = Callable[..., L.Trainer]


@pytest.fixture
def make() -> Callable[..., ConditionalFlow]:
    """Makes a flow of 8x8 px and 4 classes with the same start weights each time."""

    def make(**options: Any) -> ConditionalFlow:
        tiny: dict[str, Any] = {"num_classes": 4, "class_names": NAMES, "image_size": 8, "levels": 2, "steps": 1}
        tiny |= {"hidden": 4, "embedding": 5, "features": 4, "growth": 2, "blocks": 1, "warmup": 2}
        tiny |= {"attention": 1, "attention_width": 32}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            return ConditionalFlow(**(tiny | options))

    return make


@pytest.fixture
def perturbed(make: Callable[..., ConditionalFlow]) -> Callable[..., ConditionalFlow]:
    """The same with weights that all do something; the averaged ones differ from the trained ones."""

    def perturb(**options: Any) -> ConditionalFlow:
        model = make(**options)
        random = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
        return model

    return perturb


@pytest.fixture
def model(perturbed: Callable[..., ConditionalFlow]) -> ConditionalFlow:
    return perturbed()


@pytest.fixture
def images() -> Tensor:
    return torch.randint(0, 256, (3, 3, 8, 8), generator=torch.Generator().manual_seed(0)) / 127.5 - 1


class TestLatents:
    def test_decode_gives_the_images_back_to_a_quarter_of_a_colour_step(
        self, model: ConditionalFlow, images: Tensor
    ) -> None:
        """1/512 of the range [-1, 1]; measured 1e-6."""
        latents = model.encode(images, LABELS)
        assert latents.flatten().shape == (3, 192)
        assert (model.decode(latents, LABELS) - images).abs().max() < 1 / 512
        assert torch.equal(model.decode(latents.flatten(), LABELS), model.decode(latents, LABELS))

    def test_float64_goes_through_in_float64(self, model: ConditionalFlow, images: Tensor) -> None:
        latents = model.encode(images.double(), NAMED)
        back = model.decode(latents, NAMED)
        assert back.dtype == latents.parts[0].dtype == torch.float64
        assert (back - images.double()).abs().max() < 1e-9
        assert {p.dtype for p in model.parameters()} == {torch.float32}

    def test_with_attention_float32_goes_through_in_float64_too(
        self, perturbed: Callable[..., ConditionalFlow], images: Tensor
    ) -> None:
        """Latents and pictures are those of float64, rounded at the end; without attention float32 is kept to."""
        for attention, same in ((1, True), (0, False)):
            model = perturbed(attention=attention)
            latents, exact = model.encode(images, LABELS), model.encode(images.double(), LABELS)
            assert latents.parts[0].dtype == torch.float32
            assert torch.equal(latents.flatten(), exact.flatten().float()) == same
            pictures, exact_pictures = model.decode(latents, LABELS), model.decode(latents.to(torch.float64), LABELS)
            assert pictures.dtype == torch.float32
            assert torch.equal(pictures, exact_pictures.float()) == same

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    def test_inference_mode_changes_nothing(self, model: ConditionalFlow, images: Tensor, dtype: torch.dtype) -> None:
        expected = model.decode(model.encode(images.to(dtype), NAMED), NAMED)
        with torch.inference_mode():
            assert torch.equal(model.decode(model.encode(images.to(dtype), NAMED), NAMED), expected)

    def test_neither_autocast_nor_train_mode_changes_them(self, model: ConditionalFlow, images: Tensor) -> None:
        expected = model.encode(images, LABELS).flatten()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            latents = model.train().encode(images, LABELS)
            assert model.decode(latents, LABELS).dtype == torch.float32
        assert torch.equal(latents.flatten(), expected)
        assert model.training and model.flow.training and not latents.flatten().requires_grad

    def test_the_averaged_weights_are_the_default(self, model: ConditionalFlow, images: Tensor) -> None:
        averaged, trained = (model.encode(images, LABELS, use_ema=use_ema).flatten() for use_ema in (True, False))
        assert torch.equal(model.encode(images, LABELS).flatten(), averaged)
        assert (averaged - trained).abs().max() > 1e-3

    def test_encoding_without_a_label_differs_and_inverts_too(self, model: ConditionalFlow, images: Tensor) -> None:
        latents = model.encode(images)
        assert (latents.flatten() - model.encode(images, LABELS).flatten()).abs().max() > 1e-3
        assert (latents.flatten() - model.encode(images, torch.zeros(3, 4)).flatten()).abs().max() > 1e-3
        assert_same_but_for_rounding(model.decode(latents), images, [model.flow] * 2)

    def test_guidance_changes_what_is_decoded(self, model: ConditionalFlow, images: Tensor) -> None:
        latents = model.encode(images, LABELS)
        assert (model.decode(latents, LABELS, guidance=1.0) - images).abs().max() > 1e-2


class TestDensity:
    def test_it_is_that_of_the_map_to_the_latents(self, model: ConditionalFlow, images: Tensor) -> None:
        """On [-1, 1]^192, by the determinant of the autograd Jacobian of the whole map."""
        x = images.double()
        with torch.enable_grad():
            flow = model.flow_ema.double()  # type: ignore[union-attr]
            pyramid = flow.pyramid(LABELS.double())

            def encode(one: Tensor) -> Tensor:
                return flow(one[None] * 255 / 512, [u[:1] for u in pyramid])[0].flatten()[0]

            jacobian = torch.autograd.functional.jacobian(encode, x[0]).reshape(192, 192)
        z = encode(x[0])
        normal = -0.5 * (z.square().sum() + 192 * math.log(2 * math.pi))
        expected = normal + torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(model.log_prob(x, LABELS)[0], expected.detach(), rtol=1e-9, atol=1e-6)

    def test_bits_of_a_new_flow_are_those_of_the_closed_form(self, make: Callable[..., ConditionalFlow]) -> None:
        """See tests/networks/flow/test_flow.py; here from images to bits, at 8 and 5 bits, in batches of any size."""
        images = torch.randint(0, 256, (200, 3, 8, 8)) / 127.5 - 1
        batch = {"image": images, "condition": torch.zeros(200, 4)}
        for bits in (8, 5):
            found = make(bits=bits).dequantized_bits(batch, 0)
            expected = bits + (1 / 24 + math.log(2 * math.pi) / 2) / math.log(2)
            assert found.shape == (200,)
            assert found.mean().item() == pytest.approx(expected, abs=6 * 0.0538 / (200 * 192) ** 0.5)
        one = make(bits=5).dequantized_bits({name: value[:1] for name, value in batch.items()}, 0)
        torch.testing.assert_close(one, found[:1])

    def test_the_label_alone_changes_it(self, model: ConditionalFlow, images: Tensor) -> None:
        right, wrong, none = (model.log_prob(images, c) for c in (LABELS, LABELS.roll(1, 0), None))
        assert ((right - wrong).abs() > 1e-2).all() and ((right - none).abs() > 1e-2).all()


class TestSample:
    def test_pictures_are_decoded_noise_of_the_seed(self, model: ConditionalFlow) -> None:
        pictures = model.sample(NAMED, n=2, seed=9)
        z = torch.randn(6, 192, generator=torch.Generator().manual_seed(9))
        expected = model.decode(z, LABELS.repeat_interleave(2, 0)).clamp(-1, 1)
        assert_same_but_for_rounding(pictures, expected, [model.flow])
        assert pictures.shape == (6, 3, 8, 8) and pictures.dtype == torch.float32

    def test_the_same_seed_gives_the_same_pictures_and_another_one_others(self, model: ConditionalFlow) -> None:
        first = model.sample(LABELS, seed=1)
        assert torch.equal(model.sample(LABELS, seed=1), first)
        assert (model.sample(LABELS, seed=2) - first).abs().max() > 1e-2

    def test_the_label_changes_the_picture(self, model: ConditionalFlow) -> None:
        pictures = [model.sample(LABELS[i : i + 1], seed=1) for i in range(3)]
        assert all((pictures[i] - pictures[i - 1]).abs().max() > 1e-3 for i in range(3))

    def test_at_temperature_0_there_is_one_picture_a_label(self, model: ConditionalFlow) -> None:
        one, other = (model.sample(LABELS, n=2, seed=seed, temperature=0) for seed in (1, 2))
        assert torch.equal(one, other) and torch.equal(one[0], one[1])

    def test_temperature_scales_all_latents(self, model: ConditionalFlow) -> None:
        z = torch.randn(3, 192, generator=torch.Generator().manual_seed(9))
        pictures = model.sample(LABELS, seed=9, temperature=0.25)
        assert_same_but_for_rounding(pictures, model.decode(0.25 * z, LABELS).clamp(-1, 1), [model.flow])

    def test_the_models_own_temperature_and_guidance_hold_where_none_are_given(
        self, perturbed: Callable[..., ConditionalFlow]
    ) -> None:
        one, other = perturbed(temperature=0.5, guidance=2.0), perturbed()
        assert torch.equal(one.sample(LABELS, seed=1), other.sample(LABELS, seed=1, temperature=0.5, guidance=2.0))
        assert torch.equal(one.sample(LABELS, seed=1, temperature=1, guidance=0), other.sample(LABELS, seed=1))
        batch = {"condition": LABELS}
        assert torch.equal(one.preview(batch, 4), one.sample(LABELS, seed=4))

    def test_many_pictures_are_drawn_in_parts(self, model: ConditionalFlow, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = model.sample(LABELS, n=3, seed=1)
        monkeypatch.setattr("lit_gans.inference.normalizing_flow.SAMPLING_BATCH", 4)
        assert_same_but_for_rounding(model.sample(LABELS, n=3, seed=1), whole, [model.flow])

    def test_the_global_generator_is_not_touched(self, model: ConditionalFlow) -> None:
        before = torch.get_rng_state()
        model.sample(LABELS)
        assert torch.equal(torch.get_rng_state(), before)


class TestWays:
    @pytest.mark.parametrize("mode", ["lerp", "slerp"])
    @pytest.mark.parametrize("labels", [None, LABELS])
    def test_an_interpolation_goes_from_the_first_image_to_the_second(
        self, model: ConditionalFlow, images: Tensor, mode: str, labels: Tensor | None
    ) -> None:
        second = images.flip(0) * 0.5
        way = model.interpolate(images, second, steps=5, mode=mode, conditions=labels)
        assert way.shape == (3, 5, 3, 8, 8)
        assert_same_but_for_rounding(way[:, 0], images, [model.flow] * 2)
        assert_same_but_for_rounding(way[:, -1], second, [model.flow] * 2)
        assert (way[:, 2] - images).abs().max() > 1e-2

    def test_a_direction_is_the_difference_of_the_means_in_one_pass(
        self, model: ConditionalFlow, batches: Batches
    ) -> None:
        loader = batches(3)
        directions = model.attribute_directions(iter(loader), ["red cube", 3])
        z = torch.cat([model.encode(batch["image"]).flatten() for batch in loader])
        has = torch.cat([batch["condition"] for batch in loader]).bool()
        for row, column in zip(directions, (1, 3), strict=True):
            assert_same_but_for_rounding(row, z[has[:, column]].mean(0) - z[~has[:, column]].mean(0), [model.flow])

    def test_an_edit_moves_the_latents_and_amount_0_is_the_image(self, model: ConditionalFlow, images: Tensor) -> None:
        direction = torch.randn(192)
        edited = model.edit(images, direction, [-1.0, 0.0, 2.0])
        assert edited.shape == (3, 3, 3, 8, 8)
        assert_same_but_for_rounding(edited[:, 1], images, [model.flow] * 2)
        expected = model.decode(model.encode(images).flatten() + 2 * direction).clamp(-1, 1)
        assert_same_but_for_rounding(edited[:, 2], expected, [model.flow] * 2)

    def test_a_new_label_changes_an_image_and_the_same_one_does_not(
        self, model: ConditionalFlow, images: Tensor
    ) -> None:
        assert_same_but_for_rounding(model.relabel(images, LABELS, NAMED), images, [model.flow] * 2)
        assert (model.relabel(images, LABELS, LABELS.roll(1, 0)) - images).abs().max() > 1e-3


class TestLowResolution:
    def test_it_changes_the_picture_and_the_density(
        self, perturbed: Callable[..., ConditionalFlow], images: Tensor
    ) -> None:
        model = perturbed(low_res_drop=0.5)
        low = torch.rand(3, 3, 16, 16) * 2 - 1
        plain, guided = model.sample(LABELS, seed=1), model.sample(LABELS, seed=1, low_res=low)
        assert (plain - guided).abs().max() > 1e-3
        assert ((model.log_prob(images, LABELS) - model.log_prob(images, LABELS, low_res=low)).abs() > 1e-3).all()
        latents = model.encode(images, LABELS, low_res=low)
        assert_same_but_for_rounding(model.decode(latents, LABELS, low_res=low), images, [model.flow] * 2)

    def test_a_flow_without_it_refuses_it(self, model: ConditionalFlow, images: Tensor) -> None:
        with pytest.raises(InputError, match="would ignore low_res"):
            model.sample(LABELS, low_res=images)
        with pytest.raises(InputError, match="would ignore low_res"):
            model.encode(images, LABELS, low_res=images)


class TestPlaces:
    """A flow that is told which object is the first and which the second."""

    ORDER = torch.tensor([[1, 0, 0, 0], [0, 1, 2, 0], [0, 0, 0, 1]])

    def test_the_order_changes_the_density_where_there_are_two_objects(
        self, perturbed: Callable[..., ConditionalFlow], images: Tensor
    ) -> None:
        model = perturbed(ordered_objects=2)
        batch = {"image": images, "condition": LABELS}
        swapped = torch.tensor([[1, 0, 0, 0], [0, 2, 1, 0], [0, 0, 0, 1]])
        one, other = (model.dequantized_bits({**batch, "order": order}, 0) for order in (self.ORDER, swapped))
        assert ((one - other).abs() > 1e-4).tolist() == [False, True, False]

    def test_samples_are_drawn_in_orders_of_the_seed(self, perturbed: Callable[..., ConditionalFlow]) -> None:
        """Without noise in the pictures, two objects give two pictures, one object gives one."""
        model = perturbed(ordered_objects=2)
        two = model.sample(LABELS[1:2], n=20, seed=1, temperature=0)
        one = model.sample(LABELS[:1], n=20, seed=1, temperature=0)
        assert (len(two.unique(dim=0)), len(one.unique(dim=0))) == (2, 1)
        assert torch.equal(model.sample(LABELS[1:2], n=20, seed=1, temperature=0), two)

    def test_images_are_encoded_without_an_order(
        self, perturbed: Callable[..., ConditionalFlow], images: Tensor
    ) -> None:
        model = perturbed(ordered_objects=2)
        for label in (LABELS, None):
            assert_same_but_for_rounding(model.decode(model.encode(images, label), label), images, [model.flow] * 2)

    def test_training_tells_the_order_and_leaves_it_out_by_the_share(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer
    ) -> None:
        """With no share left out, the weights of every place that is taken move; with nearly all, none of them."""
        rows = {"image": torch.rand(40, 3, 8, 8), "condition": LABELS[1:2].repeat(40, 1)}
        rows["order"] = self.ORDER[1:2].repeat(40, 1)
        loader = DataLoader([{name: value[i] for name, value in rows.items()} for i in range(40)], batch_size=20)
        for order_drop, moved in ((0.0, [5, 10]), (1 - 1e-6, [])):
            model = make(ordered_objects=2, order_drop=order_drop, condition_drop=0.0)
            before = model.flow.pyramid.embed.weight.detach().clone()
            trainer(max_epochs=1).fit(model, loader)
            changed = (model.flow.pyramid.embed.weight.detach() != before).any(dim=0)
            assert changed.nonzero().flatten().tolist() == [1, 2, *moved]

    def test_data_that_tells_no_order_is_refused(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches
    ) -> None:
        with pytest.raises(InputError, match="ordered_objects is 2: the model is to know the order"):
            trainer(max_steps=1).fit(make(ordered_objects=2), batches(1))


class TestLayout:
    """A flow that is told where the objects stand."""

    OPTIONS: ClassVar = {"layout": True, "split": False, "steps": (1, 0), "noise": 0.05}
    PLACE = torch.full((3, 4, 2), torch.nan).masked_scatter(LABELS[..., None].bool(), torch.linspace(0.2, 0.8, 8))

    @pytest.fixture
    def told(self, perturbed: Callable[..., ConditionalFlow]) -> ConditionalFlow:
        """One that has kept the layouts of the three pictures."""
        model = perturbed(**self.OPTIONS)
        for flow in (model.flow, model.flow_ema):
            flow.layouts.add(LABELS, self.PLACE)
        return model

    def test_the_places_change_the_density_of_the_pictures_whose_objects_moved(
        self, told: ConditionalFlow, images: Tensor
    ) -> None:
        batch = {"image": images, "condition": LABELS, "place": self.PLACE}
        moved = {**batch, "place": torch.where(torch.tensor([0, 1, 0])[:, None, None] > 0, 1 - self.PLACE, self.PLACE)}
        one, other = (told.dequantized_bits(rows, 0) for rows in (batch, moved))
        assert ((one - other).abs() > 1e-4).tolist() == [False, True, False]

    def test_samples_stand_where_kept_layouts_of_as_many_objects_do(self, told: ConditionalFlow) -> None:
        """Without noise in the latents, only the layout differs between drawings of one label: with one object it is
        that of either picture with one, blurred by half a pixel of 64."""
        drawn = told.sample(LABELS[:1], n=20, seed=1, temperature=0)
        assert len(drawn.unique(dim=0)) == 20
        assert torch.equal(told.sample(LABELS[:1], n=20, seed=1, temperature=0), drawn)
        with pytest.raises(InputError, match="no picture of 3 objects"):
            told.sample(torch.tensor([[1.0, 1, 1, 0]]))

    def test_objects_stand_at_given_places_and_the_others_where_a_layout_has_them(self, told: ConditionalFlow) -> None:
        given = torch.full((1, 4, 2), torch.nan)
        given[0, LABELS[1].nonzero()[0]] = torch.tensor([0.1, 0.9])
        rng = torch.Generator().manual_seed(0)
        drawn = told.asked(LABELS[1:2], rng.manual_seed(0)).view(3, 4)[1:].T
        placed = told.asked(LABELS[1:2], rng.manual_seed(0), given).view(3, 4)[1:].T
        first, *others = LABELS[1].nonzero().flatten().tolist()
        assert placed[first].tolist() == pytest.approx([0.1, 0.9])
        assert torch.equal(placed[others], drawn[others])

    def test_places_for_all_objects_need_no_layout_of_as_many(self, told: ConditionalFlow) -> None:
        label = torch.tensor([[1.0, 1, 1, 0]])
        one, other = torch.full((2, 1, 4, 2), 0.25)
        other[0, 0] = 0.75
        pictures = [told.sample(label, seed=1, temperature=0, places=places) for places in (one, one, other)]
        assert torch.equal(pictures[0], pictures[1]) and not torch.equal(pictures[0], pictures[2])

    def test_places_that_mean_nothing_are_refused(
        self, told: ConditionalFlow, perturbed: Callable[..., ConditionalFlow]
    ) -> None:
        places = torch.full((3, 4, 2), 0.5)
        with pytest.raises(InputError, match="told no places and would ignore them"):
            perturbed().sample(LABELS, places=places)
        with pytest.raises(InputError, match=r"shape \(3, 4, 3\); expected \(3, 4, 2\)"):
            told.sample(LABELS, places=torch.zeros(3, 4, 3))
        for outside in (1.0, -0.1, torch.inf):
            places[1, 2, 0] = outside
            with pytest.raises(InputError, match="expected shares of the picture, at least 0, below 1"):
                told.sample(LABELS, places=places)

    def test_images_are_encoded_without_places(self, told: ConditionalFlow, images: Tensor) -> None:
        for label in (LABELS, None):
            torch.testing.assert_close(told.decode(told.encode(images, label), label), images, rtol=0, atol=1e-3)

    def test_guidance_moves_the_picture_away_from_the_classes_and_keeps_the_layout(self, told: ConditionalFlow) -> None:
        """Labels of other classes at the same places give the same contrast."""
        flow = told.flow
        label = told.with_objects(LABELS, place=self.PLACE)
        other = told.with_objects(LABELS.flip(1), place=self.PLACE.flip(1))
        for u, v in zip(flow.guided(label, 1.0), flow.guided(other, 1.0), strict=True):
            torch.testing.assert_close(u.unlabelled, v.unlabelled)
            assert (u.labelled - v.labelled).abs().max() > 1e-4

    def test_a_drawing_loses_the_noise_by_the_gradient_of_the_density(
        self, told: ConditionalFlow, images: Tensor
    ) -> None:
        """The gradient by finite differences in float64, along one direction."""
        flow = told.double().flow
        label = told.with_objects(LABELS.double(), place=self.PLACE.double())
        u = flow.pyramid(label)
        x, direction = images.double() / 2, torch.randn_like(images, dtype=torch.float64)
        step = (denoised(flow, x, 0.1, label) - x) / 0.1**2
        h = 1e-5
        slope = (flow.log_prob(x + h * direction, u) - flow.log_prob(x - h * direction, u)) / (2 * h)
        torch.testing.assert_close((step * direction).sum((1, 2, 3)), slope, rtol=1e-4, atol=1e-4)

    def test_samples_of_a_flow_trained_with_noise_are_denoised(self, perturbed: Callable[..., ConditionalFlow]) -> None:
        """By the noise that it was trained with: another value gives another picture of the same flow."""
        one, other, none = (perturbed(**(self.OPTIONS | {"noise": noise})) for noise in (0.05, 0.1, 0.0))
        for model in (one, other, none):
            model.flow_ema.layouts.add(LABELS, self.PLACE)
            model.flow.layouts.add(LABELS, self.PLACE)
        pictures = [model.sample(LABELS, seed=1, temperature=0.3) for model in (none, one, other)]
        near, far = ((picture - pictures[0]).abs().max() for picture in pictures[1:])
        assert 0 < near < far
        with torch.inference_mode():  # as a Trainer's test has it
            torch.testing.assert_close(one.sample(LABELS, seed=1, temperature=0.3), pictures[1])

    def test_training_keeps_layouts_and_the_checkpoint_has_them(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, tmp_path: Path
    ) -> None:
        rows = [
            {"image": torch.rand(3, 8, 8), "condition": LABELS[i % 3], "place": self.PLACE[i % 3]} for i in range(12)
        ]
        model = make(**self.OPTIONS)
        run = trainer(max_epochs=1)
        run.fit(model, DataLoader(rows, batch_size=6))
        run.save_checkpoint(tmp_path / "flow.ckpt")
        again = lit_gans.load(tmp_path / "flow.ckpt")
        for flow in (model.flow, again.flow, again.flow_ema):
            assert [len(flow.layouts.of(objects)) for objects in (1, 2)] == [8, 4]

    def test_data_that_tells_no_places_is_refused(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches
    ) -> None:
        with pytest.raises(InputError, match=r"layout is true.*set data.places to true"):
            trainer(max_steps=1).fit(make(**self.OPTIONS), batches(1))


class TestRefused:
    @pytest.mark.parametrize("shape", [(3, 3, 16, 16), (3, 1, 8, 8), (3, 8, 8)])
    def test_images_of_another_shape(self, model: ConditionalFlow, shape: tuple[int, ...]) -> None:
        for use in (model.encode, model.log_prob):
            with pytest.raises(InputError, match=r"expected \(B, 3, 8, 8\)"):
                use(torch.zeros(shape), LABELS)

    def test_images_that_are_no_floats(self, model: ConditionalFlow) -> None:
        with pytest.raises(InputError, match=r"uint8.*floats in \[-1, 1\]"):
            model.encode(torch.zeros(3, 3, 8, 8, dtype=torch.uint8), LABELS)

    def test_labels_that_do_not_fit(self, model: ConditionalFlow, images: Tensor) -> None:
        with pytest.raises(InputError, match="2 conditions for 3 images"):
            model.encode(images, LABELS[:2])
        with pytest.raises(InputError, match="unknown object 'red cub'"):
            model.log_prob(images, [["red cub"]] * 3)

    @pytest.mark.parametrize(
        ("options", "message"),
        [({"temperature": -1.0}, "temperature is -1"), ({"guidance": -1.0}, "guidance is -1")],
    )
    def test_temperature_and_guidance_below_0(
        self, model: ConditionalFlow, options: dict[str, float], message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            model.sample(LABELS, **options)  # type: ignore[arg-type]

    def test_guidance_without_a_label(self, model: ConditionalFlow, images: Tensor) -> None:
        with pytest.raises(InputError, match="decode was given none"):
            model.decode(model.encode(images), guidance=1.0)

    def test_what_needs_a_flow_that_knows_images_without_label(
        self, perturbed: Callable[..., ConditionalFlow], images: Tensor
    ) -> None:
        model = perturbed(condition_drop=0)
        model.sample(LABELS)
        for use in (lambda: model.sample(LABELS, guidance=1.0), lambda: model.encode(images)):
            with pytest.raises(InputError, match="condition_drop"):
                use()

    def test_an_attribute_that_all_or_none_have_or_nobody_knows(self, model: ConditionalFlow, images: Tensor) -> None:
        batch = {"image": images, "condition": torch.tensor([[1.0, 0, 0, 1]] * 3)}
        for attribute, counts in (("gray cube", "3 images have it and 0 have not"), (1, "0 images have it and 3")):
            with pytest.raises(InputError, match=counts):
                model.attribute_directions([batch], [attribute])
        with pytest.raises(InputError, match="unknown object"):
            model.attribute_directions([batch], ["a hat"])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"bits": 9}, "bits is 9"),
            ({"optimizer": "lion"}, "optimizer is 'lion'; expected one of adam, adamax"),
            ({"condition_drop": 1.0}, "condition_drop is 1.0"),
            ({"order_drop": 1.0}, "order_drop is 1.0"),
            ({"ordered_objects": -1}, "ordered_objects is -1; expected .* 0 .* 4"),
            ({"ema_decay": 1.0}, "ema_decay is 1.0"),
            ({"image_size": 10}, "a flow of 2 levels needs a multiple of 4"),
            ({"guidance": 1.0, "condition_drop": 0}, "condition_drop"),
        ],
    )
    def test_hyperparameters_without_meaning(
        self, make: Callable[..., ConditionalFlow], options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            make(**options)


class TestTraining:
    def test_the_loss_falls_and_pictures_of_the_trained_flow_are_finite(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches
    ) -> None:
        model = make(lr=1e-2, ema_decay=0.5)
        losses: list[float] = []

        class Watch(L.Callback):
            def on_train_batch_end(self, *_: Any) -> None:
                losses.append(model.losses["loss/bits_per_dim"].item())

        trainer(max_epochs=10, callbacks=[Watch()]).fit(model, batches(3))
        assert len(losses) == 30 and sum(losses[-5:]) < sum(losses[:5]) - 1
        assert model.images_seen == 180
        pictures = model.sample(LABELS, n=20, seed=0, guidance=2.0)
        assert pictures.isfinite().all() and pictures.std() > 0.1

    def test_the_first_batch_initialises_every_actnorm_before_the_first_step(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches
    ) -> None:
        model = make(lr=0.0)
        trainer(max_steps=1).fit(model, batches(2))
        for network in (model.flow, model.flow_ema):
            assert network is not None
            norms = [module for module in network.modules() if isinstance(module, ActNorm)]
            assert norms and all(norm.initialized for norm in norms)
        assert model.flow.levels[0].parts[1].norm.mean.abs().max() > 1e-3  # type: ignore[union-attr, index]
        x = next(iter(batches(1)))["image"]
        z = model.encode(x, use_ema=False).flatten()
        assert abs(z.mean().item()) < 0.2 and abs(z.std().item() - 1) < 0.2

    def test_the_picture_goes_through_every_layer_in_the_layout_of_the_weights(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches
    ) -> None:
        """Else each sum with what a convolution predicts is one of two layouts: 6 % of a training step on a CPU."""
        model = make(attention=0)
        seen: list[bool] = []
        for module in model.flow.modules():
            if isinstance(module, Mixing):
                module.register_forward_hook(
                    lambda _, inputs, __: seen.append(inputs[0].is_contiguous(memory_format=torch.channels_last))
                )
        trainer(max_steps=2).fit(model, batches(2))
        assert seen and all(seen)

    def test_every_parameter_gets_a_gradient(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches
    ) -> None:
        class Watch(L.Callback):
            def on_before_optimizer_step(self, run: L.Trainer, model: L.LightningModule, *_: Any) -> None:
                missing.append([n for n, p in model.named_parameters() if p.requires_grad and p.grad is None])

        missing: list[list[str]] = []
        trainer(max_steps=3, callbacks=[Watch()]).fit(make(low_res_drop=0.5), batches(3))
        assert missing == [[], [], []]

    def test_a_half_way_checkpoint_continues_bit_for_bit(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches, tmp_path: Path
    ) -> None:
        options: dict[str, Any] = {"lr": 1e-2, "decay_from": 0.5, "ema_decay": 0.9, "optimizer": "adamax"}
        whole, first, second = make(**options), make(**options), make(**options)
        torch.manual_seed(5)
        trainer(max_epochs=3).fit(whole, batches(4))
        torch.manual_seed(5)
        half = trainer(max_epochs=3, callbacks=[Stop(8)])
        half.fit(first, batches(4))
        half.save_checkpoint(tmp_path / "half.ckpt")
        torch.manual_seed(9)  # which a resumed run does not look at
        trainer(max_epochs=3).fit(second, batches(4), ckpt_path=tmp_path / "half.ckpt", weights_only=True)
        assert (first.images_seen, second.images_seen) == (48, 72)
        for name, value in whole.state_dict().items():
            assert torch.equal(value, second.state_dict()[name]), name
            if value.is_floating_point() and "sign" not in name:
                assert not torch.equal(value, first.state_dict()[name]), name

    def test_a_flow_with_more_attention_starts_where_an_earlier_one_stopped(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches, tmp_path: Path
    ) -> None:
        """From the average of its weights, which are all kept; resumed, it does not start again, and its own checkpoint
        does without that of the earlier one."""
        earlier = make(lr=1e-2, attention=0)
        run = trainer(max_steps=5)
        run.fit(earlier, batches(5))
        run.save_checkpoint(tmp_path / "earlier.ckpt")
        options = {"lr": 0.0, "start_from": str(tmp_path / "earlier.ckpt")}
        model = make(**options)
        run = trainer(max_steps=1)
        run.fit(model, batches(5))
        assert earlier.flow_ema is not None
        for name, weight in earlier.flow_ema.state_dict().items():
            assert torch.equal(model.flow.state_dict()[name], weight), name

        run.save_checkpoint(tmp_path / "model.ckpt")
        (tmp_path / "earlier.ckpt").unlink()
        trainer(max_steps=2).fit(make(**options), batches(5), ckpt_path=tmp_path / "model.ckpt", weights_only=True)
        loaded = lit_gans.load(tmp_path / "model.ckpt")
        assert_same_but_for_rounding(loaded.sample(LABELS, seed=0), model.sample(LABELS, seed=0), [model.flow])

    def test_a_start_that_is_none_is_refused(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches, tmp_path: Path
    ) -> None:
        with pytest.raises(InputError, match=r"start_from .*none.ckpt: no such file"):
            trainer(max_steps=1).fit(make(start_from=str(tmp_path / "none.ckpt")), batches(1))
        torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
        with pytest.raises(InputError, match="expected a checkpoint of a ConditionalFlow"):
            trainer(max_steps=1).fit(make(start_from=str(tmp_path / "other.ckpt")), batches(1))

    def test_learning_rate_warms_up_and_decays_by_batches(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches
    ) -> None:
        rates: list[float] = []

        class Watch(L.Callback):
            def on_before_optimizer_step(self, run: L.Trainer, model: L.LightningModule, optimizer: Any) -> None:
                rates.append(optimizer.param_groups[0]["lr"])

        model = make(lr=0.008, warmup=4, decay_from=0.5)
        trainer(max_steps=8, callbacks=[Watch()]).fit(model, batches(8))
        assert rates == pytest.approx([0.002, 0.004, 0.006, 0.008, 0.008, 0.006, 0.004, 0.002])

    def test_bf16_changes_the_loss_little_and_gives_float32_pictures(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches
    ) -> None:
        losses = []
        for precision in ("32-true", "bf16-mixed"):
            model = make()
            torch.manual_seed(0)
            trainer(max_steps=3, precision=precision).fit(model, batches(3))
            losses.append(model.losses["loss/bits_per_dim"].item())
            assert model.sample(LABELS).dtype == torch.float32
        assert losses[0] != losses[1] and losses[1] == pytest.approx(losses[0], abs=0.02)

    def test_a_loss_that_is_not_finite_stops_before_the_weights_change_and_names_the_batch(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches, tmp_path: Path
    ) -> None:
        data = list(batches(6))
        data[4]["image"][0, 0, 0, 0] = math.nan
        model = make(lr=1e-3)
        run = trainer(max_epochs=1, callbacks=[LastCheckpoint(every=2)], enable_checkpointing=True)
        with pytest.raises(RuntimeError, match=r"loss/bits_per_dim is nan at batch 4.*lower learning rate"):
            run.fit(model, DataLoader(data, batch_size=None))  # type: ignore[arg-type]
        assert all(parameter.isfinite().all() for parameter in model.parameters())
        kept = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
        assert kept["global_step"] == 4
        assert all(value.isfinite().all() for value in kept["state_dict"].values())


class Stop(L.Callback):
    def __init__(self, at: int) -> None:
        self.at = at

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        if trainer.global_step == self.at:
            trainer.should_stop = True


class TestReports:
    def test_validation_logs_bits_of_the_averaged_weights_in_full_precision(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches
    ) -> None:
        model, run = make(), trainer(max_steps=2, precision="bf16-mixed")
        run.fit(model, batches(2), batches(2))
        expected = torch.cat([model.dequantized_bits(b, VALIDATION_SEED + i) for i, b in enumerate(batches(2))])
        assert run.callback_metrics["val/bits_per_dim"].item() == pytest.approx(expected.mean().item(), rel=1e-6)

    def test_a_checkpoint_loads_by_name_and_draws_the_same_pictures(
        self, make: Callable[..., ConditionalFlow], trainer: MakeTrainer, batches: Batches, tmp_path: Path
    ) -> None:
        model, run = make(guidance=1.0), trainer(max_steps=2)
        run.fit(model, batches(2))
        run.save_checkpoint(tmp_path / "flow.ckpt")
        loaded = lit_gans.load(tmp_path / "flow.ckpt")
        assert loaded.model_name == "ConditionalFlow" and isinstance(loaded.flow, torch.nn.Module)
        state = loaded.state_dict()
        assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
        assert_same_but_for_rounding(loaded.sample(NAMED, n=2, seed=3), model.sample(NAMED, n=2, seed=3), [model.flow])

    def test_a_test_scores_like_every_model_and_prints_held_out_bits(
        self, scenes_folder: Path, evaluator_file: Path, trainer: MakeTrainer, tmp_path: Path, capsys: Any
    ) -> None:
        from data_modules.iclevr import ICLEVR

        data = ICLEVR(str(scenes_folder), image_size=16)
        model = ConditionalFlow(
            class_names=data.class_names, image_size=16, levels=1, steps=1, hidden=4, features=4, growth=2, blocks=1
        )
        trainer(callbacks=[Score(str(evaluator_file), draws=2)]).test(model, datamodule=data, verbose=False)
        scores = json.loads((tmp_path / "scores.json").read_text())
        assert len(scores["object_score"]["test"][evaluator_file.name]["draws"]) == 2
        bits = scores["bits_per_dim"]
        assert bits["images"] == 3 and bits["bits"] == 8  # one held-out scene of 12
        printed = capsys.readouterr().out
        assert f"held-out bits/dim: {bits['mean']:.4f}" in printed
        # a new flow is a rotation of each 2x2 pixels; the pictures are grey, about 0
        assert 0 < scores["reconstruction_error"] < 1e-6
        assert f"reconstruction: largest error {scores['reconstruction_error']:.2e}" in printed
        expected = 8 + (1 / 24 + math.log(2 * math.pi) / 2) / math.log(2)
        assert bits["mean"] == pytest.approx(expected, abs=0.1)  # of a new flow; the pictures are grey

    def test_without_a_classifier_a_test_tells_the_bits_alone_and_says_so(
        self, scenes_folder: Path, trainer: MakeTrainer, tmp_path: Path, capsys: Any
    ) -> None:
        from data_modules.iclevr import ICLEVR

        data = ICLEVR(str(scenes_folder), image_size=16)
        model = ConditionalFlow(
            class_names=data.class_names, image_size=16, levels=1, steps=1, hidden=4, features=4, growth=2, blocks=1
        )
        trainer(callbacks=[Score(draws=2)]).test(model, datamodule=data, verbose=False)
        scores = json.loads((tmp_path / "scores.json").read_text())
        assert "object_score" not in scores and "evaluators" not in scores
        assert scores["bits_per_dim"]["images"] == 3 and scores["quality"]["held_out"]["condition_diversity"] > 0
        printed = capsys.readouterr().out
        assert "not measured: object scores, without a scoring classifier: give --score.evaluator FILE" in printed
        assert f"held-out bits/dim: {scores['bits_per_dim']['mean']:.4f}" in printed
