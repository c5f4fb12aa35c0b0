"""The networks of CycleGAN (Zhu et al. 2017): a ResNet from image to image, and a discriminator of patches.

The names in the state dicts are those of the authors' PyTorch code, so that its files load (models/reference.py). At
the defaults the generator has 11,378,179 and the discriminator 2,764,737 parameters.
"""

from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.parametrizations import spectral_norm

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.kernels.instance_norm import InstanceNorm2d
from lit_gans.kernels.winograd import Conv3x3
from lit_gans.networks.bounds import bounded

Upsampling = Literal["transpose", "resize"]
DiscriminatorNorm = Literal["instance", "spectral", "none"]
GeneratorNorm = Literal["instance", "affine", "none"]

# Two layers of stride 2.
GRANULARITY = 4

# Bias of the mask before tanh: it covers 0.047 at the start.
MASK_START = -1.5


class ResnetGenerator(nn.Module):
    """Image -> image of the same size: 7x7 convolution, two of stride 2, residual blocks, two upsamplings, 7x7.

    Args:
        width: channels of the first layer; four times as many in the blocks.
        blocks: residual blocks; the paper has 9, and 6 for pictures of 128 px.
        upsample: "transpose", as in the paper, or "resize": nearest neighbour, then a convolution, which cannot leave
            a checkerboard (Odena et al. 2016).
        residual: the network draws the change of the image, in [-2, 2], instead of the whole image (as DeblurGAN,
            Kupyn et al. 2018); it starts as no change at all. What is to stay as it is need not be learnt.
        masked: the network draws an image and a mask in [0, 1], by which it covers the one it was given (Mejjati et al.
            2018, arXiv 1806.02311): what is to go need not be subtracted. The mask starts as one twentieth everywhere.
            With `residual`, the change is added to what is seen then: so a generator learns on where its mask is 0.
        channels: of the images: 3, or 1 for grey.
        generator_norm: "instance", as in the paper; "affine", which has weights and biases, as in some generators of
            other code; or "none", from Kaiming's weights and blocks that begin as no change (Fixup, Zhang et al. 2019):
            an instance norm lets a network scale a whole picture down by one bright spot in it, which is seen as a blob
            (Karras et al. 2020, section 2.1). Without one, a learning rate of 2e-4 drives tanh into saturation, 2e-5
            does not.

    Shapes:
        (B, channels, H, W) in [-1, 1] -> same. Sides that are no multiple of 4, or below 8, are padded with their last
        row or column, and the result is cropped back.
    """

    def __init__(
        self,
        width: int = 64,
        blocks: int = 9,
        upsample: Upsampling = "transpose",
        residual: bool = False,
        channels: int = 3,
        generator_norm: GeneratorNorm = "instance",
        masked: bool = False,
    ) -> None:
        super().__init__()
        checks.channels(channels)
        checks.whole("width", width, at_least=1)
        checks.whole("blocks", blocks, at_least=0)
        if upsample not in get_args(Upsampling):
            raise InputError(f"upsample is {upsample!r}; expected 'transpose' or 'resize'")
        checks.choice("generator_norm", generator_norm, get_args(GeneratorNorm))
        # an image with its mask, a change, both, or an image alone
        last = nn.Conv2d(width, (channels + 1) * masked + channels * (residual or not masked), 7)
        up = ResizeConv2d if upsample == "resize" else DoublingConvTranspose2d
        self.model = nn.Sequential(
            *(nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7), *normed(width, generator_norm)),
            *(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), *normed(2 * width, generator_norm)),
            *(nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1), *normed(4 * width, generator_norm)),
            *(ResidualBlock(4 * width, generator_norm) for _ in range(blocks)),
            *(up(4 * width, 2 * width), *normed(2 * width, generator_norm)),
            *(up(2 * width, width), *normed(width, generator_norm)),
            *(nn.ReflectionPad2d(3), last, nn.Tanh()),
        )
        init_normal(self)
        self.residual, self.masked, self.channels = residual, masked, channels
        # layers of `model` up to which `encoded` looks, and what comes out of each
        self.looked_at = [4, 7, 10, 10 + (blocks + 1) // 2][: 4 if blocks else 3]
        self.encoded_channels = [channels, width, 2 * width, 4 * width, 4 * width][: 5 if blocks else 4]
        # names in the state dict, so that nobody takes these weights for those of another network
        if generator_norm == "none":
            init_without_norm(self)
            self.register_buffer("without_norm", torch.tensor(True))
        if residual or masked:
            nn.init.zeros_(last.weight)
        if residual:
            self.register_buffer("draws_change", torch.tensor(True))
        if masked:
            nn.init.constant_(cast(Tensor, last.bias)[channels], MASK_START)
            self.register_buffer("draws_mask", torch.tensor(True))

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        below, right = missing(height), missing(width)
        if below or right:
            image = pad(image, (0, right, 0, below), mode="replicate")
        drawn = self.model(image)
        seen = image if self.residual else drawn
        if self.masked:
            mask = (1 + drawn[:, self.channels : self.channels + 1]) / 2
            seen = image + mask * (drawn[:, : self.channels] - image)
        if self.residual:
            seen = bounded(seen + 2 * drawn[:, -self.channels :])
        return seen[..., :height, :width]

    def encoded(self, image: Tensor) -> list[Tensor]:
        """What the network makes of an image (B, channels, H, W), H and W multiples of 4, on the way to its middle: the
        image itself, (B, width, H, W), (B, 2 width, H/2, W/2), (B, 4 width, H/4, W/4), and as many of the middle block.
        """
        found, x, start = [image], image, 0
        for end in self.looked_at:
            x = self.model[start:end](x)
            found.append(x)
            start = end
        return found


class PatchDiscriminator(nn.Module):
    """Image -> one logit for each overlapping patch of 70x70 px (with 3 layers; 34x34 with 2).

    Args:
        width: channels of the first layer; they double with each layer, up to eight times as many.
        layers: convolutions of stride 2.
        norm: "instance", as in the paper; "spectral": no layer enlarges a difference (Miyato et al. 2018); or "none",
            which goes with a gradient penalty.

    Shapes:
        (B, channels, H, W) in [-1, 1] -> (B, 1, H', W'); 14x14 of them at 128 px.
    """

    def __init__(
        self, width: int = 64, layers: int = 3, channels: int = 3, norm: DiscriminatorNorm = "instance"
    ) -> None:
        super().__init__()
        checks.whole("discriminator_width", width, at_least=1)
        checks.whole("discriminator_layers", layers, at_least=1)
        checks.choice("discriminator_norm", norm, get_args(DiscriminatorNorm))
        self.smallest = 3 * 2**layers
        widths = [width * min(2**i, 8) for i in range(layers + 1)]
        body: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        for i in range(layers):
            stride = 2 if i < layers - 1 else 1
            body += [nn.Conv2d(widths[i], widths[i + 1], 4, stride=stride, padding=1)]
            body += [InstanceNorm2d(widths[i + 1])] if norm == "instance" else []
            body += [nn.LeakyReLU(0.2, inplace=True)]
        self.model = nn.Sequential(*body, nn.Conv2d(widths[-1], 1, 4, padding=1))
        init_normal(self)
        if norm == "spectral":
            for layer in self.model:
                if isinstance(layer, nn.Conv2d):
                    spectral_norm(layer)

    def forward(self, image: Tensor) -> Tensor:
        if min(image.shape[-2:]) < self.smallest:
            raise InputError(
                f"images of {image.shape[-2]}x{image.shape[-1]} px; this discriminator needs at least {self.smallest} "
                "a side: take larger images or fewer discriminator layers"
            )
        return self.model(image)


class ResidualBlock(nn.Module):
    """x + two 3x3 convolutions of x, (B, C, H, W) -> same."""

    def __init__(self, channels: int, norm: GeneratorNorm = "instance") -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            *(nn.ReflectionPad2d(1), Conv3x3(channels, channels), *normed(channels, norm)),
            *(nn.ReflectionPad2d(1), Conv3x3(channels, channels), norm_of(channels, norm)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class DoublingConvTranspose2d(nn.ConvTranspose2d):
    """(B, in_channels, H, W) -> (B, out_channels, 2H, 2W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, stride=2, padding=1, output_padding=1)


class ResizeConv2d(nn.Conv2d):
    """Nearest neighbour to twice the size, then a 3x3 convolution; shapes as above."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, padding_mode="replicate")

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(nn.functional.interpolate(input, scale_factor=2.0, mode="nearest"))


def normed(channels: int, norm: GeneratorNorm) -> tuple[nn.Module, nn.Module]:
    """What follows a convolution."""
    # straight behind a kernel, whose result may be a view, nothing is changed in place
    return norm_of(channels, norm), nn.ReLU(inplace=norm != "none")


def norm_of(channels: int, norm: GeneratorNorm) -> nn.Module:
    return nn.Identity() if norm == "none" else InstanceNorm2d(channels, affine=norm == "affine")


def missing(side: int) -> int:
    """Pixels to add to a side so that the generator can take it."""
    return -side % GRANULARITY if side >= 2 * GRANULARITY else 2 * GRANULARITY - side


def init_normal(network: nn.Module) -> None:
    """N(0, 0.02) weights and zero biases for every convolution (the paper, 4)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def init_without_norm(generator: ResnetGenerator) -> None:
    """Kaiming's weights, which keep the variance through layers with ReLU; 0 for the last layer of each block, so that
    the sum over the blocks does not grow; the layer before tanh keeps N(0, 0.02)."""
    last = generator.model[-2]
    for module in generator.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module is not last:
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    for module in generator.modules():
        if isinstance(module, ResidualBlock):
            nn.init.zeros_(cast(nn.Conv2d, module.conv_block[-2]).weight)
