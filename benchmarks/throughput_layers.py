"""A network of this package with torch's own layers in the places of ours: what a user writes down from a paper.

The package's layers have the parameters and the results of torch's, and are cheaper; that is part of what
benchmarks/throughput.py measures. The weights are shared with the network that is given.
"""

from collections.abc import Callable

from torch import Tensor, nn

from lit_gans.networks.cyclegan import InstanceNorm2d, ReflectionPad2d
from lit_gans.networks.flow.bijections import Chain, Mixing
from lit_gans.networks.layers import ConvTranspose2d, FromVector, HalvingConv2d, ToPixel
from lit_gans.networks.same import SameConvTranspose2d
from lit_gans.networks.stochastic import Dropout
from lit_gans.networks.upsampling import UpsampledConvTranspose2d
from lit_gans.networks.winograd import Conv3x3


class CroppedConvTranspose2d(nn.ConvTranspose2d):
    """nn.ConvTranspose2d of stride 1 and an even kernel, of which the last row and column are cut off."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return super().forward(input, output_size)[..., : input.shape[-2], : input.shape[-1]]


def plain_layers(network: nn.Module) -> nn.Module:
    """The network with torch's own layers; it is changed itself."""
    for parent in list(network.modules()):
        channels = 0
        for name, child in parent.named_children():
            channels = getattr(child, "out_channels", channels)
            if write := WRITTEN.get(type(child)):
                setattr(parent, name, write(child, channels).train(child.training))
    return network


def torchs(kind: type[nn.Conv2d | nn.ConvTranspose2d], layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    plain = kind(layer.in_channels, layer.out_channels, *shape_of(layer))
    plain.weight, plain.bias = layer.weight, layer.bias
    return plain


def cropped(layer: nn.ConvTranspose2d) -> nn.Module:
    kernel = layer.kernel_size[0]
    plain = CroppedConvTranspose2d(layer.in_channels, layer.out_channels, kernel, padding=(kernel - 1) // 2)
    plain.weight, plain.bias = layer.weight, layer.bias
    return plain


def shape_of(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[int, int, int]:
    """Kernel, stride, padding."""
    assert isinstance(layer.padding[0], int)
    return layer.kernel_size[0], layer.stride[0], layer.padding[0]


# by exact class: layer, channels of what came before -> the same in torch's layers
WRITTEN: dict[type[nn.Module], Callable[..., nn.Module]] = {
    InstanceNorm2d: lambda layer, channels: nn.InstanceNorm2d(channels),
    ReflectionPad2d: lambda layer, channels: nn.ReflectionPad2d(layer.padding),
    Mixing: lambda layer, channels: Chain([layer.norm, layer.conv]),
    Dropout: lambda layer, channels: nn.Dropout(layer.p),
    HalvingConv2d: lambda layer, channels: torchs(nn.Conv2d, layer),
    Conv3x3: lambda layer, channels: torchs(nn.Conv2d, layer),
    ToPixel: lambda layer, channels: torchs(nn.Conv2d, layer),
    ConvTranspose2d: lambda layer, channels: torchs(nn.ConvTranspose2d, layer),
    FromVector: lambda layer, channels: nn.Sequential(nn.Unflatten(1, (-1, 1, 1)), torchs(nn.ConvTranspose2d, layer)),
    SameConvTranspose2d: lambda layer, channels: cropped(layer),
    UpsampledConvTranspose2d: lambda layer, channels: nn.Sequential(nn.Upsample(scale_factor=2), cropped(layer)),
}
