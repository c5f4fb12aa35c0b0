"""The networks of CycleGAN: names, counts, sizes, and what the fast layers must equal."""

import json
import math
from pathlib import Path

import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import nn

from lit_gans.errors import InputError
from lit_gans.kernels.instance_norm import InstanceNorm2d
from lit_gans.networks.cyclegan import MASK_START, PatchDiscriminator, ResidualBlock, ResnetGenerator

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cyclegan.json").read_text())


def shapes(network: nn.Module) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in network.state_dict().items()}


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


class TestAgainstTheReference:
    @pytest.mark.parametrize("blocks", [9, 6])
    def test_generator_names_and_shapes_are_those_of_the_authors_code(self, blocks: int) -> None:
        assert shapes(ResnetGenerator(blocks=blocks)) == GOLDEN[f"resnet_{blocks}blocks"]

    def test_discriminator_names_and_shapes_are_those_of_the_authors_code(self) -> None:
        assert shapes(PatchDiscriminator()) == GOLDEN["patch_discriminator"]

    def test_parameters_are_as_many_as_published(self) -> None:
        assert count(ResnetGenerator()) == 11_378_179
        assert count(PatchDiscriminator()) == 2_764_737

    def test_start_weights_have_deviation_0_02_and_biases_are_zero(self) -> None:
        for network in (ResnetGenerator(16, 2), PatchDiscriminator(16)):
            weights = torch.cat([p.flatten() for n, p in network.named_parameters() if n.endswith("weight")])
            assert weights.std().item() == pytest.approx(0.02, rel=0.02)
            assert abs(weights.mean().item()) < 0.0005
            assert all(not p.any() for n, p in network.named_parameters() if n.endswith("bias"))

    @pytest.mark.parametrize("blocks", [0, 1, 6])
    def test_what_it_knows_on_the_way_has_the_promised_channels_and_leads_to_the_picture(self, blocks: int) -> None:
        generator = ResnetGenerator(4, blocks).eval()
        image = torch.rand(2, 3, 16, 20)
        found = generator.encoded(image)
        assert [layer.shape[1] for layer in found] == generator.encoded_channels
        assert [tuple(layer.shape[2:]) for layer in found[:4]] == [(16, 20), (16, 20), (8, 10), (4, 5)]
        assert torch.equal(generator.model[generator.looked_at[-1] :](found[-1]), generator(image))

    def test_the_generator_computes_what_plain_layers_in_that_order_do(self) -> None:
        generator = ResnetGenerator(4, 1)

        class Block(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                layers = [nn.ReflectionPad2d(1), nn.Conv2d(16, 16, 3), nn.InstanceNorm2d(16), nn.ReLU()]
                layers += [nn.ReflectionPad2d(1), nn.Conv2d(16, 16, 3), nn.InstanceNorm2d(16)]
                self.conv_block = nn.Sequential(*layers)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x + self.conv_block(x)

        layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, 4, 7), nn.InstanceNorm2d(4), nn.ReLU()]
        layers += [nn.Conv2d(4, 8, 3, 2, 1), nn.InstanceNorm2d(8), nn.ReLU()]
        layers += [nn.Conv2d(8, 16, 3, 2, 1), nn.InstanceNorm2d(16), nn.ReLU(), Block()]
        layers += [nn.ConvTranspose2d(16, 8, 3, 2, 1, output_padding=1), nn.InstanceNorm2d(8), nn.ReLU()]
        layers += [nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1), nn.InstanceNorm2d(4), nn.ReLU()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(4, 3, 7), nn.Tanh()]
        plain = nn.Sequential(*layers)
        plain.load_state_dict({name.removeprefix("model."): w for name, w in generator.state_dict().items()})
        image = torch.rand(2, 3, 20, 12) * 2 - 1
        assert_same_but_for_rounding(generator(image), plain(image), [generator])

    def test_the_discriminator_computes_what_plain_layers_in_that_order_do(self) -> None:
        discriminator = PatchDiscriminator(4)
        layers: list[nn.Module] = [nn.Conv2d(3, 4, 4, 2, 1), nn.LeakyReLU(0.2)]
        for before, after, stride in ((4, 8, 2), (8, 16, 2), (16, 32, 1)):
            layers += [nn.Conv2d(before, after, 4, stride, 1), nn.InstanceNorm2d(after), nn.LeakyReLU(0.2)]
        plain = nn.Sequential(*layers, nn.Conv2d(32, 1, 4, 1, 1))
        plain.load_state_dict({name.removeprefix("model."): w for name, w in discriminator.state_dict().items()})
        image = torch.rand(2, 3, 40, 32) * 2 - 1
        assert_same_but_for_rounding(discriminator(image), plain(image), [discriminator])


class TestSizes:
    @pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 30), (8, 47), (5, 9), (1, 1)])
    @pytest.mark.parametrize("upsample", ["transpose", "resize"])
    def test_the_generator_keeps_any_size(self, height: int, width: int, upsample: str) -> None:
        image = torch.rand(1, 3, height, width) * 2 - 1
        out = ResnetGenerator(2, 1, upsample)(image)  # type: ignore[arg-type]
        assert out.shape == image.shape
        assert out.abs().max() <= 1

    def test_padding_to_a_multiple_of_4_is_by_the_last_row_and_column(self) -> None:
        generator = ResnetGenerator(2, 1)
        image = torch.rand(1, 3, 15, 14)
        whole = torch.cat([image, image[..., -1:], image[..., -1:]], -1)
        whole = torch.cat([whole, whole[..., -1:, :]], -2)
        assert whole.shape[-2:] == (16, 16)
        torch.testing.assert_close(generator(image), generator(whole)[..., :15, :14])

    @pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70)])
    def test_a_logit_sees_a_patch_of_known_size(self, layers: int, field: int) -> None:
        """Instance norm sees the whole image, so its place is taken by nothing here."""
        discriminator = PatchDiscriminator(2, layers)
        for i, module in enumerate(discriminator.model):
            if isinstance(module, InstanceNorm2d):
                discriminator.model[i] = nn.Identity()
        image = torch.rand(1, 3, 160, 160, requires_grad=True)
        logits = discriminator(image)
        middle = logits.shape[-1] // 2
        logits[0, 0, middle, middle].backward()
        assert image.grad is not None
        rows = image.grad.abs().sum((0, 1, 3)).nonzero().flatten()
        assert len(rows) == field == rows[-1] - rows[0] + 1

    def test_at_128_px_there_are_14x14_logits(self) -> None:
        assert PatchDiscriminator(2)(torch.zeros(2, 3, 128, 128)).shape == (2, 1, 14, 14)

    @pytest.mark.parametrize(("layers", "smallest"), [(1, 6), (2, 12), (3, 24)])
    def test_too_small_an_image_is_refused_and_the_smallest_is_not(self, layers: int, smallest: int) -> None:
        discriminator = PatchDiscriminator(2, layers)
        discriminator(torch.rand(1, 3, smallest, smallest))
        with pytest.raises(InputError, match=rf"images of {smallest - 1}x99 px.*at least {smallest}"):
            discriminator(torch.rand(1, 3, smallest - 1, 99))


class TestResidual:
    def test_it_starts_as_no_change(self) -> None:
        image = torch.rand(2, 3, 18, 16) * 2 - 1
        assert torch.equal(ResnetGenerator(4, 1, residual=True)(image), image)

    def test_what_the_layers_draw_is_added_up_to_the_ends_of_the_range(self) -> None:
        """A change of 2 reaches white from black."""
        generator = ResnetGenerator(4, 1, residual=True)
        last = next(m for m in reversed(generator.model) if isinstance(m, nn.Conv2d))
        assert last.bias is not None
        image = torch.rand(1, 3, 16, 16) * 2 - 1
        for bias, expected in ((0.1, (image + 2 * math.tanh(0.1)).clamp(max=1)), (20.0, torch.ones_like(image))):
            nn.init.constant_(last.bias, bias)
            torch.testing.assert_close(generator(image), expected)

    def test_it_learns_from_its_first_step(self) -> None:
        generator = ResnetGenerator(4, 1, residual=True)
        generator(torch.rand(1, 3, 16, 16) - 0.5).square().mean().backward()
        assert any(p.grad is not None and p.grad.any() for p in generator.parameters())


class TestMasked:
    """The last layer draws an image, a mask and, with `residual`, a change."""

    @staticmethod
    def drawing(biases: list[float], residual: bool) -> ResnetGenerator:
        """A generator that draws the same at each pixel of whatever image."""
        generator = ResnetGenerator(4, 1, residual=residual, masked=True)
        last = next(m for m in reversed(generator.model) if isinstance(m, nn.Conv2d))
        assert last.bias is not None
        with torch.no_grad():
            last.bias.copy_(torch.tensor(biases))
        return generator

    @pytest.mark.parametrize("residual", [False, True])
    def test_it_starts_as_a_twentieth_of_grey_over_the_image(self, residual: bool) -> None:
        image = torch.rand(2, 3, 18, 16) * 2 - 1
        share = (1 + math.tanh(MASK_START)) / 2
        torch.testing.assert_close(ResnetGenerator(4, 1, residual=residual, masked=True)(image), (1 - share) * image)

    def test_the_image_is_covered_where_the_mask_is_1_and_seen_where_it_is_0(self) -> None:
        image = torch.rand(1, 3, 16, 16) * 2 - 1
        covered, seen = (self.drawing([0.5] * 3 + [mask], False)(image) for mask in (20.0, -20.0))
        torch.testing.assert_close(covered, torch.full_like(image, math.tanh(0.5)))
        torch.testing.assert_close(seen, image)

    def test_the_change_is_added_to_what_is_seen(self) -> None:
        image = torch.rand(1, 3, 16, 16) * 2 - 1
        changed = self.drawing([0.5] * 3 + [0.0] + [0.1] * 3, True)(image)
        torch.testing.assert_close(changed, ((image + math.tanh(0.5)) / 2 + 2 * math.tanh(0.1)).clamp(-1, 1))

    def test_with_a_change_it_learns_on_where_the_mask_is_0(self) -> None:
        """A mask alone that has closed has no gradient any more: such a generator stays at no change for good."""
        gradients = []
        for residual in (False, True):
            generator = self.drawing([0.0] * 3 + [-20.0] + [0.0] * 3 * residual, residual)
            generator(torch.rand(1, 3, 16, 16) - 0.5).square().mean().backward()
            gradients.append(sum(p.grad.abs().sum() for p in generator.parameters() if p.grad is not None))
        assert gradients[0] == 0 < gradients[1]


class TestWithoutNorm:
    def test_the_start_neither_dies_nor_grows_with_the_layers(self) -> None:
        """Kaiming's start keeps the scale of what goes through them, and blocks start as no change."""
        torch.manual_seed(0)
        image = torch.rand(2, 3, 32, 32) * 2 - 1
        few, many = (ResnetGenerator(32, blocks, generator_norm="none") for blocks in (1, 9))
        for network in (few, many):
            before_the_last = network.model[:-2](image)
            assert 0.1 < before_the_last.std() < 10
        block = next(module for module in many.model if isinstance(module, ResidualBlock))
        x = torch.rand(1, 128, 8, 8)
        assert torch.equal(block(x), x)

    def test_a_bright_spot_changes_nothing_that_its_surroundings_do_not_reach(self) -> None:
        """With an instance norm, it changes the whole picture."""
        torch.manual_seed(0)
        image = torch.rand(1, 3, 96, 96) * 0.2
        spotted = image.clone()
        spotted[..., :4, :4] = 1.0
        for norm, reaches in (("none", False), ("instance", True)):
            network = ResnetGenerator(4, 0, generator_norm=norm)  # type: ignore[arg-type]
            far = (network(image) - network(spotted))[..., 48:, 48:]
            assert bool(far.any()) == reaches

    def test_its_weights_are_not_taken_for_those_of_another(self) -> None:
        weights = ResnetGenerator(4, 1, generator_norm="none").state_dict()
        with pytest.raises(RuntimeError, match="without_norm"):
            ResnetGenerator(4, 1).load_state_dict(weights)


class TestLayers:
    def test_images_of_a_batch_do_not_mix(self) -> None:
        images = torch.rand(3, 3, 24, 24)
        for network in (ResnetGenerator(4, 1), PatchDiscriminator(4)):
            alone = torch.cat([network(image[None]) for image in images])
            assert_same_but_for_rounding(network(images), alone, [network])

    def test_resize_convolution_leaves_no_checkerboard(self) -> None:
        """A constant comes out constant within; a transposed convolution with stride 2 makes four kinds of pixels."""

        def kinds(upsample: str) -> int:
            up = next(m for m in ResnetGenerator(1, 0, upsample).model if getattr(m, "in_channels", 0) == 4)  # type: ignore[arg-type]
            inside = up(torch.ones(1, 4, 8, 8))[0, 0, 2:-2, 2:-2]
            return len({round(value, 5) for value in inside.flatten().tolist()})

        assert (kinds("transpose"), kinds("resize")) == (4, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"upsample": "bilinear"}, "upsample is 'bilinear'"),
        ({"width": 0}, "width is 0"),
        ({"blocks": -1}, "blocks is -1"),
        ({"generator_norm": "batch"}, "generator_norm is 'batch'"),
    ],
    ids=str,
)
def test_impossible_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ResnetGenerator(**options)  # type: ignore[arg-type]


def test_the_golden_lists_hold_what_is_published() -> None:
    """They were written down from the order of the authors' layers, not from these networks."""
    sums = {name: sum(math.prod(shape) for shape in keys.values()) for name, keys in GOLDEN.items()}
    assert sums == {"resnet_9blocks": 11_378_179, "resnet_6blocks": 7_837_699, "patch_discriminator": 2_764_737}
