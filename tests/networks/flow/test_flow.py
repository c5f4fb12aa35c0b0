"""The whole flow: it inverts, its density is one, and the label is in all of it."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lit_gans.errors import InputError
from lit_gans.networks.flow.affine import AffineInjector, LastPrior, Prediction
from lit_gans.networks.flow.autoregressive import AutoregressiveAffine
from lit_gans.networks.flow.bijections import ActNorm, Chain
from lit_gans.networks.flow.flow import Flow, standard_normal
from lit_gans.networks.flow.latents import Latents
from lit_gans.networks.flow.layout import with_places
from lit_gans.networks.flow.quantization import bits_per_dim, dequantize

MakeFlow = Callable[..., Flow]
Batch = Callable[..., tuple[Tensor, Tensor]]


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-9), (torch.float32, 1e-4)], ids=str)
@pytest.mark.parametrize(("levels", "attention"), [(1, 0), (2, 0), (3, 0), (2, 2)])
def test_the_inverse_undoes_forward(
    flow: MakeFlow, batch: Batch, levels: int, attention: int, dtype: torch.dtype, error: float
) -> None:
    network = flow(levels=levels, attention=attention).to(dtype)
    x, label = batch(dtype=dtype)
    with torch.no_grad():
        pyramid = network.pyramid(label)
        latents, _ = network(x, pyramid)
        assert [tuple(part.shape) for part in latents.parts] == [(3, *shape) for shape in network.shapes]
        assert latents.flatten().shape == (3, 768)
        assert (network.inverse(latents, pyramid) - x).abs().max() < error


def test_without_splits_all_channels_reach_the_smallest_picture_and_the_inverse_undoes_forward(
    flow: MakeFlow, batch: Batch
) -> None:
    network = flow(levels=3, steps=(1, 0, 0), attention=2, attention_width=32, split=False, layout=True).double()
    x, label = batch()
    place = torch.rand(3, 4, 2, dtype=torch.float64)
    pyramid = network.pyramid(with_places(label, place))
    with torch.no_grad():
        latents, _ = network(x, pyramid)
        assert network.shapes == [(0, 8, 8), (0, 4, 4), (192, 2, 2)]
        assert latents.flatten().shape == (3, 768)
        assert (network.inverse(latents, pyramid) - x).abs().max() < 1e-9
        again = network.inverse(Latents.unflatten(latents.flatten(), network.shapes), pyramid)
    assert torch.equal(again, network.inverse(latents, pyramid))


@pytest.mark.parametrize(("levels", "attention"), [(2, 0), (1, 2)])
def test_the_log_determinant_is_that_of_the_autograd_jacobian(
    flow: MakeFlow, batch: Batch, levels: int, attention: int
) -> None:
    """Of the map from 3x4x4 values to all latents, for each of three images under a label of its own."""
    network = flow(image_size=4, levels=levels, attention=attention).double()
    x, label = batch(size=4)
    pyramid = network.pyramid(label)
    _, logdet = network(x, pyramid)
    assert logdet.std() > 1e-3
    for i in range(3):
        one = [u[i : i + 1] for u in pyramid]
        jacobian = torch.autograd.functional.jacobian(
            lambda y, one=one: network(y[None], one)[0].flatten().flatten(), x[i]
        )
        expected = torch.linalg.slogdet(jacobian.reshape(48, 48)).logabsdet
        torch.testing.assert_close(logdet[i], expected, rtol=1e-6, atol=1e-9)


def test_log_prob_is_the_normal_density_of_the_latents_and_the_determinant(flow: MakeFlow, batch: Batch) -> None:
    network = flow().double()
    x, label = batch()
    pyramid = network.pyramid(label)
    latents, logdet = network(x, pyramid)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(latents.flatten()).sum(1)
    torch.testing.assert_close(network.log_prob(x, pyramid), normal + logdet)
    torch.testing.assert_close(standard_normal(latents.flatten()[:, :, None, None]), normal)


@pytest.mark.parametrize("bits", [8, 5])
def test_bits_of_a_new_flow_on_uniform_noise_are_those_of_the_closed_form(bits: int) -> None:
    """A new flow is a rotation, so its density is N(0, I): on the uniform cube, whose values have variance 1/12,
    1/24 + log(2 pi)/2 nats each, and `bits` more for the width of the cells. Over C*H*W, and for any batch."""
    torch.manual_seed(0)
    network = Flow(4, 16, 2, 2, 6, 5, 5, 3, 1).double()
    images = torch.randint(0, 256, (64, 3, 16, 16)) / 127.5 - 1
    x = dequantize(images, torch.rand(images.shape), bits).double()
    pyramid = network.pyramid(torch.zeros(64, 4).double())
    with torch.no_grad():
        found = bits_per_dim(network.log_prob(x, pyramid), 768, bits)
        half = bits_per_dim(network.log_prob(x[:32], [u[:32] for u in pyramid]), 768, bits)
    expected = bits + (1 / 24 + math.log(2 * math.pi) / 2) / math.log(2)
    # 64 * 768 squares of variance 1/80 - 1/144, halved, in bits; six standard errors
    error = 6 * (1 / 180) ** 0.5 / 2 / math.log(2) / (64 * 768) ** 0.5
    assert found.mean().item() == pytest.approx(expected, abs=error)
    torch.testing.assert_close(half, found[:32])


class TestLabel:
    def test_another_label_is_another_density_and_another_picture(self, flow: MakeFlow, batch: Batch) -> None:
        network = flow().double()
        x, _ = batch(1)
        labels = one_hot(torch.arange(4), 4).double()
        with torch.no_grad():
            pyramid = network.pyramid(labels)
            densities = network.log_prob(x.expand(4, -1, -1, -1), pyramid)
            latents, _ = network(x, [u[:1] for u in pyramid])
            pictures = [network.inverse(latents, [u[i : i + 1] for u in pyramid]) for i in range(4)]
        for i in range(4):
            for j in range(i):
                assert (densities[i] - densities[j]).abs() > 1e-3
                assert (pictures[i] - pictures[j]).abs().max() > 1e-3

    def test_every_level_and_the_prior_depend_on_it(self, flow: MakeFlow, batch: Batch) -> None:
        network = flow(levels=3).double()
        x, _ = batch(1)
        with torch.no_grad():
            one, other = (network.pyramid(one_hot(torch.tensor([i]), 4).double()) for i in (0, 1))
            latents, _ = network(x, one)
            for i in range(3):
                mixed = [other[j] if j == i else one[j] for j in range(3)]
                assert (network(x, mixed)[0].parts[i] - latents.parts[i]).abs().max() > 1e-3

    def test_the_likelihood_has_a_gradient_for_the_embedding_of_the_label(self, flow: MakeFlow, batch: Batch) -> None:
        network = flow()
        x, label = batch(dtype=torch.float32)
        network.log_prob(x, network.pyramid(label)).sum().backward()
        gradient = network.pyramid.embed.weight.grad
        assert gradient is not None
        assert (gradient.abs().sum(0) > 0).tolist() == label.any(0).tolist()

    def test_guidance_changes_pictures_and_guidance_0_is_none(self, flow: MakeFlow, batch: Batch) -> None:
        network = flow().double()
        x, label = batch()
        with torch.no_grad():
            latents, _ = network(x, network.pyramid(label))
            torch.testing.assert_close(network.inverse(latents, network.guided(label, 0.0)), x)
            guided = [network.inverse(latents, network.guided(label, w)) for w in (0.5, 2.0)]
        assert 1e-3 < (guided[0] - x).abs().max() < (guided[1] - x).abs().max()


def test_no_parameter_is_unused(flow: MakeFlow, batch: Batch) -> None:
    network = flow(low_res_drop=0.5)
    x, label = batch(dtype=torch.float32)
    kept = torch.tensor([True, False, True])
    network.log_prob(x, network.pyramid(label, kept, torch.rand(3, 3, 8, 8), kept)).sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_state_dict_makes_the_same_flow_bit_for_bit(flow: MakeFlow, batch: Batch, tmp_path: Path) -> None:
    network, other = flow(), flow(by=0.3)
    x, label = batch(dtype=torch.float32)
    network.initialize(x, network.pyramid(label))
    torch.save(network.state_dict(), tmp_path / "state.pt")
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    with torch.no_grad():
        one, its = network(x, network.pyramid(label)), other(x, other.pyramid(label))
    assert torch.equal(one[0].flatten(), its[0].flatten()) and torch.equal(one[1], its[1])


class TestRecompute:
    def test_the_gradients_are_the_same(self, flow: MakeFlow, batch: Batch) -> None:
        x, label = batch()
        gradients = []
        for recompute in (False, True):
            network = flow(recompute=recompute).double()
            network.log_prob(x, network.pyramid(label)).sum().backward()
            gradients.append([parameter.grad for parameter in network.parameters()])
        for one, other in zip(*gradients, strict=True):
            torch.testing.assert_close(one, other)

    def test_a_step_more_costs_the_memory_of_its_input_alone(self, flow: MakeFlow, batch: Batch) -> None:
        """Values that autograd keeps for a step more at one level; 12 channels of 8x8 go into each."""
        x, label = batch(dtype=torch.float32)

        def kept(steps: int, recompute: bool) -> int:
            network = flow(levels=1, steps=steps, recompute=recompute)
            pyramid = [u.detach() for u in network.pyramid(label)]
            weights = {weight.data_ptr() for weight in network.parameters()} | {u.data_ptr() for u in pyramid}
            found: dict[int, int] = {}

            def pack(tensor: Tensor) -> Tensor:
                if tensor.data_ptr() not in weights:
                    found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes() // 4
                return tensor

            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                network(x, pyramid)
            return sum(found.values())

        values = 3 * 12 * 8 * 8
        assert kept(3, True) - kept(2, True) <= values
        assert kept(3, False) - kept(2, False) > 4 * values


class TestInitialisation:
    def test_one_pass_gives_every_actnorm_what_it_needs(self, batch: Batch) -> None:
        network = Flow(4, 16, 2, 2, 6, 5, 5, 3, 1)
        x, label = batch(8, dtype=torch.float32)
        network.initialize(0.01 * x + 3, network.pyramid(label))
        norms = [module for module in network.modules() if isinstance(module, ActNorm)]
        assert len(norms) == 2 * (2 + 2) and all(norm.initialized for norm in norms)
        latents, _ = network(0.01 * x + 3, network.pyramid(label))
        for part in latents.parts:
            assert part.mean().abs() < 0.1 and (part.std() - 1).abs() < 0.1

    def test_another_pass_changes_nothing(self, flow: MakeFlow, batch: Batch) -> None:
        network = flow()
        x, label = batch(dtype=torch.float32)
        network.initialize(x, network.pyramid(label))
        before = {name: value.clone() for name, value in network.state_dict().items()}
        network.initialize(2 * x + 1, network.pyramid(label))
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_an_image_size_that_the_levels_do_not_divide_is_refused() -> None:
    with pytest.raises(InputError, match="image_size is 20; a flow of 3 levels needs a multiple of 8"):
        Flow(4, 20, 3, 1, 6)


def test_steps_and_widths_may_be_one_a_level() -> None:
    network = Flow(4, 16, 3, [1, 2, 3], [4, 5, 6], 5, 5, 3, 1)
    counts = [sum(isinstance(part, AffineInjector) for part in chain.modules()) for chain in network.levels]
    assert counts == [1, 2, 4]  # the last has its prior, too
    widths = [{m.last.in_channels for m in chain.modules() if isinstance(m, Prediction)} for chain in network.levels]
    assert widths == [{4}, {5}, {6}]


@pytest.mark.parametrize("steps", [0, [1, 2], [1, 0, 1]])
def test_steps_that_do_not_fit_the_levels_are_refused(steps: int | list[int]) -> None:
    with pytest.raises(InputError, match="expected a whole number of at least 1"):
        Flow(4, 16, 3, steps, 6)


class TestAttention:
    def test_maps_follow_the_prior_of_the_last_level_in_turns_of_direction(self, flow: MakeFlow) -> None:
        network = flow(attention=3, attention_width=64)
        last = list(network.levels[-1].parts)
        prior = next(i for i, part in enumerate(last) if isinstance(part, LastPrior))
        maps, steps = last[prior + 1 :: 2], last[prior + 2 :: 2]
        assert [part.backwards for part in maps] == [False, True, False] and len(steps) == 3
        assert all(isinstance(step, Chain) for step in steps)
        assert not any(isinstance(part, AutoregressiveAffine) for part in network.levels[0].modules())

    def test_a_flow_that_gets_it_keeps_its_density(self, flow: MakeFlow, batch: Batch) -> None:
        """New maps are the identity, and new steps a rotation of what is standard normal; so an earlier flow can go on
        with more of them."""
        earlier = flow().double()
        refined = flow(by=0.0, attention=2, attention_width=32).double()
        missing, unexpected = refined.load_state_dict(earlier.state_dict(), strict=False)
        assert missing and not unexpected
        x, label = batch()
        pyramid = earlier.pyramid(label)
        torch.testing.assert_close(
            refined.log_prob(x, refined.pyramid(label)), earlier.log_prob(x, pyramid), rtol=1e-6, atol=1e-6
        )

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"attention": -1}, "attention is -1; expected a whole number of at least 0"),
            ({"attention_width": 48}, "attention_width is 48"),
        ],
    )
    def test_what_is_impossible_is_refused(self, flow: MakeFlow, options: dict[str, int], message: str) -> None:
        with pytest.raises(InputError, match=message):
            flow(**({"attention": 1} | options))
