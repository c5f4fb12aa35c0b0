"""The models of the anime faces: what they are made of, drawing, and their tests against real pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import Tensor, nn
from untrained import checkpoint_of

import lit_gans
from data_modules.anime_faces import AnimeFaces
from lit_gans.errors import InputError
from lit_gans.losses.adversarial import OBJECTIVES
from lit_gans.models.gan import GAN
from lit_gans.training.penalty import Penalty

TINY: dict[str, Any] = {"image_size": 16, "latent_dim": 5, "width": 4}
UNCONDITIONAL = ["DCGAN", "LSGAN", "ModulatedGAN", "WGAN", "WGANGP"]
MakeTrainer = Callable[..., L.Trainer]


def model(name: str, **options: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return getattr(lit_gans, name)(**(TINY | options))


@pytest.fixture
def faces(faces_folder: Path) -> AnimeFaces:
    return AnimeFaces(str(faces_folder), image_size=16, batch_size=6, val_fraction=0.25)


@pytest.fixture
def tagged(faces_folder: Path) -> AnimeFaces:
    return AnimeFaces(str(faces_folder), tags="tags.csv", image_size=32, batch_size=6, val_fraction=0.25)


class TestSettings:
    """The values of the report and of the papers."""

    def test_dcgan_and_lsgan_are_the_reports(self) -> None:
        dcgan, lsgan = lit_gans.DCGAN(width=2), lit_gans.LSGAN(width=4)
        assert dcgan.objective is OBJECTIVES["bce"] and lsgan.objective is OBJECTIVES["lsgan"]
        for one in (dcgan, lsgan):
            assert one.learning_rates == (2e-4, 2e-4) and one.betas[0] == 0.5 and one.latent_dim == 100
            assert one.optimizer_names == ("adam", "adam")
            assert (one.updates.generator_every, one.updates.discriminator) == (1, 1)

    def test_wgan_clips_and_has_rmsprop_and_five_critic_steps(self) -> None:
        wgan = model("WGAN")
        assert wgan.objective is OBJECTIVES["wgan"] and wgan.clip_weights == 0.01 and not wgan.penalties
        assert wgan.optimizer_names == ("rmsprop", "rmsprop") and wgan.learning_rates == (5e-5, 5e-5)
        assert wgan.updates.generator_every == 5
        assert not [part for part in wgan.discriminator.modules() if isinstance(part, nn.BatchNorm2d)]

    def test_wgan_gp_penalises_and_has_no_batch_norm_in_the_critic(self) -> None:
        wgan_gp = model("WGANGP")
        assert wgan_gp.objective is OBJECTIVES["wgan"] and wgan_gp.clip_weights is None
        (penalty,) = wgan_gp.penalties
        assert (penalty.where, penalty.target, penalty.weight, penalty.every) == ("line", "one", 10.0, 1)
        assert wgan_gp.learning_rates == (1e-4, 1e-4) and wgan_gp.betas == (0.0, 0.9)
        assert wgan_gp.updates.generator_every == 5
        assert not [part for part in wgan_gp.discriminator.modules() if isinstance(part, nn.BatchNorm2d)]

    def test_the_modulated_gan_has_relativistic_pairs_with_a_lazy_r1(self) -> None:
        made = model("ModulatedGAN", discriminator_width=4)
        assert made.objective is OBJECTIVES["rpgan"] and made.betas == (0.0, 0.99)
        assert made.penalties == [Penalty("real", "zero", 0.5, every=8)]

    def test_networks_of_32_px_start_those_of_64(self, tmp_path: Path) -> None:
        """What is the same at both sizes: the first map, the mapping, the first stage and the colours; of the
        discriminator the layers next to the picture."""
        small = model("ModulatedGAN", image_size=32, discriminator_width=4)
        with torch.no_grad():
            for weight in small.state_dict().values():
                weight += 1  # else both have the start values of one seed
        file = str(checkpoint_of(small, tmp_path / "small.ckpt"))
        grown = model("ModulatedGAN", image_size=64, discriminator_width=4)
        grown.start_network("generator", file, "start_from")
        grown.start_network("discriminator", file, "start_discriminator_from")
        for part in ("start", "mapping", "stages.0", "to_rgb"):
            learnt = small.generator_ema.get_submodule(part).state_dict()
            for name, weight in grown.generator.get_submodule(part).state_dict().items():
                assert torch.equal(weight, learnt[name]), f"{part}.{name}"
        for layer in (0, 2, 4):
            assert torch.equal(grown.discriminator.features[layer].weight, small.discriminator.features[layer].weight)

    @pytest.mark.parametrize("name", ["DCGAN", "LSGAN", "WGANGP", "TagDCGAN"])
    def test_a_penalty_with_a_batch_norm_critic_is_refused(self, name: str) -> None:
        penalty = {"where": "real", "target": "zero", "weight": 1.0}
        with pytest.raises(InputError, match="needs a discriminator without BatchNorm"):
            model(name, norm="batch", penalties=[penalty])

    def test_a_penalty_on_the_line_works_in_half_precision(self, faces: AnimeFaces, trainer: MakeTrainer) -> None:
        made = model("WGANGP")
        trainer(max_steps=2, precision="bf16-mixed").fit(made, faces)
        assert all(torch.isfinite(loss) and loss.dtype == torch.float32 for loss in made.losses.values())

    @pytest.mark.parametrize("objective", OBJECTIVES)
    @pytest.mark.parametrize("name", ["DCGAN", "LSGAN"])
    def test_any_objective_and_penalty_goes_with_any_networks(
        self, name: str, objective: str, faces: AnimeFaces, trainer: MakeTrainer
    ) -> None:
        penalties = [{"where": where, "target": "zero", "weight": 1.0} for where in ("real", "fake")]
        made = model(name, objective=objective, norm="layer", penalties=penalties)
        trainer(max_steps=2).fit(made, faces)
        assert all(torch.isfinite(loss) for loss in made.losses.values()) and len(made.losses) == 2


class TestSampling:
    @pytest.mark.parametrize("name", UNCONDITIONAL)
    def test_pictures_are_the_generators_for_noise_of_the_seed(self, name: str) -> None:
        made = model(name)
        z = torch.randn(3, 5, generator=torch.Generator().manual_seed(9))
        with torch.no_grad():
            expected = made.generator_ema.eval()(z)
        pictures = made.train().sample(n=3, seed=9)
        assert_same_but_for_rounding(pictures, expected, [made.generator])
        assert pictures.shape == (3, 3, 16, 16) and not pictures.requires_grad
        assert all(part.training for part in made.modules())

    def test_an_unknown_kind_of_latents_is_refused(self) -> None:
        with pytest.raises(InputError, match="latent is 'cauchy'; expected one of gaussian, uniform"):
            model("DCGAN", latent="cauchy")

    def test_temperature_scales_the_noise_and_is_the_models_own_where_none_is_given(self) -> None:
        made, cool = model("DCGAN", latent="uniform"), model("DCGAN", latent="uniform", temperature=0.25)
        z = torch.rand(3, 5, generator=torch.Generator().manual_seed(9)) * 2 - 1
        with torch.no_grad():
            expected = made.generator_ema.eval()(0.25 * z)
        assert_same_but_for_rounding(made.sample(n=3, seed=9, temperature=0.25), expected, [made.generator])
        assert_same_but_for_rounding(cool.sample(n=3, seed=9), expected, [made.generator])

    def test_another_seed_or_none_gives_other_pictures_and_touches_no_global_state(self) -> None:
        made = model("DCGAN", generator_dropout=0.5)
        state = torch.get_rng_state()
        first = made.sample(n=2, seed=1)
        assert torch.equal(made.sample(n=2, seed=1), first)
        assert not torch.allclose(made.sample(n=2, seed=2), first)
        assert not torch.allclose(made.sample(n=2), made.sample(n=2))
        assert torch.equal(torch.get_rng_state(), state)

    def test_many_pictures_are_drawn_in_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = model("DCGAN")
        whole = made.sample(n=7, seed=1)
        monkeypatch.setattr("lit_gans.inference.generators.SAMPLING_BATCH", 3)
        assert_same_but_for_rounding(made.sample(n=7, seed=1), whole, [made.generator])

    def test_fewer_than_one_is_refused(self) -> None:
        with pytest.raises(InputError, match="n is 0; expected a whole number of at least 1"):
            model("DCGAN").sample(n=0)

    def test_dropout_that_stays_on_makes_pictures_of_one_latent_differ(self) -> None:
        made = model("DCGAN", generator_dropout=0.5, ema_decay=0)
        one, two = (made.sample(n=1, seed=seed) for seed in (1, 2))
        assert not torch.allclose(one, two)

    @pytest.mark.parametrize(("ends", "output"), [((0.0, 1.0), "tanh"), ((0.0, 255.0), "linear")])
    def test_pictures_of_another_pixel_range_come_out_in_minus_1_to_1(
        self, ends: tuple[float, float], output: str
    ) -> None:
        made = model("DCGAN", pixel_range=ends, output=output, ema_decay=0)
        z = torch.randn(3, 5, generator=torch.Generator().manual_seed(9))
        with torch.no_grad():
            raw = made.generator.eval()(z)
        expected = ((raw - ends[0]) / (ends[1] - ends[0]) * 2 - 1).clamp(-1, 1)
        assert_same_but_for_rounding(made.sample(n=3, seed=9), expected, [made.generator])


class TestTips:
    """What the discriminator and the optimizers get in training."""

    def seen(self, made: GAN, data: AnimeFaces, run: L.Trainer) -> list[Tensor]:
        found: list[Tensor] = []
        made.discriminator.register_forward_pre_hook(lambda network, args: found.append(args[0].detach().clone()))
        run.fit(made, data)
        return found

    def test_1_real_images_are_in_the_pixel_range(self, faces: AnimeFaces, trainer: MakeTrainer) -> None:
        made = model("DCGAN", pixel_range=(0.0, 255.0), output="linear")
        real, *_ = self.seen(made, faces, trainer(max_steps=1))
        pixels = faces.columns["image"]
        assert isinstance(pixels, Tensor)
        rows = faces.train_rows[faces.train_dataloader().order.batches(0)[0]]
        torch.testing.assert_close(real, pixels[rows].float(), rtol=0, atol=1e-3)

    def test_3_latents_are_uniform(self, faces: AnimeFaces, trainer: MakeTrainer) -> None:
        made = model("DCGAN", latent="uniform", latent_dim=200)
        found: list[Tensor] = []
        made.generator.register_forward_pre_hook(lambda network, args: found.append(args[0].clone()))
        trainer(max_steps=1).fit(made, faces)
        assert len(found) == 2
        for z in found:
            assert z.abs().max() <= 1 and z.min() < -0.95 and z.max() > 0.95
            assert abs(z.std().item() - 3**-0.5) < 0.05

    def test_4_mixed_batches_hold_real_and_generated_images(self, faces: AnimeFaces, trainer: MakeTrainer) -> None:
        sizes = [len(images) for images in self.seen(model("DCGAN"), faces, trainer(max_steps=1))]
        assert sizes == [6, 6, 6]  # real, generated; the generator's
        mixed = self.seen(model("DCGAN", separate_batches=False), faces, trainer(max_steps=1))
        assert [len(images) for images in mixed] == [12, 6]
        separate = self.seen(model("DCGAN"), faces, trainer(max_steps=1))
        torch.testing.assert_close(mixed[0][:6], separate[0], rtol=0, atol=0)

    def test_4_mixed_batches_are_refused_for_tags(self) -> None:
        with pytest.raises(InputError, match="separate_batches: false is not for conditional"):
            model("TagDCGAN", separate_batches=False)

    def test_6_soft_labels_reach_the_loss(self, faces: AnimeFaces, trainer: MakeTrainer) -> None:
        losses = []
        for labels in (None, {"real": (0.5, 0.5), "fake": (0.5, 0.5)}):
            made = model("DCGAN", soft_labels=labels)
            nn.init.zeros_(made.discriminator.to_logit.weight)
            trainer(max_steps=1).fit(made, faces)
            losses.append(made.losses["loss/discriminator"].item())
        # at logits of 0 both are 2 log 2
        assert losses == pytest.approx([2 * 0.6931472] * 2, abs=1e-5)

    def test_9_each_network_has_its_optimizer(self, faces: AnimeFaces, trainer: MakeTrainer) -> None:
        run = trainer(max_steps=1)
        run.fit(model("DCGAN", optimizer_discriminator="sgd", optimizer_generator="rmsprop"), faces)
        assert [type(optimizer).__name__ for optimizer in run.optimizers] == ["RMSprop", "SGD"]

    def test_13_noise_on_the_inputs_falls_to_zero(self, faces: AnimeFaces, trainer: MakeTrainer) -> None:
        made = model("DCGAN", input_noise=0.4)
        deviations = []
        plain = iter(self.seen(model("DCGAN"), faces, trainer(max_steps=1)))
        noisy = self.seen(made, faces, trainer(max_steps=4))
        deviations = [(noisy[0] - next(plain)).std().item(), made.augment.noise_now]
        assert deviations == pytest.approx([0.4, 0.1], abs=0.02)  # batches 0 and 3 of 4

    def test_13_noise_needs_a_run_with_an_end(self, faces: AnimeFaces, trainer: MakeTrainer) -> None:
        with pytest.raises(InputError, match="input_noise needs a run with an end"):
            trainer(max_epochs=-1).fit(model("DCGAN", input_noise=0.1), faces)


class TestTags:
    def test_data_without_tags_is_refused(self, faces_folder: Path, trainer: MakeTrainer) -> None:
        data = AnimeFaces(str(faces_folder), image_size=16, batch_size=6)
        with pytest.raises(InputError, match="this model learns from tags, and the data has none"):
            trainer(max_steps=1).fit(model("TagDCGAN"), data)

    def test_wrong_tags_are_a_third_kind_of_pair(self, tagged: AnimeFaces, trainer: MakeTrainer) -> None:
        counts = []
        for weight in (0.0, 0.5):
            made = model("TagDCGAN", image_size=32, wrong_labels=weight)
            passes: list[int] = []
            made.discriminator.register_forward_hook(lambda *_, passes=passes: passes.append(1))
            trainer(max_steps=1).fit(made, tagged)
            counts.append(len(passes))
        assert counts == [3, 4]
