"""ConditionalGAN: its losses against their formulas, its options, and both kinds of generator through a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import softplus
from torch.utils.data import DataLoader

from lit_gans.errors import InputError
from lit_gans.inference.generator_file import generator_file
from lit_gans.models.conditional_gan import ConditionalGAN
from lit_gans.training.batches import Batch

NAMES = ["gray cube", "red cube", "red sphere", "blue cylinder"]
MakeBatches = Callable[..., DataLoader[Batch]]
MakeTrainer = Callable[..., L.Trainer]


def make(**options: Any) -> ConditionalGAN:
    tiny: dict[str, Any] = {"num_classes": 4, "class_names": NAMES, "image_size": 16, "slots": 4}
    tiny |= {"width": 16, "patch_size": 8, "discriminator_width": 4}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return ConditionalGAN(**(tiny | options))


@pytest.fixture
def batch(batches: MakeBatches) -> Batch:
    return next(iter(batches(1, 16)))


class WithoutTrainer:
    """The parts of a model's losses that belong to a run, fixed."""

    def __init__(self, model: ConditionalGAN) -> None:
        self.z = torch.randn(6, model.latent_dim, generator=torch.Generator().manual_seed(1))
        model.latents = lambda count, rng: self.z  # type: ignore[method-assign]
        self.noise = torch.Generator()


@pytest.mark.parametrize(("auxiliary", "wrong"), [(0.0, 0.0), (10.0, 0.0), (3.0, 0.5)])
def test_the_losses_are_relativistic_pairs_plus_weighted_heads(batch: Batch, auxiliary: float, wrong: float) -> None:
    model = make(auxiliary=auxiliary, wrong_labels=wrong, penalties=None)
    run = WithoutTrainer(model)
    c, real = batch["condition"], batch["image"]
    fake = model.generator(run.z, c)
    (d_real, h_real), (d_fake, h_fake) = model.discriminator.judge(real, c), model.discriminator.judge(fake, c)
    d_wrong = model.discriminator(real, c[[5, 0, 1, 2, 3, 4]])
    of_d = softplus(d_fake - d_real).mean() + auxiliary * cross_entropy(h_real, c)
    of_d = of_d + wrong * softplus(d_wrong - d_real).mean()
    of_g = softplus(d_real - d_fake).mean() + auxiliary * cross_entropy(h_fake, c)
    torch.testing.assert_close(model.discriminator_loss(batch, run.noise), of_d)
    torch.testing.assert_close(model.generator_loss(batch, run.noise), of_g)


def test_r1_is_on_by_default_and_lazy(batch: Batch) -> None:
    model, free = make(), make(penalties=None)
    run, _ = WithoutTrainer(model), WithoutTrainer(free)
    real = batch["image"].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model.discriminator(real, batch["condition"]).sum(), real, create_graph=True)
    r1 = 0.5 * 8 * gradient.flatten(1).square().sum(1).mean()
    expected = free.discriminator_loss(batch, run.noise) + r1
    torch.testing.assert_close(model.discriminator_loss(batch, run.noise), expected)
    model.discriminator_updates = 1
    torch.testing.assert_close(
        model.discriminator_loss(batch, run.noise), free.discriminator_loss(batch, run.noise), rtol=0, atol=0
    )


@pytest.mark.parametrize("architecture", ["object_layers", "modulated"])
@pytest.mark.parametrize("objective", ["rpgan", "hinge", "bce"])
def test_both_generators_train_in_bf16_and_draw_by_name(
    architecture: str, objective: str, batches: MakeBatches, trainer: MakeTrainer
) -> None:
    model = make(architecture=architecture, objective=objective, augment=["flip", "translation"], wrong_labels=0.1)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    trainer(max_steps=3, precision="bf16-mixed").fit(model, batches(3, 16))
    unmoved = [name for name, p in model.named_parameters() if torch.equal(p, before[name])]
    assert not unmoved
    pictures = model.sample([["red cube", "blue cylinder"], ["gray cube"]], n=2, seed=0)
    assert pictures.shape == (4, 3, 16, 16) and pictures.isfinite().all()
    assert torch.equal(pictures, model.sample([["red cube", "blue cylinder"], ["gray cube"]], n=2, seed=0))


class TestSlots:
    def test_a_condition_of_more_objects_than_slots_is_refused_when_it_is_drawn(self) -> None:
        with pytest.raises(InputError, match="asks for 3 objects, and this generator has 2 slots; ask for fewer"):
            make(slots=2).sample([NAMES[:3]])
        assert make(slots=2, architecture="modulated").sample([NAMES[:3]]).shape == (1, 3, 16, 16)

    def test_and_at_a_logged_batch_of_a_training(self, batches: MakeBatches, trainer: MakeTrainer) -> None:
        with pytest.raises(InputError, match="this generator has 1 slots"):
            trainer(max_steps=1, log_every_n_steps=1).fit(make(slots=1), batches(1, 16))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "lines"}, "architecture is 'lines'; expected one of object_layers, modulated"),
        ({"auxiliary": -1.0}, "auxiliary is -1.0; expected a finite number of at least 0"),
        ({"wrong_labels": -0.1}, "wrong_labels is -0.1; expected a finite number of at least 0"),
    ],
)
def test_options_that_are_not_possible_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(**options)


class TestStartFrom:
    """Training starts from an earlier model's averaged generator; in these runs the learning rates are 0."""

    @pytest.fixture
    def earlier(self, batches: MakeBatches, trainer: MakeTrainer, tmp_path: Path) -> dict[str, Tensor]:
        model, run = make(lr_generator=1e-2), trainer(max_steps=3)
        run.fit(model, batches(3, 16))
        run.save_checkpoint(tmp_path / "earlier.ckpt")
        whole = torch.load(tmp_path / "earlier.ckpt", weights_only=True)
        torch.save(generator_file(whole, ConditionalGAN.sampling_networks), tmp_path / "earlier_generator.ckpt")
        assert model.generator_ema is not None
        return model.generator_ema.state_dict()

    @pytest.mark.parametrize("name", ["earlier.ckpt", "earlier_generator.ckpt"])
    def test_all_of_the_generator_fits_and_the_discriminator_starts_anew(
        self, name: str, earlier: dict[str, Tensor], batches: MakeBatches, trainer: MakeTrainer, tmp_path: Path
    ) -> None:
        model = make(start_from=str(tmp_path / name), lr_generator=0.0, lr_discriminator=0.0)
        discriminator = {name: weight.clone() for name, weight in model.discriminator.state_dict().items()}
        trainer(max_steps=1).fit(model, batches(1, 16))
        for name, weight in earlier.items():
            assert torch.equal(model.generator.state_dict()[name], weight), name
        for name, weight in discriminator.items():
            assert torch.equal(model.discriminator.state_dict()[name], weight), name

    def test_the_discriminator_starts_from_the_checkpoint_that_is_named_for_it(
        self, earlier: dict[str, Tensor], batches: MakeBatches, trainer: MakeTrainer, tmp_path: Path
    ) -> None:
        file = tmp_path / "earlier.ckpt"
        model = make(start_discriminator_from=str(file), lr_generator=0.0, lr_discriminator=0.0)
        trainer(max_steps=1).fit(model, batches(1, 16))
        state = torch.load(file, weights_only=True)["state_dict"]
        for name, weight in model.discriminator.state_dict().items():
            assert torch.equal(state[f"discriminator.{name}"], weight), name
        assert not torch.equal(model.generator.state_dict()["classes.weight"], earlier["classes.weight"])

    def test_an_exported_file_has_no_discriminator(
        self, earlier: dict[str, Tensor], batches: MakeBatches, trainer: MakeTrainer, tmp_path: Path
    ) -> None:
        model = make(start_discriminator_from=str(tmp_path / "earlier_generator.ckpt"))
        with pytest.raises(InputError, match=r"start_discriminator_from .*none of its weights fits .*'s discriminator"):
            trainer(max_steps=1).fit(model, batches(1, 16))

    def test_for_other_data_the_rest_of_it_fits(
        self, earlier: dict[str, Tensor], batches: MakeBatches, trainer: MakeTrainer, tmp_path: Path
    ) -> None:
        options = {"slots": 3, "num_classes": 4, "lr_generator": 0.0, "lr_discriminator": 0.0}
        model = make(start_from=str(tmp_path / "earlier.ckpt"), **options)
        own = {name: weight.clone() for name, weight in model.generator.state_dict().items()}
        fewer = [{**batch, "condition": batch["condition"][:, :4] * (torch.arange(4) < 3)} for batch in batches(1, 16)]
        trainer(max_steps=1).fit(model, DataLoader(fewer, batch_size=None))  # type: ignore[arg-type]
        now = model.generator.state_dict()
        assert torch.equal(now["numbers.weight"], own["numbers.weight"])  # (3, ...), and (4, ...) there
        assert all(torch.equal(now[name], weight) for name, weight in earlier.items() if name != "numbers.weight")

    def test_a_file_that_does_not_fit_is_refused(
        self, batches: MakeBatches, trainer: MakeTrainer, tmp_path: Path
    ) -> None:
        with pytest.raises(InputError, match=r"start_from .*none.ckpt: no such file"):
            trainer(max_steps=1).fit(make(start_from=str(tmp_path / "none.ckpt")), batches(1, 16))
        torch.save({"epoch": 3}, tmp_path / "other.ckpt")
        with pytest.raises(InputError, match=r"other.ckpt: expected a checkpoint of a ConditionalGAN; none of its"):
            trainer(max_steps=1).fit(make(start_from=str(tmp_path / "other.ckpt")), batches(1, 16))
