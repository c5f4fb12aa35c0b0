"""CycleGAN: the step against plain torch, what it counts, what it leaves alone, its pools, and what it hands out."""

import copy
import itertools
from collections.abc import Callable
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

import lit_gans
from lit_gans.errors import InputError
from lit_gans.losses.penalties import gradient_penalty
from lit_gans.models.cyclegan import CycleGAN, mean_logit
from lit_gans.training.batches import Batch

LR = 2e-4
SIDE = 24
NETWORKS = ("generator_a2b", "generator_b2a", "discriminator_a", "discriminator_b")
MakeTrainer = Callable[..., L.Trainer]


def made(**options: Any) -> CycleGAN:
    """A tiny model, always with the same start weights."""
    tiny: dict[str, Any] = {"width": 4, "blocks": 1, "discriminator_width": 4, "discriminator_layers": 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return CycleGAN(**(tiny | {"decay_from": None} | options))


def batches(count: int, size: int = 2, dtype: torch.dtype = torch.float32) -> DataLoader[Batch]:
    """Batches that are all different, always the same ones."""
    random = torch.Generator().manual_seed(11)

    def image() -> Tensor:
        return torch.rand(size, 3, SIDE, SIDE, generator=random, dtype=dtype) * 2 - 1

    data = [{"image_a": image(), "image_b": image()} for _ in range(count)]
    return DataLoader(data, batch_size=None)  # type: ignore[arg-type]


def weights(model: CycleGAN) -> dict[str, dict[str, Tensor]]:
    return {name: {k: v.clone() for k, v in getattr(model, name).state_dict().items()} for name in NETWORKS}


class Recipe:
    """The published algorithm in plain torch: one picture of each domain after the other through every network, both
    generators' step, then both discriminators', no image pool."""

    def __init__(self, model: CycleGAN, cycle: float, identity: float) -> None:
        self.f, self.g, self.d_a, self.d_b = (copy.deepcopy(getattr(model, name)) for name in NETWORKS)
        generators = itertools.chain(self.f.parameters(), self.g.parameters())
        discriminators = itertools.chain(self.d_a.parameters(), self.d_b.parameters())
        self.opt_g = torch.optim.Adam(generators, lr=LR, betas=(0.5, 0.999))
        self.opt_d = torch.optim.Adam(discriminators, lr=LR, betas=(0.5, 0.999))
        self.cycle, self.identity = cycle, identity

    def batch(self, a: Tensor, b: Tensor) -> None:
        mse, l1 = nn.MSELoss(), nn.L1Loss()

        def judged(logits: Tensor, target: float) -> Tensor:
            return mse(logits, torch.full_like(logits, target))

        fake_b, fake_a = self.f(a), self.g(b)
        loss = judged(self.d_b(fake_b), 1) + judged(self.d_a(fake_a), 1)
        loss = loss + self.cycle * (l1(self.g(fake_b), a) + l1(self.f(fake_a), b))
        loss = loss + self.cycle * self.identity * (l1(self.f(b), b) + l1(self.g(a), a))
        self.opt_g.zero_grad()
        loss.backward()
        self.opt_g.step()
        self.opt_d.zero_grad()
        for network, real, fake in ((self.d_a, a, fake_a), (self.d_b, b, fake_b)):
            (0.5 * (judged(network(real), 1) + judged(network(fake.detach()), 0))).backward()
        self.opt_d.step()


@pytest.mark.parametrize(("cycle", "identity"), [(10.0, 0.5), (3.0, 0.0)])
def test_the_step_is_the_published_one(trainer: MakeTrainer, cycle: float, identity: float) -> None:
    model = made(pool_size=0, cycle_weight=cycle, identity_weight=identity).double()
    recipe = Recipe(model, cycle, identity)
    start = weights(model)
    data = batches(4, dtype=torch.float64)
    trainer(max_steps=4, precision="64-true").fit(model, data)
    for batch in data:
        recipe.batch(batch["image_a"], batch["image_b"])
    for name, network in zip(NETWORKS, (recipe.f, recipe.g, recipe.d_a, recipe.d_b), strict=True):
        for key, weight in network.state_dict().items():
            if key.endswith("bias") and not key.startswith(("model.0.", "model.8", "model.17")):
                continue  # a bias before an instance norm has no effect: its gradient is rounding, which Adam enlarges
            mine = getattr(model, name).state_dict()[key]
            # losses are summed in float32
            torch.testing.assert_close(mine, weight, rtol=0, atol=3e-5, msg=lambda m, k=key, n=name: f"{n}.{k}: {m}")
            if key.endswith("weight"):
                assert (weight - start[name][key]).abs().mean() > 1e-4, "what is compared has moved by far more"


class TestCounts:
    def test_max_steps_and_global_step_mean_batches(self, trainer: MakeTrainer) -> None:
        model, run = made(), trainer(max_steps=5)
        run.fit(model, batches(3))
        assert run.global_step == 5
        assert model.images_seen == 5 * 4  # two of each domain

    def test_each_network_runs_as_often_as_the_algorithm_needs(self, trainer: MakeTrainer) -> None:
        """A generator: once for translation and identity together, once for the way back. A discriminator: once in
        the generators' step, once in its own."""
        model = made()
        calls = dict.fromkeys(NETWORKS, 0)

        def count(name: str) -> Callable[..., None]:
            def hook(*_: Any) -> None:
                calls[name] += 1

            return hook

        for name in NETWORKS:
            getattr(model, name).register_forward_hook(count(name))
        trainer(max_steps=3).fit(model, batches(3))
        assert calls == dict.fromkeys(NETWORKS, 6)

    def test_no_network_gets_a_gradient_in_the_others_step(self, trainer: MakeTrainer) -> None:
        model = made()
        original, seen = model.minimize, []

        def minimize(optimizer: Any, loss: Tensor, counted: bool) -> None:
            for parameter in model.parameters():
                parameter.grad = None
            before = weights(model)
            original(optimizer, loss, counted)
            after = weights(model)
            graded = {n for n in NETWORKS if any(p.grad is not None for p in getattr(model, n).parameters())}
            moved = {n for n in NETWORKS if any(not torch.equal(before[n][k], after[n][k]) for k in before[n])}
            seen.append((counted, graded, moved))

        model.minimize = minimize  # type: ignore[method-assign]
        trainer(max_steps=1).fit(model, batches(1))
        generators, discriminators = set(NETWORKS[:2]), set(NETWORKS[2:])
        assert seen == [(False, generators, generators), (True, discriminators, discriminators)]
        assert all(p.requires_grad for p in model.parameters())


class TestLearningRate:
    def rates(self, trainer: MakeTrainer, steps: int, **options: Any) -> list[tuple[float, float]]:
        seen: list[tuple[float, float]] = []

        class Look(L.Callback):
            def on_train_batch_end(self, run: L.Trainer, *_: Any) -> None:
                seen.append(tuple(o.param_groups[0]["lr"] for o in run.optimizers))  # type: ignore[arg-type]

        trainer(max_steps=steps, callbacks=[Look()]).fit(made(lr_discriminator=1e-4, **options), batches(3))
        return seen

    def test_it_falls_linearly_to_zero_over_the_second_half(self, trainer: MakeTrainer) -> None:
        factors = [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]  # the ninth batch would have 0
        assert self.rates(trainer, 8, decay_from=0.5) == [
            (pytest.approx(LR * factor), pytest.approx(1e-4 * factor)) for factor in factors
        ]

    def test_it_is_constant_without_decay(self, trainer: MakeTrainer) -> None:
        assert self.rates(trainer, 3, decay_from=None) == [(LR, 1e-4)] * 3

    def test_a_run_without_an_end_is_refused(self, trainer: MakeTrainer) -> None:
        with pytest.raises(InputError, match="decay_from needs a run with an end"):
            trainer(max_epochs=-1).fit(made(decay_from=0.5), batches(1))


class TestPools:
    def test_discriminators_are_shown_past_images_once_the_pools_are_full(self, trainer: MakeTrainer) -> None:
        model = made(pool_size=3)
        shown: list[tuple[Tensor, Tensor]] = []
        original = model.pooled

        def look(pool: Any, fake: Tensor, noise: Any) -> Tensor:
            out = original(pool, fake, noise)
            shown.append((fake.clone(), out.clone()))
            return out

        model.pooled = look  # type: ignore[method-assign]
        trainer(max_steps=20).fit(model, batches(20, size=1))
        old = [not torch.equal(fake, out) for fake, out in shown]
        assert not any(old[:6])  # three batches, two domains
        assert 8 <= sum(old[6:]) <= 26  # half of 34; 3 standard deviations
        assert len(model.pool_a) == len(model.pool_b) == 3


# Every part of the training beyond the paper's, all at once.
PARTS: dict[str, Any] = {
    **{"discriminator_norm": "spectral", "objective": "hinge", "augment": ["flip", "translation"]},
    **{"penalties": [{"where": "real", "target": "zero", "weight": 1.0, "every": 2}], "warm_start": 2},
    **{"cycle_weight_end": 3.0, "identity_every": 3, "ema_decay": 0.9, "pool_size": 3, "decay_from": 0.5},
    **{"contrast_weight": 1.0, "contrast_patches": 4},
}


class Weights(L.Callback):
    """What a model's networks hold, and its losses, after each batch."""

    def __init__(self) -> None:
        self.states: list[dict[str, Tensor]] = []
        self.losses: list[dict[str, float]] = []

    def on_train_batch_end(self, run: L.Trainer, model: Any, *_: Any) -> None:
        self.states.append({key: value.clone() for key, value in model.state_dict().items()})
        self.losses.append({name: value.item() for name, value in model.losses.items()})

    def moved(self, network: str, batch: int) -> bool:
        one, other = self.states[batch - 1], self.states[batch]
        return any(not torch.equal(one[key], other[key]) for key in one if key.startswith(f"{network}."))


class TestParts:
    def trained(self, trainer: MakeTrainer, steps: int, **options: Any) -> Weights:
        seen = Weights()
        trainer(max_steps=steps, callbacks=[seen]).fit(made(**options), batches(steps))
        return seen

    def test_a_warm_start_trains_the_generators_alone_to_give_pictures_back(self, trainer: MakeTrainer) -> None:
        seen = self.trained(trainer, 4, warm_start=3)
        for batch in (1, 2):
            assert seen.moved("generator_a2b", batch) and seen.moved("generator_b2a", batch)
            assert not seen.moved("discriminator_a", batch) and not seen.moved("discriminator_b", batch)
            assert set(seen.losses[batch]) == {"loss/autoencoder"}
        assert seen.moved("discriminator_a", 3) and "loss/autoencoder" not in seen.losses[3]
        model, data = made(), next(iter(batches(1)))
        wanted = (model.translate(data["image_a"]) - data["image_a"]).abs().mean()
        wanted += (model.translate(data["image_b"], "b2a") - data["image_b"]).abs().mean()
        assert seen.losses[0]["loss/autoencoder"] == pytest.approx(wanted.item(), rel=1e-5)

    def test_the_cycle_weight_falls_on_a_line_and_stays(self) -> None:
        weights = made(cycle_weight=10.0, cycle_weight_end=3.0, cycle_falls_until=0.5).weights
        assert [weights.cycle(progress) for progress in (0.0, 0.25, 0.5, 0.9)] == pytest.approx([10.0, 6.5, 3.0, 3.0])
        assert weights.identity(0.25, 0) == pytest.approx(0.5 * 6.5)
        assert made(cycle_weight_end=None).weights.cycle(0.9) == 10.0

    def test_the_identity_loss_of_every_kth_batch_counts_k_fold(self, trainer: MakeTrainer) -> None:
        seen = self.trained(trainer, 5, identity_every=4)
        values = [losses["loss/identity"] for losses in seen.losses]
        assert values[0] == values[1] == values[3] != values[4]
        model, data = made(identity_every=4), next(iter(batches(1)))
        parts = {}
        for step in (0, 1):
            loss, _, _ = model.generator_loss(data["image_a"], data["image_b"], step, torch.Generator())
            parts[step] = loss.item()
        identity = model.losses["loss/identity"].item()
        assert parts[0] - parts[1] == pytest.approx(4 * 10.0 * 0.5 * identity, rel=1e-4)

    def test_contrast_takes_the_place_of_the_cycle(self, trainer: MakeTrainer) -> None:
        """Neither the way back nor its loss is computed then, and the heads learn beside the generators."""
        model, calls = made(cycle_weight=0.0, contrast_weight=1.0, identity_weight=0.0), []
        model.generator_a2b.register_forward_hook(lambda *_: calls.append(1))
        seen = Weights()
        trainer(max_steps=3, callbacks=[seen]).fit(model, batches(3))
        assert len(calls) == 3
        assert set(seen.losses[0]) == {"loss/generators", "loss/contrast", "loss/discriminators"}
        assert seen.moved("contrast", 1) and seen.moved("generator_b2a", 1)

    def test_a_lazy_penalty_is_on_each_discriminator_and_every_kth_batch(self) -> None:
        model = made(penalties=[{"where": "real", "target": "zero", "weight": 0.5, "every": 2}])
        a, b = torch.rand(2, 2, 3, SIDE, SIDE)
        without, with_penalty = (model.discriminator_loss(a, b, b, a, step).item() for step in (1, 2))
        wanted = sum(
            gradient_penalty(mean_logit(discriminator), real, "zero")
            for discriminator, real in ((model.discriminator_a, a), (model.discriminator_b, b))
        )
        assert with_penalty - without == pytest.approx(0.5 * 2 * float(wanted.detach()), rel=1e-3)

    def test_the_average_follows_the_generators_and_translates(self, trainer: MakeTrainer) -> None:
        seen = self.trained(trainer, 2, ema_decay=0.5)
        one, other = seen.states
        for key in (key for key in other if key.startswith("generator_a2b.")):
            before, now = one[key.replace("a2b.", "a2b_ema.")], other[key.replace("a2b.", "a2b_ema.")]
            share = 2 / 11  # the second update's decay
            torch.testing.assert_close(now, share * before + (1 - share) * other[key])
        model = made(ema_decay=0.5).eval()
        with torch.no_grad():
            model.generator_b2a_ema.model[-2].bias.fill_(0.5)
        image = torch.rand(1, 3, 16, 16)
        assert torch.equal(model.translate(image, "b2a"), model.generator_b2a_ema(image))
        assert torch.equal(model.translate(image, "b2a", use_ema=False), model.generator_b2a(image).detach())
        assert not torch.equal(model.translate(image, "b2a"), model.translate(image, "b2a", use_ema=False))

    def test_spectral_norm_bounds_every_layer_and_takes_the_place_of_instance_norm(self, trainer: MakeTrainer) -> None:
        model = made(discriminator_norm="spectral")
        trainer(max_steps=20).fit(model, batches(20))
        layers = [layer for layer in model.discriminator_a.modules() if isinstance(layer, nn.Conv2d)]
        assert len(layers) == 4 and not any(isinstance(m, nn.InstanceNorm2d) for m in model.discriminator_a.modules())
        for layer in layers:
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.2)

    def test_a_later_training_starts_from_the_average_at_another_size(
        self, trainer: MakeTrainer, tmp_path: Any
    ) -> None:
        first, run = made(ema_decay=0.5), trainer(max_steps=2)
        run.fit(first, batches(2))
        run.save_checkpoint(tmp_path / "first.ckpt")
        file = str(tmp_path / "first.ckpt")
        second = made(start_from=file, start_discriminator_from=file, lr_generator=0.0, lr_discriminator=0.0)
        images = {"image_a": torch.rand(1, 3, 40, 40), "image_b": torch.rand(1, 3, 40, 40)}
        trainer(max_steps=1).fit(second, DataLoader([images], batch_size=None))  # type: ignore[arg-type]
        for network in NETWORKS:
            earlier = getattr(first, f"{network}_ema" if "generator" in network else network).state_dict()
            for key, weight in getattr(second, network).state_dict().items():
                assert torch.equal(weight, earlier[key])

    def test_its_checkpoint_is_used_without_what_trained_it(self, trainer: MakeTrainer, tmp_path: Any) -> None:
        model, run = made(**PARTS), trainer(max_steps=3)
        run.fit(model, batches(3))
        run.save_checkpoint(tmp_path / "model.ckpt")
        used, trained = (lit_gans.load(tmp_path / "model.ckpt", lightning=both) for both in (False, True))
        image = torch.rand(1, 3, 16, 16)
        assert {name for name, _ in used.named_children()} == {
            *("generator_a2b", "generator_a2b_ema", "generator_b2a", "generator_b2a_ema")
        }
        for ema in (True, False):
            assert torch.equal(used.translate(image, "b2a", ema), trained.translate(image, "b2a", ema))


def test_bf16_trains_the_same_losses_to_its_precision(trainer: MakeTrainer) -> None:
    losses = {}
    for precision in ("32-true", "bf16-mixed"):
        L.seed_everything(0, verbose=False)
        model = made()
        trainer(max_steps=3, precision=precision).fit(model, batches(3))
        losses[precision] = {name: value.item() for name, value in model.losses.items()}
        assert all(value.dtype == torch.float32 for value in model.losses.values())
    assert set(losses["32-true"]) == {"loss/generators", "loss/cycle", "loss/identity", "loss/discriminators"}
    for name, value in losses["32-true"].items():
        assert losses["bf16-mixed"][name] == pytest.approx(value, rel=0.05)


class TestTranslate:
    @pytest.mark.parametrize("direction", ["a2b", "b2a"])
    def test_each_direction_is_its_generators(self, direction: str) -> None:
        model = made().eval()
        image = torch.rand(2, 3, 16, 20) * 2 - 1
        network = model.generator_a2b if direction == "a2b" else model.generator_b2a
        out = model.translate(image, direction=direction)  # type: ignore[arg-type]
        assert torch.equal(out, network(image).detach()) and not out.requires_grad
        assert torch.equal(model.translate(image), model.translate(image, "a2b"))

    def test_any_size_keeps_its_size(self) -> None:
        assert made().translate(torch.zeros(1, 3, 17, 30)).shape == (1, 3, 17, 30)

    def test_the_mode_of_training_comes_back(self) -> None:
        model = made().train()
        model.translate(torch.zeros(1, 3, 16, 16))
        assert all(module.training for module in model.modules())

    def test_other_directions_and_shapes_are_refused(self) -> None:
        with pytest.raises(InputError, match="direction is 'horse2zebra'; expected 'a2b' or 'b2a'"):
            made().translate(torch.zeros(1, 3, 16, 16), "horse2zebra")  # type: ignore[arg-type]
        with pytest.raises(InputError, match=r"shape \(3, 16, 16\); expected \(B, 3, H, W\)"):
            made().translate(torch.zeros(3, 16, 16))

    def test_the_preview_is_there_and_back_for_both_domains(self) -> None:
        model = made()
        batch = {"image_a": torch.rand(2, 3, 16, 16), "image_b": torch.rand(2, 3, 16, 16)}
        pictures = model.preview(batch, seed=0).split(2)
        to_b, to_a = model.translate(batch["image_a"], "a2b"), model.translate(batch["image_b"], "b2a")
        wanted = (batch["image_a"], to_b, model.translate(to_b, "b2a"))
        wanted += (batch["image_b"], to_a, model.translate(to_a, "a2b"))
        assert len(pictures) == 6
        for picture, want in zip(pictures, wanted, strict=True):
            assert torch.equal(picture, want)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cycle_weight": -1.0}, "cycle_weight is -1"),
        ({"identity_weight": -0.5}, "identity_weight is -0.5"),
        ({"decay_from": 1.0}, "decay_from is 1"),
        ({"pool_size": -1}, "pool_size is -1"),
        ({"upsample": "sub-pixel"}, "upsample is 'sub-pixel'"),
        ({"objective": "rpgan"}, "objective is 'rpgan'; expected one of bce, minimax, lsgan, wgan, hinge"),
        ({"discriminator_norm": "batch"}, "discriminator_norm is 'batch'; expected one of instance, spectral, none"),
        ({"projected": 48}, "projected is 48"),
        ({"augment": ["colour"]}, "augment has no 'colour'"),
        ({"warm_start": -1}, "warm_start is -1"),
        ({"cycle_falls_until": 0}, "cycle_falls_until is 0"),
        ({"identity_every": 0}, "identity_every is 0"),
        ({"contrast_weight": -1.0}, "contrast_weight is -1"),
        ({"contrast_patches": 1}, "contrast_patches is 1"),
    ],
    ids=str,
)
def test_impossible_hyperparameters_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(**options)
