"""The networks of report 000 (A2) and Model 1 of its tip 5 (A6): counts, shapes, wiring and start values."""

import json
import math
from pathlib import Path

import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, interpolate, leaky_relu, linear, max_pool2d, pad

from lit_gans.errors import InputError
from lit_gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from tests.networks.counting import layers_of, running, shapes, sizes, table, trainable

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "dcgan.json").read_text())
State = dict[str, Tensor]

# Weight shapes, and the parameters that the report prints; of a BatchNorm half of what it prints is trainable.
GENERATOR_TABLE = [
    ((32768, 100), 3_309_568),
    ((128, 128, 4, 4), 262_272),
    ((128,), 512 // 2),
    ((128, 64, 4, 4), 131_136),
    ((64,), 256 // 2),
    ((64, 3, 4, 4), 3_075),
]
DISCRIMINATOR_TABLE = [
    ((32, 3, 4, 4), 1_568),
    ((64, 32, 4, 4), 32_832),
    ((64,), 256 // 2),
    ((128, 64, 4, 4), 131_200),
    ((128,), 512 // 2),
    ((256, 128, 4, 4), 524_544),
    ((256,), 1_024 // 2),
    ((1, 20736), 20_737),
]


@pytest.mark.parametrize(
    ("model", "counts"),
    [(2, (3_706_435, 384, 711_777, 896)), (1, (3_706_435, 384, 691_297, 896))],
)
def test_parameters_are_as_many_as_in_the_report(model: int, counts: tuple[int, ...]) -> None:
    generator, discriminator = DCGANGenerator(report_model=model), DCGANDiscriminator(report_model=model)  # type: ignore[arg-type]
    found = trainable(generator), running(generator), trainable(discriminator), running(discriminator)
    assert found == counts
    totals = {2: (3_706_819, 712_673), 1: (3_706_819, 692_193)}[model]
    assert (sum(found[:2]), sum(found[2:])) == totals


def test_each_layer_has_the_shape_and_count_of_the_report() -> None:
    assert table(DCGANGenerator()) == GENERATOR_TABLE
    assert table(DCGANDiscriminator()) == DISCRIMINATOR_TABLE


def test_state_dicts_have_the_golden_keys_and_shapes() -> None:
    found = {
        "generator": shapes(DCGANGenerator()),
        "discriminator": shapes(DCGANDiscriminator()),
        "model 1 generator": shapes(DCGANGenerator(report_model=1)),
        "model 1 discriminator": shapes(DCGANDiscriminator(report_model=1)),
    }
    assert found == GOLDEN


def test_the_pictures_between_the_layers_have_the_reports_sizes() -> None:
    image, model_1 = torch.randn(2, 3, 64, 64), DCGANDiscriminator(report_model=1)
    assert sizes(DCGANGenerator(), torch.randn(2, 100)) == [(128, 32, 32), (64, 64, 64)]
    assert sizes(DCGANDiscriminator(), image) == [(32, 32, 32), (64, 17, 17), (128, 9, 9), (256, 9, 9)]
    assert sizes(model_1, image) == [(32, 32, 32), (64, 8, 8), (128, 2, 2), (256, 1, 1)]


def normalized(state: State, key: str, x: Tensor) -> Tensor:
    """BatchNorm with the batch's statistics, at Keras's default epsilon."""
    return batch_norm(x, None, None, state[f"{key}.weight"], state[f"{key}.bias"], training=True, eps=1e-3)


def generator_of_the_report(state: State, z: Tensor, model: int) -> Tensor:
    # Keras's dense output is reshaped to (16, 16, 128), channels last
    dense = linear(z, state["dense.weight"], state["dense.bias"]).relu()
    x = dense.reshape(len(z), 16, 16, -1).permute(0, 3, 1, 2)
    for block in ("layers.0", "layers.1", "to_rgb"):
        key = block if block == "to_rgb" else f"{block}.0"
        if block != "to_rgb":
            x = interpolate(x, scale_factor=2, mode="nearest")
        if model == 2:
            x = conv_transpose2d(x, state[f"{key}.weight"], state[f"{key}.bias"], padding=1)[..., :-1, :-1]
        else:
            x = conv2d(pad(x, (1, 2, 1, 2)), state[f"{key}.weight"], state[f"{key}.bias"])
        if block != "to_rgb":
            x = normalized(state, f"{block}.1", x)
            x = leaky_relu(x, 0.2) if model == 2 else x.relu()
    return x.tanh()


def discriminator_of_the_report(state: State, x: Tensor, model: int) -> Tensor:
    for block, stride in enumerate((2, 2, 2, 1)):
        weight, bias = state[f"layers.{block}.0.weight"], state[f"layers.{block}.0.bias"]
        after = 2 if stride == 1 or x.shape[-1] % 2 else 1
        x = conv2d(pad(x, (1, after, 1, after)), weight, bias, stride)
        if block == 1 and model == 2:
            x = pad(x, (0, 1, 0, 1))
        if block:
            norm = next(key for key in state if key.startswith(f"layers.{block}.") and key.endswith("running_mean"))
            x = normalized(state, norm.removesuffix(".running_mean"), x)
        x = leaky_relu(x, 0.2) if model == 2 else x.relu()
        if block and model == 1:
            x = max_pool2d(x, 2)
    return linear(x.flatten(1), state["to_logit.weight"], state["to_logit.bias"]).flatten()


@pytest.mark.parametrize("model", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_pass_is_that_of_the_reports_tables(model: int, layout: torch.memory_format) -> None:
    """In float64 at 64 px and without dropout: values, and the gradients of all weights."""
    random = torch.Generator().manual_seed(0)
    z, image = (torch.randn(shape, generator=random).double() for shape in ((3, 5), (3, 3, 64, 64)))
    networks = (
        (DCGANGenerator(5, width=2, report_model=model), generator_of_the_report, z),  # type: ignore[arg-type]
        (DCGANDiscriminator(width=2, report_model=model, dropout=0), discriminator_of_the_report, image),  # type: ignore[arg-type]
    )
    for network, report, given in networks:
        with torch.no_grad():
            for parameter in network.parameters():  # so that no bias is zero
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
        network.double().to(memory_format=layout)
        state = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        weights = {name: state[name].requires_grad_() for name, _ in network.named_parameters()}
        expected, found = report(state, given, model), network(given)
        torch.testing.assert_close(found, expected)
        assert found.std() > 1e-3
        factor = torch.randn(found.shape, generator=random).double()
        (expected * factor).sum().backward()
        (found * factor).sum().backward()
        for name, parameter in network.named_parameters():
            torch.testing.assert_close(parameter.grad, weights[name].grad, rtol=1e-6, atol=1e-9)


def test_batch_norm_has_kerass_momentum_and_epsilon() -> None:
    for network in (DCGANGenerator(), DCGANDiscriminator()):
        norms = layers_of(network, nn.BatchNorm2d)
        assert {(norm.momentum, norm.eps) for norm in norms} == {(0.2, 1e-3)}


def test_model_1_has_relu_and_max_pooling_and_model_2_has_neither() -> None:
    one, two = DCGANDiscriminator(report_model=1), DCGANDiscriminator()
    assert len(layers_of(one, nn.ReLU)) == 4 and len(layers_of(one, nn.MaxPool2d)) == 3
    assert len(layers_of(two, nn.LeakyReLU)) == 4 and not layers_of(two, nn.ReLU, nn.MaxPool2d)
    assert [layer.p for layer in layers_of(two, nn.Dropout)] == [0.25] * 4


def test_layers_start_as_in_keras() -> None:
    for network in (DCGANGenerator(), DCGANDiscriminator()):
        for layer in layers_of(network, nn.Linear, nn.Conv2d, nn.ConvTranspose2d):
            weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
            area = math.prod(weight.shape[2:])
            limit = math.sqrt(6 / (area * (weight.shape[0] + weight.shape[1])))
            assert 0.98 * limit < weight.abs().max() <= limit
            torch.testing.assert_close(weight.std().item(), limit / math.sqrt(3), rtol=0.05, atol=0)
            assert bias.count_nonzero() == 0


@pytest.mark.parametrize("size", [8, 12, 16, 32])
@pytest.mark.parametrize("model", [1, 2])
def test_other_sizes_work(size: int, model: int) -> None:
    images = DCGANGenerator(5, size, 2, model)(torch.randn(3, 5))  # type: ignore[arg-type]
    assert images.shape == (3, 3, size, size) and images.abs().max() <= 1
    assert DCGANDiscriminator(size, 2, model)(images).shape == (3,)  # type: ignore[arg-type]


def test_a_linear_output_leaves_minus_1_to_1() -> None:
    network = DCGANGenerator(5, 8, 2, output="linear")
    nn.init.constant_(network.to_rgb.get_parameter("bias"), 100)
    assert network(torch.randn(3, 5)).min() > 90


def test_dropout_of_the_generator_stays_on_in_eval_mode() -> None:
    z = torch.randn(3, 5)
    plain, dropping = DCGANGenerator(5, 8, 2).eval(), DCGANGenerator(5, 8, 2, generator_dropout=0.5).eval()
    torch.testing.assert_close(plain(z), plain(z))
    assert not torch.allclose(dropping(z), dropping(z))


def test_noise_of_the_generator_is_off_in_eval_mode() -> None:
    z, noisy = torch.randn(3, 5), DCGANGenerator(5, 8, 2, generator_noise=0.5)
    assert not torch.allclose(noisy(z), noisy(z))
    torch.testing.assert_close(noisy.eval()(z), noisy(z))


@pytest.mark.parametrize("norm", ["instance", "layer", "none"])
def test_a_critic_without_batch_norm_judges_each_image_by_itself(norm: str) -> None:
    network = DCGANDiscriminator(16, 4, norm=norm, dropout=0)  # type: ignore[arg-type]
    images = torch.randn(4, 3, 16, 16)
    assert_same_but_for_rounding(network(images)[:1], network(images[:1]), [network])


@pytest.mark.parametrize("size", [4, 18, 0])
def test_sizes_that_are_no_multiple_of_four_are_refused(size: int) -> None:
    for network in (DCGANGenerator, DCGANDiscriminator):
        with pytest.raises(InputError, match=f"image_size is {size}.*multiple of 4"):
            network(image_size=size)


def test_unknown_models_and_outputs_are_refused() -> None:
    with pytest.raises(InputError, match="report_model is 3; expected 1"):
        DCGANDiscriminator(report_model=3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="output is 'sigmoid'; expected one of tanh, linear"):
        DCGANGenerator(output="sigmoid")  # type: ignore[arg-type]
