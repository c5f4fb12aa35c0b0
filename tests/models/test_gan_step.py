"""THE training step: how often what is updated, with which numbers, and what each update leaves alone."""

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from rounding import rounding_of
from torch import Tensor, nn
from torch.nn import BCELoss
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from lit_gans.errors import InputError
from lit_gans.losses.adversarial import OBJECTIVES
from lit_gans.models.cdcgan import CDCGAN
from lit_gans.models.gan import GAN, NetworkName
from lit_gans.training.batches import Batch

LR = 2e-4
State = dict[str, Tensor]
MakeModel = Callable[..., CDCGAN]
MakeBatches = Callable[..., DataLoader[Batch]]
MakeTrainer = Callable[..., L.Trainer]


def state(network: nn.Module) -> State:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def weights(network: nn.Module) -> State:
    return {name: tensor.detach().clone() for name, tensor in network.named_parameters()}


def statistics(network: nn.Module) -> State:
    return {name: tensor.clone() for name, tensor in network.named_buffers()}


def same(one: State, two: State) -> bool:
    assert one.keys() == two.keys() and one
    return all(torch.equal(one[name], two[name]) for name in one)


class EachUpdate:
    """Replaces `model.update`: keeps both networks' states before and after each of the model's own updates."""

    def __init__(self, model: GAN) -> None:
        self.model = model
        self.original = model.update
        self.seen: list[tuple[str, tuple[nn.Module, nn.Module], tuple[nn.Module, nn.Module]]] = []
        model.update = self  # type: ignore[method-assign]

    def networks(self) -> tuple[nn.Module, nn.Module]:
        return copy.deepcopy(self.model.generator), copy.deepcopy(self.model.discriminator)

    def __call__(self, name: NetworkName, loss: Callable[[], Tensor], counted: bool) -> None:
        before = self.networks()
        self.original(name, loss, counted)
        self.seen.append((name, before, self.networks()))


class AfterEachBatch(L.Callback):
    def __init__(self, look: Callable[[L.Trainer, Any], object]) -> None:
        self.look = look
        self.seen: list[Any] = []

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        self.seen.append(self.look(trainer, pl_module))


class TestCounts:
    @pytest.mark.parametrize(
        ("schedule", "generator", "discriminator"),
        [
            ({"generator": 4}, 28, 7),
            ({"discriminator": 3}, 7, 21),
            ({"discriminator_every": 2}, 7, 4),  # batches 0, 2, 4, 6
            ({"generator_every": 3}, 3, 7),  # batches 0, 3, 6
            ({"generator_every": 3, "generator": 2, "discriminator": 2}, 6, 14),
            ({}, 7, 7),
        ],
        ids=str,
    )
    def test_max_steps_means_batches_and_every_update_is_counted(
        self,
        cdcgan: MakeModel,
        batches: MakeBatches,
        trainer: MakeTrainer,
        schedule: dict[str, int],
        generator: int,
        discriminator: int,
    ) -> None:
        model = cdcgan(schedule=schedule)
        updates = EachUpdate(model)
        steps = AfterEachBatch(lambda trainer, _: trainer.global_step)
        run = trainer(max_steps=7, callbacks=[steps])
        run.fit(model, batches(3))
        assert steps.seen == [1, 2, 3, 4, 5, 6, 7]
        assert run.global_step == 7
        assert (model.generator_updates, model.discriminator_updates) == (generator, discriminator)
        names = [name for name, *_ in updates.seen]
        assert (names.count("generator"), names.count("discriminator")) == (generator, discriminator)
        assert model.images_seen == 7 * 6

    def test_the_default_is_one_discriminator_update_and_then_four_of_the_generator(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        model = cdcgan()
        updates = EachUpdate(model)
        trainer(max_steps=2).fit(model, batches(2))
        assert [name for name, *_ in updates.seen] == ["discriminator", *["generator"] * 4] * 2

    def test_one_epoch_is_as_many_steps_as_batches(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        run, model = trainer(max_epochs=2), cdcgan()
        run.fit(model, batches(3))
        assert run.global_step == 6 and model.images_seen == 36


class Report003:
    """The training loop of report 003 (B2), written anew in plain torch: sigmoid and BCELoss, Adam, no Lightning."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, dtype: torch.dtype) -> None:
        self.g, self.d = copy.deepcopy(generator).to(dtype), copy.deepcopy(discriminator).to(dtype)
        self.opt_g = torch.optim.Adam(self.g.parameters(), lr=LR, betas=(0.5, 0.999))
        self.opt_d = torch.optim.Adam(self.d.parameters(), lr=LR, betas=(0.5, 0.999))

    def batch(self, real: Tensor, c: Tensor, noise: list[Tensor]) -> None:
        bce, ones, zeros = BCELoss(), torch.ones(len(real)).to(real), torch.zeros(len(real)).to(real)
        fake = self.g(noise.pop(0), c)
        loss_real = bce(torch.sigmoid(self.d(real, c)), ones)
        loss_fake = bce(torch.sigmoid(self.d(fake.detach(), c)), zeros)
        self.opt_d.zero_grad()
        (loss_real + loss_fake).backward()
        self.opt_d.step()
        for _ in range(4):
            loss = bce(torch.sigmoid(self.d(self.g(noise.pop(0), c), c)), ones)
            self.opt_g.zero_grad()
            loss.backward()
            self.opt_g.step()


@pytest.mark.parametrize("count", [1, 3])
class TestAgainstPlainTorch:
    """Weights and BatchNorm statistics after whole batches are those of the report's loop with the same noise."""

    def both(
        self, model: CDCGAN, data: DataLoader[Batch], run: L.Trainer, dtype: torch.dtype
    ) -> list[tuple[State, State]]:
        """(State after Lightning, state after plain torch) of generator and discriminator."""
        report = Report003(model.generator, model.discriminator, dtype)
        start = report.g.get_parameter("embed.0.weight").detach().clone()
        noise = torch.randn(5 * run.max_steps, 6, 5, generator=torch.Generator().manual_seed(1)).to(dtype)
        prepared, left = iter(noise), list(noise)
        model.latents = lambda count, rng: next(prepared)  # type: ignore[method-assign]
        run.fit(model, data)
        for batch in data:
            report.batch(batch["image"].to(dtype), batch["condition"].to(dtype), left)
        assert next(prepared, None) is None and not left
        # what is compared to 1e-6 has moved by far more
        assert (report.g.get_parameter("embed.0.weight") - start).abs().mean() > 1e-4
        return [(state(model.generator), state(report.g)), (state(model.discriminator), state(report.d))]

    def test_in_float64_all_of_them(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer, count: int
    ) -> None:
        run = trainer(max_steps=count, precision="64-true")
        for mine, report in self.both(cdcgan(image_size=16), batches(count, 16), run, torch.float64):
            assert {"layers.1.running_mean", "layers.4.running_var", "layers.4.num_batches_tracked"} < mine.keys()
            torch.testing.assert_close(mine, report, rtol=0, atol=1e-8)

    def test_in_float32_all_but_the_biases_that_batch_norm_cancels(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer, count: int
    ) -> None:
        run, model = trainer(max_steps=count, precision="32-true"), cdcgan(image_size=16)
        for mine, report in self.both(model, batches(count, 16), run, torch.float32):
            # BatchNorm takes a bias before it away again. Its gradient is 0 but for rounding, which Adam blows up to
            # steps of up to the learning rate; the running means follow it.
            cancelled = {"layers.0.bias", "layers.3.bias", "layers.1.running_mean", "layers.4.running_mean"}
            assert cancelled < mine.keys()
            # the gradients come through both networks forward and back; the steps of Adam go by their ratios
            relative = 3 * rounding_of(model.generator, model.discriminator)
            for name in mine:
                # two such biases may part by 2 learning rates in each of 4 updates
                atol = 8 * LR * count * (1 if name in cancelled else relative)
                torch.testing.assert_close(
                    mine[name], report[name], rtol=0, atol=atol, msg=lambda m, n=name: f"{n}: {m}"
                )


class TestWhatAnUpdateTouches:
    @pytest.fixture
    def updates(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> list[tuple[str, tuple[nn.Module, nn.Module], tuple[nn.Module, nn.Module]]]:
        model = cdcgan()
        recorder = EachUpdate(model)
        trainer(max_steps=2).fit(model, batches(2))
        assert len(recorder.seen) == 10
        return recorder.seen

    def test_a_discriminator_update_moves_its_own_weights_only(self, updates: Any) -> None:
        for _, (g_before, d_before), (g_after, d_after) in [
            update for update in updates if update[0] == "discriminator"
        ]:
            assert same(weights(g_before), weights(g_after))
            assert not any(torch.equal(a, b) for a, b in zip(d_before.parameters(), d_after.parameters(), strict=True))

    def test_a_generator_update_moves_its_own_weights_only(self, updates: Any) -> None:
        for _, (g_before, d_before), (g_after, d_after) in [update for update in updates if update[0] == "generator"]:
            assert same(weights(d_before), weights(d_after))
            assert not any(torch.equal(a, b) for a, b in zip(g_before.parameters(), g_after.parameters(), strict=True))

    def test_batch_norm_statistics_of_both_move_with_every_pass_as_in_the_reports_code(self, updates: Any) -> None:
        for name, before, after in updates:
            passes = [  # of generator and discriminator: real and fake images are two separate batches
                after_.get_buffer("layers.1.num_batches_tracked") - before_.get_buffer("layers.1.num_batches_tracked")
                for before_, after_ in zip(before, after, strict=True)
            ]
            assert passes == ([1, 2] if name == "discriminator" else [1, 1])
            for before_, after_ in zip(before, after, strict=True):
                assert not same(statistics(before_), statistics(after_))

    def test_an_update_adds_no_gradient_to_the_other_network(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        model = cdcgan(schedule={"generator": 2})
        original = model.update
        gradients: list[tuple[list[Tensor | None], list[Tensor | None]]] = []

        def update(*args: Any) -> None:
            original(*args)
            of_g, of_d = ([p.grad for p in net.parameters()] for net in (model.generator, model.discriminator))
            gradients.append((copy.deepcopy(of_g), copy.deepcopy(of_d)))

        model.update = update  # type: ignore[method-assign, assignment]
        trainer(max_steps=1).fit(model, batches(1))
        after_d, after_first, after_second = gradients
        assert all(gradient is None for gradient in after_d[0])
        assert all(gradient is not None for gradient in after_d[1] + after_first[0])
        torch.testing.assert_close(after_first[1], after_d[1], rtol=0, atol=0)
        torch.testing.assert_close(after_second[1], after_d[1], rtol=0, atol=0)
        for network in (model.generator, model.discriminator):
            assert all(parameter.requires_grad for parameter in network.parameters())


class TestFrozenParts:
    @pytest.mark.parametrize("part", ["embed", "to_rgb"])  # the first and the last of the generator
    def test_a_partly_frozen_generator_trains_its_other_part(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer, part: str
    ) -> None:
        model = cdcgan()
        model.generator.get_submodule(part).requires_grad_(False)
        before = weights(model.generator)
        trainer(max_steps=2).fit(model, batches(2))
        for name, parameter in model.generator.named_parameters():
            frozen = name.startswith(part)
            assert torch.equal(parameter, before[name]) == frozen, name
            assert parameter.requires_grad != frozen, name

    def test_a_partly_frozen_discriminator_trains_its_other_part(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        model = cdcgan()
        model.discriminator.get_submodule("to_logit").requires_grad_(False)
        before = weights(model.discriminator)
        trainer(max_steps=2).fit(model, batches(2))
        for name, parameter in model.discriminator.named_parameters():
            assert torch.equal(parameter, before[name]) == name.startswith("to_logit"), name

    def test_each_loss_has_gradients_for_its_own_network_alone(self, cdcgan: MakeModel, batches: MakeBatches) -> None:
        model = cdcgan(wrong_labels=0.5)
        z = torch.randn(6, 5)
        model.latents = lambda count, rng: z  # type: ignore[method-assign]
        batch = next(iter(batches(1)))
        for loss, own, other in (
            (model.discriminator_loss, model.discriminator, model.generator),
            (model.generator_loss, model.generator, model.discriminator),
        ):
            model.zero_grad()
            loss(batch, torch.Generator()).backward()
            assert all(weight.grad is not None for weight in own.parameters())
            assert all(weight.grad is None for weight in other.parameters())


class TestPrecision:
    def test_in_bf16_each_generator_update_uses_the_weights_of_the_one_before(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        """Autocast can keep bf16 copies of weights for as long as its context is open: here, over several updates."""
        model = cdcgan(lr_generator=0.5, schedule={"generator": 2})
        z = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
        model.latents = lambda count, rng: z  # type: ignore[method-assign]
        images: list[Tensor] = []
        model.generator.register_forward_hook(lambda module, args, output: images.append(output.detach().float()))
        trainer(max_steps=1, precision="bf16-mixed").fit(model, batches(1))
        for_d, first, second = images
        torch.testing.assert_close(for_d, first, rtol=0, atol=0.02)
        assert (first - second).abs().mean() > 0.3  # a step of 0.5 in every weight cannot be missed

    def test_in_bf16_weights_and_logged_losses_stay_float32(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        model = cdcgan()
        trainer(max_steps=1, precision="bf16-mixed").fit(model, batches(1))
        assert {p.dtype for p in model.parameters()} == {torch.float32}
        assert {loss.dtype for loss in model.losses.values()} == {torch.float32} and len(model.losses) == 2


class TestClipping:
    def norms(self, model: CDCGAN, data: DataLoader[Batch], make_trainer: MakeTrainer) -> list[float]:
        """Norms of the gradients that each optimizer step works with, discriminator first; always the same noise."""
        found: list[float] = []

        def look(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            def closure() -> None:
                kwargs["closure"]()  # Lightning's hooks before the step run in here
                gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
                found.append(sum(float(gradient.double().square().sum()) for gradient in gradients) ** 0.5)

            return args, {**kwargs, "closure": closure}

        class Watch(L.Callback):
            def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
                for optimizer in trainer.optimizers:
                    optimizer.register_step_pre_hook(look)

        L.seed_everything(1, verbose=False)
        make_trainer(max_steps=1, callbacks=[Watch()]).fit(model, data)
        return found

    def test_clip_norm_bounds_the_gradient_of_every_step(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        free = self.norms(cdcgan(), batches(1), trainer)
        bound = min(free) / 3
        clipped = self.norms(cdcgan(clip_norm=bound), batches(1), trainer)
        assert len(free) == len(clipped) == 5
        # all of them were above, so all of them end at the bound
        torch.testing.assert_close(clipped, [bound] * 5, rtol=1e-3, atol=0)

    def test_gradients_below_clip_norm_are_left_alone(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        free = self.norms(cdcgan(), batches(1), trainer)
        assert self.norms(cdcgan(clip_norm=2 * max(free)), batches(1), trainer) == free


class Plain(GAN):
    """The smallest GAN: no condition, no BatchNorm."""

    def __init__(self, **options: Any) -> None:
        generator = nn.Sequential(nn.Linear(5, 3 * 8 * 8), nn.Tanh(), nn.Unflatten(1, (3, 8, 8)))
        discriminator = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4), nn.ReLU(), nn.Linear(4, 1), nn.Flatten(0))
        super().__init__(generator, discriminator, latent_dim=5, **options)


class TestObjectives:
    @pytest.mark.parametrize("name", OBJECTIVES)
    def test_each_one_trains_both_networks_by_its_own_formula(
        self, name: str, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        model = Plain(objective=name, ema_decay=0)
        recorder = EachUpdate(model)
        z = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
        model.latents = lambda count, rng: z  # type: ignore[method-assign]
        data = batches(1)
        trainer(max_steps=1).fit(model, data)
        real = next(iter(data))["image"]
        (_, (g, d), _), (_, (_, trained_d), _) = recorder.seen
        torch.testing.assert_close(
            model.losses["loss/discriminator"], OBJECTIVES[name].discriminator(d(real), d(g(z))).detach()
        )
        torch.testing.assert_close(
            model.losses["loss/generator"], OBJECTIVES[name].generator(trained_d(g(z)), trained_d(real)).detach()
        )
        for _, before, after in recorder.seen:
            assert not (same(state(before[0]), state(after[0])) and same(state(before[1]), state(after[1])))

    def test_an_unknown_one_is_refused(self) -> None:
        with pytest.raises(InputError, match="objective is 'gan'; expected one of bce, minimax, lsgan"):
            Plain(objective="gan")


class TestPenalties:
    def test_a_lazy_one_is_added_in_every_kth_update_of_the_discriminator(
        self, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        model = Plain(penalties=[{"where": "real", "target": "zero", "weight": 1e4, "every": 3}])
        losses = AfterEachBatch(lambda _, model: model.losses["loss/discriminator"].item())
        trainer(max_steps=7, callbacks=[losses]).fit(model, batches(7))
        assert [loss > 20 for loss in losses.seen] == [True, False, False, True, False, False, True]

    def test_it_pulls_the_discriminators_gradient_where_it_wants_it(
        self, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        data = batches(60)

        def norm(weight: float) -> float:
            L.seed_everything(0, verbose=False)
            penalties = [{"where": "line", "target": "one", "weight": weight}]
            model = Plain(objective="wgan", lr_discriminator=0.01, penalties=penalties)
            trainer(max_steps=60).fit(model, data)
            image = next(iter(data))["image"].requires_grad_()
            (gradient,) = torch.autograd.grad(model.discriminator(image).sum(), image)
            return gradient.flatten(1).norm(dim=1).mean().item()

        assert norm(1e-6) > 3
        assert 0.5 < norm(100.0) < 1.5

    def test_a_network_with_batch_norm_is_refused(self, cdcgan: MakeModel) -> None:
        with pytest.raises(InputError, match=r"without BatchNorm, and this one has it in layers\.1"):
            cdcgan(penalties=[{"where": "line", "target": "one", "weight": 10}])


class TestWeightClipping:
    def test_after_each_discriminator_update_all_its_weights_are_within_the_limit(
        self, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        model = Plain(objective="wgan", clip_weights=0.01, schedule={"generator_every": 2})
        before = weights(model.generator)
        largest = AfterEachBatch(lambda _, model: max(p.abs().max().item() for p in model.discriminator.parameters()))
        trainer(max_steps=4, callbacks=[largest]).fit(model, batches(4))
        assert largest.seen == pytest.approx([0.01] * 4)
        assert max(p.abs().max().item() for p in before.values()) > 0.1  # the generator's own are left alone
        assert max(p.abs().max().item() for p in model.generator.parameters()) > 0.1

    def test_a_limit_of_zero_is_refused(self) -> None:
        with pytest.raises(InputError, match="clip_weights is 0"):
            Plain(clip_weights=0)


class TestDecay:
    def test_both_rates_fall_linearly_to_zero_over_the_last_part_of_the_run(
        self, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        rates = AfterEachBatch(lambda trainer, _: [o.param_groups[0]["lr"] for o in trainer.optimizers])
        model = Plain(lr_generator=1e-3, lr_discriminator=2e-3, decay_from=0.5)
        trainer(max_epochs=2, callbacks=[rates]).fit(model, batches(4))
        factors = [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]
        assert [generator for generator, _ in rates.seen] == pytest.approx([1e-3 * f for f in factors])
        assert [discriminator for _, discriminator in rates.seen] == pytest.approx([2e-3 * f for f in factors])

    def test_a_run_without_end_is_refused(self, batches: MakeBatches, trainer: MakeTrainer) -> None:
        with pytest.raises(InputError, match="decay_from needs a run with an end"):
            trainer(max_epochs=-1).fit(Plain(decay_from=0.5), batches(1))


class TestAugmentation:
    def seen(self, model: Plain, data: DataLoader[Batch], run: L.Trainer) -> list[Tensor]:
        """What the discriminator sees: of each batch real and generated images for its own update, and then generated
        ones for the generator's."""
        found: list[Tensor] = []
        model.discriminator.register_forward_pre_hook(lambda module, args: found.append(args[0].detach()))
        run.fit(model, data)
        return found

    def test_the_discriminator_sees_real_and_generated_images_changed(
        self, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        seen = self.seen(Plain(augment=["cutout"]), batches(1), trainer(max_steps=1))
        assert len(seen) == 3
        for images in seen:
            assert ((images == 0).all(dim=1).flatten(1).sum(dim=1) >= 4).all()

    def test_a_share_of_none_shows_the_pictures_as_they_are(self, batches: MakeBatches, trainer: MakeTrainer) -> None:
        data = batches(1)
        seen = self.seen(Plain(augment=["cutout"], augment_share=0.0), data, trainer(max_steps=1))
        assert torch.equal(seen[0], next(iter(data))["image"])

    def test_it_ends_after_its_share_of_the_run(self, batches: MakeBatches, trainer: MakeTrainer) -> None:
        data = batches(4)
        seen = self.seen(Plain(augment=["cutout"], augment_until=0.5), data, trainer(max_epochs=1))
        shown = [torch.equal(real, batch["image"]) for real, batch in zip(seen[::3], data, strict=True)]
        assert shown == [False, False, True, True]

    def test_an_end_needs_a_run_with_an_end(self, batches: MakeBatches, trainer: MakeTrainer) -> None:
        with pytest.raises(InputError, match="augment_until needs a run with an end"):
            trainer(max_epochs=-1).fit(Plain(augment=["cutout"], augment_until=0.5), batches(1))


class TestDivergence:
    def with_nan(self, data: DataLoader[Batch], batch: int) -> DataLoader[Batch]:
        data.dataset[batch]["image"][0, 0, 0, 0] = float("nan")
        return data

    def test_a_loss_that_is_not_finite_stops_the_run_and_names_loss_and_batch(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        run = trainer(max_steps=4, log_every_n_steps=1)
        with pytest.raises(RuntimeError, match="loss/discriminator is nan at batch 3: training has diverged"):
            run.fit(cdcgan(), self.with_nan(batches(4), batch=2))

    def test_between_logged_steps_nothing_is_read_so_it_stops_at_the_next_one(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        run = trainer(max_steps=8, log_every_n_steps=4)
        with pytest.raises(RuntimeError, match="at batch 4: training has diverged"):
            run.fit(cdcgan(), self.with_nan(batches(8), batch=1))

    def test_finite_losses_do_not_stop_it(self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer) -> None:
        run = trainer(max_steps=4, log_every_n_steps=1)
        run.fit(cdcgan(), batches(4))
        assert run.global_step == 4

    def test_losses_and_counts_are_logged_by_name(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        run = trainer(max_steps=2, log_every_n_steps=2)
        model = cdcgan()
        run.fit(model, batches(2))
        logged = {name: float(value) for name, value in run.logged_metrics.items()}
        counts = {"images_seen": 12, "updates/generator": 8, "updates/discriminator": 2}
        losses = {name: float(model.losses[name]) for name in ("loss/discriminator", "loss/generator")}
        assert logged == pytest.approx({**counts, **losses})
        assert 0.5 < losses["loss/discriminator"] < 3 and 0.2 < losses["loss/generator"] < 2


class TestAverage:
    def test_it_moves_once_a_batch_towards_the_generator_after_its_last_update(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        model = cdcgan(ema_decay=0.15)
        start = state(model.generator)
        live = AfterEachBatch(lambda _, model: state(model.generator))
        trainer(max_steps=3, callbacks=[live]).fit(model, batches(3))
        assert model.generator_updates == 12
        for name, value in start.items():
            for decay, after_batch in zip([0.1, 0.15, 0.15], live.seen, strict=True):  # 1/10, then 2/11 is above
                value = (
                    decay * value + (1 - decay) * after_batch[name] if value.is_floating_point() else after_batch[name]
                )
            assert model.generator_ema is not None
            torch.testing.assert_close(model.generator_ema.state_dict()[name], value, rtol=1e-5, atol=1e-7)
            assert value.ndim == 0 or not torch.equal(value, live.seen[-1][name])

    def test_the_average_gets_no_gradient_and_is_in_no_optimizer(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        model, run = cdcgan(), trainer(max_steps=1)
        run.fit(model, batches(1))
        assert model.generator_ema is not None
        assert not any(p.requires_grad or p.grad is not None for p in model.generator_ema.parameters())
        optimized = {id(p) for optimizer in run.optimizers for group in optimizer.param_groups for p in group["params"]}
        assert optimized == {id(p) for net in (model.generator, model.discriminator) for p in net.parameters()}

    def test_without_a_decay_there_is_none(self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer) -> None:
        model = cdcgan(ema_decay=0)
        trainer(max_steps=1).fit(model, batches(1))
        assert model.generator_ema is None and model.chosen(use_ema=True) is model.generator
        assert not any(key.startswith("generator_ema") for key in model.state_dict())

    @pytest.mark.parametrize("decay", [-0.1, 1.0, 1.5])
    def test_a_decay_without_meaning_is_refused(self, cdcgan: MakeModel, decay: float) -> None:
        with pytest.raises(InputError, match=f"ema_decay is {decay}"):
            cdcgan(ema_decay=decay)


class TestNoise:
    def drawn(
        self, model: CDCGAN, data: DataLoader[Batch], make_trainer: MakeTrainer, seed: int, steps: int = 2
    ) -> list[Tensor]:
        found: list[Tensor] = []
        original = model.latents

        def latents(count: int, rng: torch.Generator) -> Tensor:
            found.append(original(count, rng))
            return found[-1]

        model.latents = latents  # type: ignore[method-assign]
        L.seed_everything(seed, verbose=False)
        make_trainer(max_steps=steps).fit(model, data)
        return found

    def test_every_update_of_every_batch_has_fresh_standard_normal_noise(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        # the temperature is of pictures, not of training
        drawn = self.drawn(cdcgan(temperature=0.1), batches(2), trainer, seed=1, steps=40)
        assert len(drawn) == 200 and {z.shape for z in drawn} == {(6, 5)}
        assert len({tuple(z.flatten().tolist()) for z in drawn}) == 200
        everything = torch.stack(drawn)  # 6,000 values: the mean has a standard deviation of 0.013
        assert abs(everything.mean().item()) < 0.06 and abs(everything.std().item() - 1) < 0.05

    def test_the_same_seed_draws_the_same_noise_and_another_one_other_noise(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        first = self.drawn(cdcgan(), batches(2), trainer, seed=1)
        again = self.drawn(cdcgan(), batches(2), trainer, seed=1)
        other = self.drawn(cdcgan(), batches(2), trainer, seed=2)
        torch.testing.assert_close(again, first, rtol=0, atol=0)
        assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))

    def test_a_batchs_noise_does_not_depend_on_what_was_drawn_before(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        four = self.drawn(cdcgan(), batches(2), trainer, seed=1)
        one = self.drawn(cdcgan(schedule={}), batches(2), trainer, seed=1)
        torch.testing.assert_close(four[5:7], one[2:4], rtol=0, atol=0)

    def test_what_a_network_draws_in_a_batch_is_not_the_latents_again(
        self, cdcgan: MakeModel, batches: MakeBatches, trainer: MakeTrainer
    ) -> None:
        model = cdcgan()
        drawn: list[Tensor] = []
        model.discriminator.register_forward_pre_hook(lambda module, args: drawn.append(torch.randn(6, 5)))
        latents = self.drawn(model, batches(1), trainer, seed=1, steps=1)
        assert not torch.equal(drawn[0], latents[0])

    def test_several_processes_draw_the_parts_of_the_noise_of_one(self) -> None:
        def latents(rank: int, world: int, count: int) -> Tensor:
            process = SimpleNamespace(
                trainer=SimpleNamespace(world_size=world), global_rank=rank, latent_dim=3, latent="gaussian"
            )
            return GAN.latents(process, count, torch.Generator().manual_seed(5))  # type: ignore[arg-type]

        parts = [latents(rank, 3, 4) for rank in range(3)]
        assert all(part.shape == (4, 3) for part in parts)
        torch.testing.assert_close(torch.cat(parts), latents(0, 1, 12), rtol=0, atol=0)
