"""Every bijection: its inverse, its determinant, and what each alone promises."""

import copy
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from processes import run_ranks
from rounding import rounding_of
from torch import Tensor, distributed

from lit_gans.networks.flow.affine import (
    BOUND,
    PRIOR_BOUND,
    AffineCoupling,
    AffineInjector,
    LastPrior,
    Prediction,
    Split,
    guided,
)
from lit_gans.networks.flow.autoregressive import AutoregressiveAffine
from lit_gans.networks.flow.bijections import ActNorm, Bijection, Chain, Guided, InvertibleConv, Mixing, Squeeze
from lit_gans.training.ema import update_average

FEATURES, HIDDEN = 5, 7
Make = Callable[..., Bijection]


def batch_of(rank: int) -> Tensor:
    return torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(rank)) * (1 + rank) + rank


def initialised(x: Tensor) -> dict[str, Tensor]:
    chain = Chain([ActNorm(4), ActNorm(4)])
    chain.initialize(x, x)
    return chain.state_dict()


def initialise_as_rank(rank: int, out: Path) -> None:
    distributed.init_process_group("gloo", rank=rank, world_size=2)
    torch.save(initialised(batch_of(rank)), out / f"{rank}.pt")
    distributed.destroy_process_group()


def unaware(kind: Any) -> Make:
    return lambda channels, size: kind(channels)


def affine(kind: Any) -> Make:
    return lambda channels, size: kind(channels, FEATURES, HIDDEN)


def autoregressive(channels: int, size: int, backwards: bool = False) -> AutoregressiveAffine:
    return AutoregressiveAffine(channels, FEATURES, size, width=32, layers=2, backwards=backwards)


def step(channels: int, size: int) -> Chain:
    return Chain([Mixing(channels), *(affine(kind)(channels, size) for kind in (AffineInjector, Split))])


KINDS: dict[str, Make] = {
    "Squeeze": lambda channels, size: Squeeze(),
    "ActNorm": unaware(ActNorm),
    "InvertibleConv": unaware(InvertibleConv),
    "Mixing": unaware(Mixing),
    "AffineInjector": affine(AffineInjector),
    "AffineCoupling": affine(AffineCoupling),
    "Split": affine(Split),
    "LastPrior": affine(LastPrior),
    "AutoregressiveAffine": autoregressive,
    "AutoregressiveAffine backwards": partial(autoregressive, backwards=True),
    "Chain": step,
}


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, perturb: Callable[..., Any]) -> Make:
    """Makes a perturbed bijection of each kind, for pictures of this size."""
    return lambda channels, size=4: perturb(KINDS[request.param](channels, size), 0.2)


def inputs(channels: int, size: int, count: int = 3, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    x = torch.randn(count, channels, size, size, generator=random, dtype=torch.float64)
    u = torch.randn(count, FEATURES, size, size, generator=random, dtype=torch.float64)
    return x.to(dtype), u.to(dtype)


@pytest.mark.parametrize("channels", [12, 7])  # an odd number, too: halves need not be equal
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_the_inverse_undoes_forward_and_forward_undoes_the_inverse(
    make: Make, channels: int, dtype: torch.dtype
) -> None:
    layer = make(channels).to(dtype)
    # the inverse of an autoregressive map is one pass a pixel, each with the errors of those before it
    passes = 1 + (4 * 4 if isinstance(layer, AutoregressiveAffine) else 1)
    x, u = inputs(channels, 4, dtype=dtype)
    with torch.no_grad():
        z, logdet = layer(x, u)
        assert z.dtype == logdet.dtype == dtype and logdet.shape == (3,)
        assert z.shape != x.shape or (z - x).abs().max() > 0.1
        error = rounding_of(*[layer] * passes, scale=max(x.abs().max().item(), z.abs().max().item()), dtype=dtype)
        assert (layer.inverse(z, u) - x).abs().max() <= error
        back, its_logdet = layer(layer.inverse(z, u), u)
    assert (back - z).abs().max() <= error
    assert (its_logdet - logdet).abs().max() <= error * z[0].numel() ** 0.5  # a sum over all values


def test_the_log_determinant_is_that_of_the_autograd_jacobian(make: Make) -> None:
    """For each of three inputs with features of its own, in float64; and minus that of the inverse's Jacobian."""
    layer = make(4, 2).double()
    x, u = inputs(4, 2)
    z, logdet = layer(x, u)
    for i in range(3):
        one = u[i : i + 1]
        jacobian = torch.autograd.functional.jacobian(lambda y, one=one: layer(y[None], one)[0].flatten(), x[i])
        expected = torch.linalg.slogdet(jacobian.reshape(16, 16)).logabsdet
        torch.testing.assert_close(logdet[i], expected, rtol=1e-6, atol=1e-9)
        backwards = torch.autograd.functional.jacobian(lambda y, one=one: layer.inverse(y[None], one).flatten(), z[i])
        inverse_logdet = torch.linalg.slogdet(backwards.reshape(16, 16)).logabsdet
        torch.testing.assert_close(logdet[i] + inverse_logdet, torch.zeros((), dtype=torch.float64), rtol=0, atol=1e-9)


def test_an_input_of_a_batch_is_mapped_as_if_it_were_alone(make: Make) -> None:
    layer = make(6).double()
    x, u = inputs(6, 4)
    z, logdet = layer(x, u)
    alone, its_logdet = layer(x[1:2], u[1:2])
    torch.testing.assert_close(z[1:2], alone)
    torch.testing.assert_close(logdet[1:2], its_logdet)


def test_inputs_are_not_changed(make: Make) -> None:
    layer = make(6).double().train()
    x, u = inputs(6, 4)
    before = x.clone(), u.clone()
    z, _ = layer(x, u)
    kept = z.clone()
    layer.inverse(z, u)
    layer.initialize(x, u)
    assert torch.equal(x, before[0]) and torch.equal(u, before[1]) and torch.equal(z, kept)


def test_what_maps_the_picture_stays_in_full_precision_under_autocast(make: Make) -> None:
    """Only the predictions may round: what they give is float32 again, and the rest is exact."""
    layer = make(6).float()
    x, u = inputs(6, 4, dtype=torch.float32)
    expected, logdet = layer(x, u)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z, its_logdet = layer(x, u)
        back = layer.inverse(z, u)
    assert z.dtype == its_logdet.dtype == back.dtype == torch.float32
    if any(isinstance(part, Prediction | AutoregressiveAffine) for part in layer.modules()):
        assert 0 < (z - expected).abs().max() < 0.5
    else:
        assert torch.equal(z, expected) and torch.equal(its_logdet, logdet)


class TestSqueeze:
    def test_each_2x2_square_becomes_channels_of_one_pixel(self) -> None:
        x = torch.arange(16.0).view(1, 1, 4, 4)
        z, logdet = Squeeze()(x, x)
        assert z[0, :, 0, 0].tolist() == [0, 1, 4, 5] and z[0, :, 1, 0].tolist() == [8, 9, 12, 13]
        assert logdet.tolist() == [0]


class TestActNorm:
    def test_it_is_the_identity_until_it_is_initialised(self) -> None:
        x, u = inputs(6, 4)
        layer = ActNorm(6).double()
        z, logdet = layer(x, u)
        assert torch.equal(z, x) and logdet.count_nonzero() == 0 and not layer.initialized

    def test_after_it_each_channel_has_mean_0_and_deviation_1(self) -> None:
        x, u = inputs(6, 8)
        x = x * torch.arange(1, 7).view(6, 1, 1) - 40
        layer = ActNorm(6).double()
        z = layer.initialize(x, u)
        assert torch.equal(z, layer(x, u)[0]) and layer.initialized
        torch.testing.assert_close(z.mean((0, 2, 3)), torch.zeros(6).double(), rtol=0, atol=1e-12)
        torch.testing.assert_close(z.std((0, 2, 3), correction=0), torch.ones(6).double())

    def test_a_second_initialisation_changes_nothing(self) -> None:
        x, u = inputs(6, 4)
        layer = ActNorm(6).double()
        layer.initialize(x, u)
        before = {name: value.clone() for name, value in layer.state_dict().items()}
        layer.initialize(5 * x + 3, u)
        assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())

    def test_a_loaded_layer_is_initialised_and_stays_as_it_is(self, tmp_path: Path) -> None:
        x, u = inputs(6, 4)
        layer, other = ActNorm(6).double(), ActNorm(6).double()
        layer.initialize(x, u)
        torch.save(layer.state_dict(), tmp_path / "state.pt")
        other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
        other.initialize(5 * x + 3, u)
        assert other.initialized and torch.equal(other.mean, layer.mean)

    def test_a_constant_channel_keeps_a_finite_scale(self) -> None:
        layer = ActNorm(2)
        z = layer.initialize(torch.full((3, 2, 4, 4), 0.25), torch.zeros(3, 1, 4, 4))
        assert z.count_nonzero() == 0
        assert layer.log_scale.flatten().tolist() == pytest.approx([math.log(1e-4)] * 2)

    def test_in_eval_mode_it_refuses_to_learn_from_data(self) -> None:
        with pytest.raises(RuntimeError, match="eval mode"):
            ActNorm(6).eval().initialize(*inputs(6, 4, dtype=torch.float32))

    def test_two_processes_get_the_same_bits_that_one_gets_from_both_batches(self, tmp_path: Path) -> None:
        """In a chain, so that the second layer sees what the first has made."""
        run_ranks(2, initialise_as_rank, tmp_path)
        first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
        both = initialised(torch.cat([batch_of(0), batch_of(1)]))
        assert len(first) == 6 and any("initialized" in name for name in first)
        for name, value in first.items():
            assert torch.equal(value, second[name]), name
            torch.testing.assert_close(value, both[name], msg=lambda m, n=name: f"{n}: {m}")


class TestInvertibleConv:
    def test_it_starts_as_a_rotation(self) -> None:
        x, u = inputs(6, 4)
        layer = InvertibleConv(6).double()
        z, logdet = layer(x, u)
        torch.testing.assert_close(z.square().sum(1), x.square().sum(1), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(logdet, torch.zeros(3).double(), rtol=0, atol=1e-4)

    def test_permutation_and_signs_are_no_parameters_but_part_of_the_state(self) -> None:
        layer = InvertibleConv(6)
        assert set(dict(layer.named_parameters())) == {"lower", "upper", "log_scale"}
        assert set(dict(layer.named_buffers())) == {"order", "sign"} < set(layer.state_dict())
        assert sorted(layer.order.tolist()) == list(range(6)) and set(layer.sign.abs().tolist()) == {1}

    def test_it_is_one_matrix_for_each_pixel(self, perturb: Callable[..., Any]) -> None:
        layer = perturb(InvertibleConv(3)).double()
        x, u = inputs(3, 2, count=1)
        with torch.no_grad():
            matrix = torch.stack(
                [layer(torch.eye(3)[i].view(1, 3, 1, 1).double(), u)[0].flatten() for i in range(3)], 1
            )
            z, logdet = layer(x, u)
        torch.testing.assert_close(z[0, :, 1, 0], matrix @ x[0, :, 1, 0])
        torch.testing.assert_close(logdet[0], 4 * torch.linalg.slogdet(matrix).logabsdet)

    @pytest.mark.parametrize("change", ["optimizer", "average", "load", "to float64", "copied"])
    def test_the_inverse_follows_every_change_of_the_weights(self, change: str, perturb: Callable[..., Any]) -> None:
        """Also of frozen weights, whose inverse is kept; fused optimizers leave no trace on those that they change."""
        layer = InvertibleConv(4).requires_grad_(change == "optimizer")
        other = perturb(copy.deepcopy(layer))
        x, u = inputs(4, 2, dtype=torch.float32)
        with torch.no_grad():
            before = layer.inverse(x, u)
        if change == "optimizer":
            layer(x, u)[0].pow(3).sum().backward()
            torch.optim.Adam(layer.parameters(), 0.1, fused=True).step()
        elif change == "average":
            update_average(layer, other, 0.5, 100)
        elif change == "load":
            layer.load_state_dict(other.state_dict())
        elif change == "to float64":
            layer, x, u = perturb(layer.double()), x.double(), u.double()
        else:
            layer = other
        with torch.no_grad():
            z = layer.inverse(x, u)
            assert z.dtype == x.dtype and (z - before).abs().max() > 1e-2
            torch.testing.assert_close(layer(z, u)[0], x)

    @pytest.mark.parametrize(("trained", "solved"), [(False, 1), (True, 3)])
    def test_the_inverse_of_frozen_weights_is_solved_once(
        self, trained: bool, solved: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer = InvertibleConv(4).requires_grad_(trained)
        calls: list[Tensor] = []
        solve = InvertibleConv.solved
        monkeypatch.setattr(InvertibleConv, "solved", lambda self: calls.append(solve(self)) or calls[-1])
        x, u = inputs(4, 2, dtype=torch.float32)
        pictures = [layer.inverse(x, u) for _ in range(3)]
        assert len(calls) == solved and all(torch.equal(picture, pictures[0]) for picture in pictures)


class TestMixing:
    def test_it_is_the_convolution_after_the_norm_in_both_directions(self, perturb: Callable[..., Any]) -> None:
        layer = perturb(Mixing(6)).double()
        parts = Chain([layer.norm, layer.conv])
        x, u = inputs(6, 4)
        for ours, theirs in zip(layer(x, u), parts(x, u), strict=True):
            torch.testing.assert_close(ours, theirs)
        torch.testing.assert_close(layer.inverse(x, u), parts.inverse(x, u))

    def test_initialising_it_sets_the_norm(self) -> None:
        layer = Mixing(6).double()
        x, u = inputs(6, 4)
        z = layer.initialize(3 * x + 1, u)
        assert layer.norm.initialized
        torch.testing.assert_close(z, layer(3 * x + 1, u)[0])
        torch.testing.assert_close(layer.norm.mean.flatten(), (3 * x + 1).mean((0, 2, 3)))


class TestAffine:
    @pytest.mark.parametrize("kind", [AffineInjector, AffineCoupling, Split, LastPrior])
    def test_it_starts_as_the_identity(self, kind: Any) -> None:
        x, u = inputs(6, 4)
        z, logdet = kind(6, FEATURES, HIDDEN).double()(x, u)
        assert torch.equal(z, x) and logdet.count_nonzero() == 0

    @pytest.mark.parametrize("kind", [AffineCoupling, Split])
    def test_a_coupling_leaves_the_first_half_alone(self, kind: Any, perturb: Callable[..., Any]) -> None:
        x, u = inputs(6, 4)
        z, _ = perturb(kind(6, FEATURES, HIDDEN)).double()(x, u)
        assert torch.equal(z[:, :3], x[:, :3]) and (z[:, 3:] - x[:, 3:]).abs().max() > 0.1

    @pytest.mark.parametrize("kind", [AffineInjector, AffineCoupling, Split, LastPrior])
    def test_the_features_change_every_value_that_is_mapped(self, kind: Any, perturb: Callable[..., Any]) -> None:
        x, u = inputs(6, 4)
        layer = perturb(kind(6, FEATURES, HIDDEN)).double()
        changed = layer(x, u)[0] != layer(x, u + 0.1)[0]
        assert changed[:, 3:].all()

    @pytest.mark.parametrize(("known", "bound"), [(0, BOUND), (3, BOUND), (3, PRIOR_BOUND)])
    def test_log_scales_stay_within_their_bound(self, known: int, bound: float, perturb: Callable[..., Any]) -> None:
        predict = perturb(Prediction(known, FEATURES, HIDDEN, 4, bound), 5.0)
        x, u = inputs(3, 4, dtype=torch.float32)
        _, log_scale = predict(x if known else None, 100 * u)
        assert 0.9 * bound < log_scale.abs().max() <= bound

    def test_guidance_is_the_gaussian_of_p_to_the_1_plus_w_over_q_to_the_w(self) -> None:
        """Up to a constant: its log-density minus that of the quotient is the same wherever one looks. Of a q that is
        narrower than p, one as wide is taken."""
        mean, log_scale = torch.tensor([0.3, -1.0]).double(), torch.tensor([0.2, 0.5]).double()
        other_mean, other_log_scale = torch.tensor([-0.4, 2.0]).double(), torch.tensor([0.1, 0.9]).double()
        found = guided((mean, log_scale), (other_mean, other_log_scale), 2.0)
        as_wide = torch.minimum(other_log_scale, log_scale)
        x = torch.linspace(-3, 3, 7).double()[:, None]
        p, q, guide = (
            torch.distributions.Normal(m, torch.exp(-s)).log_prob(x)
            for m, s in ((mean, log_scale), (other_mean, as_wide), found)
        )
        constant = guide - (3 * p - 2 * q)
        torch.testing.assert_close(constant, constant[:1].expand_as(constant))

    def test_a_prediction_under_guidance_is_that_of_its_two_gaussians(self, perturb: Callable[..., Any]) -> None:
        predict = perturb(Prediction(3, FEATURES, HIDDEN, 4), 0.3).double()
        x, u = inputs(3, 4)
        v = u.flip(0)
        expected = guided(predict(x, u), predict(x, v), 2.0)
        for found, wanted in zip(predict(x, Guided(u, v, 2.0)), expected, strict=True):
            torch.testing.assert_close(found, wanted)

    def test_guidance_of_weight_0_changes_nothing(self, perturb: Callable[..., Any]) -> None:
        layer = perturb(AffineCoupling(6, FEATURES, HIDDEN)).double()
        z, u = inputs(6, 4)
        assert torch.equal(layer.inverse(z, Guided(u, u.flip(0), 0.0)), layer.inverse(z, u))


class TestAutoregressive:
    def test_it_starts_as_the_identity(self) -> None:
        x, u = inputs(6, 4)
        z, logdet = autoregressive(6, 4).double()(x, u)
        assert torch.equal(z, x) and logdet.count_nonzero() == 0

    @pytest.mark.parametrize("backwards", [False, True])
    def test_a_pixel_depends_on_all_before_it_and_on_none_behind_it(
        self, backwards: bool, perturb: Callable[..., Any]
    ) -> None:
        layer = perturb(autoregressive(6, 4, backwards), 0.2).double()
        x, u = inputs(6, 4)
        for row, column in ((0, 0), (1, 2), (3, 3)):
            other = x.clone()
            other[:, :, row, column] += 1
            changed = (layer(other, u)[0] != layer(x, u)[0]).any(dim=1).flatten(1)
            place = torch.arange(16) - (4 * row + column)
            assert torch.equal(changed, (place <= 0 if backwards else place >= 0).expand(3, 16))

    def test_a_pixel_knows_its_own_features(self, perturb: Callable[..., Any]) -> None:
        layer = perturb(autoregressive(6, 4), 0.2).double()
        x, u = inputs(6, 4)
        assert (layer(x, u)[0] != layer(x, u + 0.1)[0]).all()

    def test_log_scales_stay_within_their_bound(self, perturb: Callable[..., Any]) -> None:
        layer = perturb(autoregressive(6, 4), 5.0)
        x, u = inputs(6, 4, dtype=torch.float32)
        _, logdet = layer(x, 100 * u)
        assert logdet.abs().max() <= BOUND * 6 * 16

    @pytest.mark.parametrize("backwards", [False, True])
    def test_guidance_moves_each_pixel_away_from_the_prediction_without_the_label(
        self, backwards: bool, perturb: Callable[..., Any]
    ) -> None:
        """Found again by mapping the guided picture forward under both labels: each pixel's prediction is that of the
        pixels before it in the guided picture."""
        layer = perturb(autoregressive(6, 4, backwards), 0.2).double()
        z, u = inputs(6, 4)
        v = u.flip(0)
        with torch.no_grad():
            x = layer.inverse(z, Guided(u, v, 1.5))
            assert (x - layer.inverse(z, u)).abs().max() > 0.1
            pixels = layer.in_order(x)
            before = torch.nn.functional.pad(pixels[:, :-1], (0, 0, 1, 0))
            (mean, log_scale), (without, its_log_scale) = (
                layer.predict(before, layer.in_order(known), slice(None)) for known in (u, v)
            )
        mean, log_scale = guided((mean, log_scale), (without, its_log_scale), 1.5)
        expected = (pixels - mean) * torch.exp(log_scale)
        torch.testing.assert_close(layer.in_order(z), expected)

    def test_guidance_of_weight_0_changes_nothing(self, perturb: Callable[..., Any]) -> None:
        layer = perturb(autoregressive(6, 4), 0.2).double()
        z, u = inputs(6, 4)
        torch.testing.assert_close(layer.inverse(z, Guided(u, u.flip(0), 0.0)), layer.inverse(z, u))
